"""Made-up counties and cities with real region codes, household by household: what a whole plan is made for.

A county is a list of villages (12-digit codes). Residents' committees of the streets stand side by
side around the county's seat, those of a town around its centre; a village is some hamlets strewn over
its town's land. Household sizes, people at home, key people and single tubes follow fixed shares. No
names of people, no identities; the same seed gives the same county. Coordinates are WGS 84.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yingjian.engines.plan.means import Force, Unit, Worker
from yingjian.engines.plan.model import Block, Lab, Rules, Village

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KM = 111.195
"""Kilometres of one degree along a meridian."""
HOUSEHOLD = np.array([1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5])
"""Sizes, each as likely: 2.7 people on average."""
AT_HOME, SINGLE, KEY = 0.02, 0.004, 0.02
STREET, TOWN_SEAT, RURAL = 3.0, 2.0, 1.0
"""Weights of a residents' committee of a street, of a town, and of a village."""
DENSE = {STREET: 10_000.0, TOWN_SEAT: 5_000.0}
"""People per square kilometre where houses stand side by side."""
HAMLET = 180
BUILDING = 60
"""People of one building where houses stand side by side."""
TURN = math.pi * (3 - math.sqrt(5))
STREETS = 100
COMMITTEES = 200
"""Town codes below the one are streets, village codes below the other residents' committees."""


@dataclass(frozen=True)
class Place:
    """A village or residents' committee and how many people live there."""

    code: str
    name: str
    people: int

    @property
    def weight(self) -> float:
        """What share of a county it has, before chance."""
        return _weight(self.code)


@dataclass(frozen=True)
class Ground:
    """A county's land: its middle and how large it is."""

    lon: float
    lat: float
    km2: float


def _weight(code: str) -> float:
    if int(code[9:12]) >= COMMITTEES:
        return RURAL
    return STREET if int(code[6:9]) < STREETS else TOWN_SEAT


def read(folder: Path, prefix: str) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Villages under a prefix (code, name), and the counties' names. `CODE-name.csv` files of `folder`."""
    villages: list[tuple[str, str]] = []
    counties: dict[str, str] = {}
    for path in sorted(folder.glob("*.csv")):
        if not prefix.startswith(path.name.split("-")[0]):
            continue
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                if row["level"] == "village" and row["code"].startswith(prefix):
                    villages.append((row["code"], row["name"]))
                if row["level"] == "county":
                    counties[row["code"][:6]] = row["name"]
    if not villages:
        raise FileNotFoundError(f"no villages of {prefix} in {folder}")
    return villages, counties


def made_up(county: str, *, people: int) -> list[tuple[str, str]]:
    """A county's villages where no list is at hand: streets, towns, and villages in proportion."""
    size = people / 329_000
    streets, towns = max(1, round(2 * size)), max(1, round(7 * size))
    found = []
    for s in range(1, streets + 1):
        found += [(f"{county}{s:03d}{n:03d}", f"{s}街{n}居") for n in range(1, 11)]
    for t in range(towns):
        code = f"{county}{100 + t:03d}"
        found += [(f"{code}{n:03d}", f"{t + 1}镇{n}居") for n in range(1, 3)]
        found += [(f"{code}{n:03d}", f"{t + 1}镇{n - 199}村") for n in range(200, 211)]
    return found


def peopled(villages: Sequence[tuple[str, str]], people: int, seed: int = 1) -> list[Place]:
    """The villages with people: by kind, with chance; they add up to `people`."""
    rng = np.random.default_rng(seed)
    weight = np.array([_weight(code) for code, _ in villages])
    weight = weight * rng.lognormal(0.0, 0.35, len(villages))
    edges = np.rint(np.cumsum(weight) / weight.sum() * people).astype(np.int64)
    count = np.diff(edges, prepend=0)
    return [Place(code, name, int(n)) for (code, name), n in zip(villages, count, strict=True) if n]


# --- households -----------------------------------------------------------------------------------


def county(
    places: Sequence[Place], ground: Ground, seed: int = 1
) -> tuple[list[Village], list[Block]]:
    """Villages and households of one county, sorted as the product sorts them."""
    rng = np.random.default_rng(seed)
    x, y = _middles(places, ground, rng)
    villages: list[Village] = []
    blocks: list[Block] = []
    east = KM * math.cos(math.radians(ground.lat))
    for n, place in enumerate(places):
        px, py, size = _homes(place, float(x[n]), float(y[n]), rng)
        lon = np.round(ground.lon + px / east, 6)
        lat = np.round(ground.lat + py / KM, 6)
        villages.append(
            Village(place.code, place.name, float(np.mean(lon)), float(np.mean(lat)))
        )  # fmt: skip
        blocks += _households(place.code, size, lon, lat, rng)
    return sorted(villages, key=lambda v: v.area), sorted(blocks, key=lambda b: b.key)


def _middles(
    places: Sequence[Place], ground: Ground, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Where each place is, in kilometres from the middle of the county."""
    side = math.sqrt(ground.km2)
    towns = sorted({p.code[:9] for p in places if int(p.code[6:9]) >= STREETS})
    at = {town: (rng.random(2) - 0.5) * side * 0.9 for town in towns}
    reach = math.sqrt(ground.km2 / max(1, len(towns)) / math.pi)
    x, y = np.zeros(len(places)), np.zeros(len(places))
    covered: dict[str, float] = {}
    for n, place in enumerate(places):
        town = place.code[:9] if place.code[:9] in at else ""
        cx, cy = at.get(town, (0.0, 0.0))
        if place.weight == RURAL and town:
            r, turn = reach * math.sqrt(rng.random()), 2 * math.pi * rng.random()
        else:
            area = place.people / DENSE.get(place.weight, DENSE[TOWN_SEAT])
            before = covered.get(town, 0.0)
            covered[town] = before + area
            r, turn = math.sqrt((before + area / 2) / math.pi), TURN * n
        x[n] = np.clip(cx + r * math.cos(turn), -side / 2, side / 2)
        y[n] = np.clip(cy + r * math.sin(turn), -side / 2, side / 2)
    return x, y


def _homes(
    place: Place, x: float, y: float, rng: np.random.Generator
) -> tuple[Floats, Floats, Ints]:
    """Households of a place: where each is, in kilometres, and how many live there."""
    size = rng.choice(HOUSEHOLD, place.people)
    count = int(np.searchsorted(np.cumsum(size), place.people)) + 1
    size = size[:count].astype(np.int64)
    size[-1] -= int(size.sum()) - place.people
    if place.weight == RURAL:
        spots = max(1, round(place.people / HAMLET))
        sx, sy = rng.normal(0, 0.7, spots), rng.normal(0, 0.7, spots)
        of = rng.choice(spots, count, p=_uneven(spots, rng))
        spread = 0.06
    else:
        side = math.sqrt(place.people / DENSE[place.weight])
        spots = max(1, round(place.people / BUILDING))
        sx, sy = (rng.random(spots) - 0.5) * side, (rng.random(spots) - 0.5) * side
        of = np.sort(rng.integers(0, spots, count))
        spread = 0.004
    px = x + sx[of] + rng.normal(0, spread, count)
    py = y + sy[of] + rng.normal(0, spread, count)
    return px, py, size


def _uneven(count: int, rng: np.random.Generator) -> Floats:
    weight = rng.lognormal(0.0, 0.5, count)
    return np.asarray(weight / weight.sum(), dtype=float)


def _households(
    area: str, size: Ints, lon: Floats, lat: Floats, rng: np.random.Generator
) -> list[Block]:
    home = rng.binomial(size, AT_HOME)
    alone = rng.binomial(size - home, SINGLE)
    rank = np.where((alone > 0) | (rng.random(len(size)) < KEY), 1, 2)
    names = rng.bytes(16 * len(size)).hex()
    return [
        Block(f"h{names[32 * n : 32 * n + 32]}", area, r, s - h - a, a, 0, h, 0, 0, at, north)
        for n, (s, h, a, r, at, north) in enumerate(
            zip(*(v.tolist() for v in (size, home, alone, rank, lon, lat)), strict=True)
        )
    ]


# --- what there is to work with -------------------------------------------------------------------


def force(
    area: str, villages: Sequence[Village], rules: Rules, people: int, seed: int = 1
) -> Force:
    """People to call, more than the rosters ask for: an institution in every town, ten of the county."""
    rng = np.random.default_rng(seed)
    towns = sorted({v.area[:9] for v in villages})
    units = [Unit(f"u{town}", f"{town}单位", town) for town in towns]
    units += [Unit(f"u{area}-{n}", f"{area}单位{n}", area[:6]) for n in range(10)]
    per_site = rules.most("sites.people_per_site") or 2000
    per_lane = min(rules.most("sites.people_per_lane") or per_site, per_site)
    sites, lanes = 2 * people / per_site + len(villages), 2 * people / per_lane + len(villages)
    teams = 2.0 * (2 * len(towns) + len(villages) + people / 5_000)
    wanted: dict[str, float] = {}
    for prefix, times in (
        ("staffing.lane", 2 * lanes), ("staffing.site", sites), ("staffing.recheck_team", teams),
    ):  # fmt: skip
        for job, count in rules.table(prefix).items():
            wanted[job] = wanted.get(job, 0.0) + count * times
    for job, count in rules.table("staffing.round").items():
        wanted[job] = wanted.get(job, 0.0) + count
    workers = [
        Worker(
            f"{area}-{job}-{n}", units[int(rng.integers(len(units)))].id, job,
            worked=int(rng.integers(0, 3000)),
        )
        for job, count in sorted(wanted.items())
        for n in range(math.ceil(count))
    ]  # fmt: skip
    return Force(workers, units)


def laboratories(
    area: str, ground: Ground, tubes_per_day: int, count: int, seed: int = 1
) -> list[Lab]:
    """So many laboratories within the county that test so many tubes a day together, of uneven size."""
    rng = np.random.default_rng(seed)
    share = rng.lognormal(0.0, 0.4, count)
    side = math.sqrt(min(ground.km2, 400.0))
    east = KM * math.cos(math.radians(ground.lat))
    found = []
    for n, part in enumerate(share / share.sum()):
        dx, dy = (rng.random(2) - 0.5) * side
        found.append(
            Lab(
                f"{area}L{n + 1}", f"{area}检测机构{n + 1}", math.ceil(tubes_per_day * float(part)), area[:6],
                round(ground.lon + float(dx) / east, 6), round(ground.lat + float(dy) / KM, 6),
            )
        )  # fmt: skip
    return found
