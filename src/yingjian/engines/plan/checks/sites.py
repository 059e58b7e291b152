"""Sites, slots, tubes and codes held against the rules. Counts again; no planner code."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime

import numpy as np

from yingjian.engines.plan.judge import Bench, minutes, stands, straight_kms, twice
from yingjian.engines.plan.model import Block, Site
from yingjian.engines.plan.sites import survey
from yingjian.engines.plan.walks import minutes_along

BEYOND = 3.0
"""Times the walking circle up to which walks along paths are measured; a longer one is told as this."""


def check_sites(bench: Bench) -> None:
    """Every site against R9, R10, R13, R16–R20, R23, R29, R49 and its own sums."""
    _number_of_sites(bench)
    _codes(bench)
    along = _minutes_along(bench)
    for site in bench.plan.sites:
        members, counted = _members(bench, site), _people_at(bench, site)
        _sums(bench, site, members, counted)
        if site.kind == "fixed":
            _capacity(bench, site, counted)
        _walk(bench, site, members, along)
        _lanes(bench, site, counted)
        _slots(bench, site)
        if site.kind == "fixed":  # a mobile team comes to hamlet after hamlet
            _order(bench, site)
        _tubes(bench, site, members)


def _people_at(bench: Bench, site: Site) -> tuple[int, int]:
    """Walkers and all people of a site, counted from the problem, not from what the plan states."""
    walkers = sum(block.walkers for block in _called(bench, site))
    home = sum(bench.blocks[v.key].home for v in site.home if v.key in bench.blocks)
    return walkers, walkers + home


def _members(bench: Bench, site: Site) -> list[Block]:
    keys = {key for slot in site.slots for key in slot.blocks} | {v.key for v in site.home}
    return [bench.blocks[key] for key in sorted(keys) if key in bench.blocks]


def _number_of_sites(bench: Bench) -> None:
    rules, plan = bench.problem.rules, bench.plan
    fixed = rules.number("sites.fixed_sites")
    if fixed is not None:
        enough = sum(b.people for b in bench.blocks.values()) >= fixed
        level = "error" if enough else "note"
        bench.most("sites_fixed", "plan", "sites.fixed_sites", len(plan.sites), fixed, level=level)
        bench.least("sites_fixed", "plan", "sites.fixed_sites", len(plan.sites), fixed, level=level)
    if rules.flag("sites.one_site_per_village") and fixed is None:
        at: dict[str, set[str]] = defaultdict(set)
        for site in plan.sites:
            for share in site.villages:
                at[share.area].add(site.code)
        for area, codes in sorted(at.items()):
            bench.most(
                "village_split", f"village:{area}", "sites.one_site_per_village", len(codes), 1.0
            )


def _sums(
    bench: Bench, site: Site, members: list[Block], counted: tuple[int, int]
) -> None:  # fmt: skip
    element = f"site:{site.code}"
    general = bench.problem.rules.number("scope.general_rank") or 0
    walkers, people = counted
    home = people - walkers
    villages: Counter[str] = Counter()
    for block in members:
        villages[block.area] += block.people
    bench.same("site_sum", element, site.walkers, walkers, "walkers")
    bench.same("site_sum", element, site.home_people, home, "home_people")
    bench.same("site_sum", element, site.people, people, "people")
    key = sum(b.people for b in members if b.rank < general)
    bench.same("site_sum", element, site.key_people, key, "key_people")
    shares: Counter[str] = Counter()
    for share in site.villages:
        shares[share.area] += share.people
    for area in sorted({*villages, *shares}):
        bench.same("site_sum", element, shares[area], villages[area], f"village {area}")
    for slot in site.slots:
        people = sum(bench.blocks[k].walkers for k in slot.blocks if k in bench.blocks)
        if people != slot.people:
            bench.same("site_sum", element, slot.people, people, f"slot {slot.start.isoformat()}")


def _called(bench: Bench, site: Site) -> list[Block]:
    return [bench.blocks[k] for slot in site.slots for k in slot.blocks if k in bench.blocks]


def _capacity(bench: Bench, site: Site, counted: tuple[int, int]) -> None:
    """People who come: the plan's bound; a stated number of sites rounds it up to whole tubes.

    Those visited at home (R29) take no room. A village's groups (R18) are counted over everybody.
    """
    rules, element = bench.problem.rules, f"site:{site.code}"
    walkers, people = counted
    most = rules.most("sites.people_per_site")
    group = rules.most("sites.people_per_group")
    if rules.flag("sites.one_site_per_village") and group:
        bench.most("group_size", element, "sites.people_per_group", people, group * site.groups)
    elif most is not None:
        one = len({key for slot in site.slots for key in slot.blocks}) == 1
        bench.most(
            "site_capacity", element, "sites.people_per_site", walkers, _whole_tubes(bench, most),
            level="warning" if one else _gives_way(bench, "sites.people_per_site"),
        )  # fmt: skip
    low = rules.get("sites.people_per_site").low
    if low is not None:
        bench.least("site_small", element, "sites.people_per_site", people, low, level="warning")


def _whole_tubes(bench: Bench, most: float) -> float:
    """Where the number of sites is stated, the bound is an average: up to the next whole tube."""
    if bench.problem.rules.number("sites.fixed_sites") is None:
        return most
    size = bench.problem.rules.number("pool.default_size") or 1
    return math.ceil(most / size) * size


def _gives_way(bench: Bench, path: str) -> str:
    """A borrowed bound gives way to the plan's own number of sites; a bound of its own does not."""
    rules = bench.problem.rules
    fixed = rules.get("sites.fixed_sites")
    own = fixed.value is not None and not fixed.origin.startswith("default ")
    return "warning" if own and rules.get(path).origin.startswith("default ") else "error"


def _walk(bench: Bench, site: Site, members: list[Block], along: Mapping[str, float]) -> None:
    """How many live beyond the walking circle (R17). Coordinates unknown: said so, not guessed."""
    rules, params = bench.problem.rules, bench.plan.params
    circle = rules.number("sites.walking_circle")
    if circle is None:
        return
    element = f"site:{site.code}"
    met = stands(site)
    ways: list[tuple[float, float, float, float, int]] = []
    paths: list[float] = []
    for block in members:
        own = (block.lon, block.lat)
        lon, lat = own if None not in own else bench.places.get(block.area, (None, None))
        east, north = met.get(block.key, (site.lon, site.lat))
        if lon is None or lat is None or east is None or north is None or not block.walkers:
            continue
        ways.append((east, north, lon, lat, block.walkers))
        paths.append(along.get(block.key, math.nan))
    if not ways:
        bench.say("no_coordinates", "note", element, "sites.walking_circle")
        return
    at = np.array(ways, dtype=float).T
    times = (
        straight_kms(at[0], at[1], at[2], at[3]) * params.road_factor / params.walk_km_per_h * 60
    )
    times = np.where(np.isnan(paths), times, paths)
    longest = float(np.minimum(times, BEYOND * circle).max())
    far = int(at[4][times > circle].sum())
    bench.say(
        "walk_far", "warning" if far else "ok", element, "sites.walking_circle",
        measured=round(longest, 1), limit=circle, over=max(0.0, longest - circle), people=far,
    )  # fmt: skip


def _minutes_along(bench: Bench) -> dict[str, float]:
    """Minutes of each household's walk to its site, or to where it meets its mobile team, along the plan's paths;
    empty without paths."""
    circle = bench.problem.rules.number("sites.walking_circle")
    if not bench.plan.params.paths or circle is None:
        return {}
    ground = survey(bench.problem)
    row = {block.key: i for i, block in enumerate(ground.blocks)}
    places: dict[tuple[int, float, float], int] = {}
    goes: dict[int, int] = {}
    for j, site in enumerate(bench.plan.sites):
        met = stands(site)
        for key in (key for slot in site.slots for key in slot.blocks):
            lon, lat = met.get(key, (site.lon, site.lat))
            if lon is None or lat is None or key not in row or math.isnan(ground.lon[row[key]]):
                continue
            goes[row[key]] = places.setdefault((j, lon, lat), len(places))
    where = [(lon, lat) for _, lon, lat in places]
    found = minutes_along(ground, bench.plan.params, goes, where, most=BEYOND * circle)
    return {ground.blocks[i].key: walk for i, walk in found.items()}


def _lanes(bench: Bench, site: Site, counted: tuple[int, int]) -> None:
    rules, element = bench.problem.rules, f"site:{site.code}"
    lanes = len(site.stations)
    fits = bench.fits.get(site.candidate)
    bench.least("no_lane", element, "sites.lane_per_hour", lanes, 1.0)
    if not lanes:
        return
    for path, people in (
        ("sites.people_per_lane", counted[0]),
        ("sites.people_per_group", counted[1]),
    ):
        most = rules.most(path)
        if most is not None:
            each = math.ceil(people / lanes)
            full = fits is not None and lanes >= fits  # no room for another: the place is stronger
            bench.most(
                "lane_load", element, path, each, _whole_tubes(bench, most),
                level="warning" if full else _gives_way(bench, path),
            )  # fmt: skip


def _slots(bench: Bench, site: Site) -> None:
    """Open hours, no overlap, and the queue counted through the day as a fluid (R35); `plan.checks.slots` has R23."""
    rules, element = bench.problem.rules, f"site:{site.code}"
    allowed = [
        *bench.problem.days,
        *(span for place in bench.problem.places for span in place.spans),
    ]
    lane = (rules.number("sites.lane_per_hour") or 0) / 60
    behind, previous = 0.0, None
    for slot in sorted(site.slots, key=lambda s: s.start):
        rate = lane * _lanes_at(site, slot.start, slot.end)
        if slot.end <= slot.start or not any(
            span.start <= slot.start and slot.end <= span.end for span in site.open
        ):
            bench.say("slot_closed", "error", element, "sites.open_from",
                      measured=slot.start.isoformat())  # fmt: skip
        if previous is not None:
            if slot.start < previous:
                bench.say("slot_overlap", "error", element, measured=slot.start.isoformat())
            behind = max(0.0, behind - rate * _open_between(site, previous, slot.start))
        people = sum(bench.blocks[k].walkers for k in slot.blocks if k in bench.blocks)
        wait = (behind + people) / rate if rate else math.inf
        if not math.isclose(wait, slot.wait, rel_tol=1e-4, abs_tol=0.02):
            bench.same("site_sum", element, slot.wait, round(wait, 2), "wait")
        behind = max(0.0, behind + people - rate * max(0.0, minutes(slot.end, slot.start)))
        previous = slot.end
    for span in site.open:
        inside = any(day.start <= span.start and span.end <= day.end for day in allowed)
        if not inside:
            bench.say("open_outside", "error", element, "sites.open_to",
                      measured=span.start.isoformat())  # fmt: skip
    for visit in site.home:
        if not any(span.start <= visit.start < span.end for span in site.open):
            bench.say("slot_closed", "error", element, "sites.open_from",
                      measured=visit.start.isoformat())  # fmt: skip


def _lanes_at(site: Site, start: datetime, end: datetime) -> int:
    """Lanes staffed all through a span: a lane may close in shifts nobody is called in."""
    return sum(
        not lane.open or any(own.start <= start and end <= own.end for own in lane.open)
        for lane in site.stations
    )


def _open_between(site: Site, start: datetime, end: datetime) -> float:
    """Minutes the site is open between two moments: a queue only shrinks while it is."""
    return sum(max(0.0, minutes(min(end, span.end), max(start, span.start))) for span in site.open)


def _order(bench: Bench, site: Site) -> None:
    """Key groups first (R9, R10): nobody of a better rank more than one slot behind a worse one."""
    slots = sorted(site.slots, key=lambda s: s.start)
    worst_before, late = -1, 0
    for index, slot in enumerate(slots):
        ranks = [bench.blocks[k].rank for k in slot.blocks if k in bench.blocks]
        if index > 1:
            before = [bench.blocks[k] for k in slots[index - 2].blocks if k in bench.blocks]
            worst_before = max([worst_before, *(block.rank for block in before)])
        late += sum(1 for rank in ranks if rank < worst_before)
    level = "error" if late else "ok"
    bench.say("key_groups_late", level, f"site:{site.code}", "scope.general_rank",
              measured=late, limit=0, over=late)  # fmt: skip
    finish = bench.problem.rules.number("clocks.key_groups_finish")
    general = bench.problem.rules.number("scope.general_rank") or 0
    last = [
        slot.end
        for slot in slots
        if any(k in bench.blocks and bench.blocks[k].rank < general for k in slot.blocks)
    ]
    if finish is not None and last:
        taken = minutes(max(last), bench.problem.window.start)
        bench.most("key_groups_finish", f"site:{site.code}", "clocks.key_groups_finish", taken,
                   finish)  # fmt: skip


def _tubes(bench: Bench, site: Site, members: list[Block]) -> None:
    """Tubes at the pool size with one remainder, single tubes for single-only people (R49, R51)."""
    rules, element = bench.problem.rules, f"site:{site.code}"
    size = rules.number("pool.default_size") or 1
    pooled = sum(b.pool + b.home_pool for b in members)
    want = {
        "pool": math.ceil(pooled / size),
        "single": sum(b.single + b.home_single for b in members),
        "household": sum(math.ceil((b.household + b.home_household) / size) for b in members),
        "part": 1 if pooled % size else 0,
    }
    for mode, number in want.items():
        path = "pool.single_only" if mode == "single" else "pool.default_size"
        stated = getattr(site.tubes, mode)
        bench.say("tube_count", "ok" if stated == number else "error", element, path,
                  measured=stated, limit=number, over=abs(stated - number), mode=mode)  # fmt: skip
    held = sum(station.tubes for station in site.stations)
    total = want["pool"] + want["single"] + want["household"]
    bench.least("station_tubes", element, "pool.default_size", held, total)
    holds = rules.number("transport.box_tubes") or 1
    calls = bench.calls[site.code]
    for station in site.stations:
        need = max(calls, math.ceil(station.tubes / holds))
        bench.least("boxes_short", f"station:{station.code}", "transport.box_tubes",
                    len(station.boxes), need)  # fmt: skip


# --- codes ---------------------------------------------------------------------------------------


def _codes(bench: Bench) -> None:
    """Form, level prefix, check digit, and that none is used twice (YN: 重码, 乱码)."""
    areas = {v.area for v in bench.problem.villages} | {b.area for b in bench.blocks.values()}
    stations = [(site, station) for site in bench.plan.sites for station in site.stations]
    boxes = [(station, box) for _, station in stations for box in station.boxes]
    for site in bench.plan.sites:
        good = _digits(site.code, 15) and site.code.startswith(site.area) and site.area in areas
        bench.say("code_form", "ok" if good else "error", f"site:{site.code}", measured=site.code)
    for site, station in stations:
        good = _digits(station.code, 17) and station.code.startswith(site.code)
        bench.say(
            "code_form", "ok" if good else "error", f"station:{station.code}", measured=station.code
        )
    tag = f"{bench.problem.campaign_no % 100:02d}{bench.problem.round_no % 100:02d}"
    bad = [
        box
        for station, box in boxes
        if not (
            _digits(box, 25)
            and box.startswith(station.code)
            and box[17:21] == tag
            and _check_holds(box)
        )
    ]
    for box in bad:
        bench.say("code_form", "error", f"box:{box}", measured=box)
    for kind, codes in (
        ("station", [station.code for _, station in stations]),
        ("box", [box for _, box in boxes]),
    ):
        doubles = twice(codes)
        for code in doubles:
            bench.say("code_twice", "error", f"{kind}:{code}", measured=code)
        if not doubles:
            bench.say("code_twice", "ok", f"plan:{kind}", measured=len(codes))


def _digits(code: str, length: int) -> bool:
    return len(code) == length and code.isascii() and code.isdigit()


def _check_holds(code: str) -> bool:
    """ISO 7064 MOD 11,10 read forwards: the running sum with the last digit is 1 modulo 10."""
    carry = 10
    for digit in code[:-1]:
        carry = (2 * ((carry + int(digit)) % 10 or 10)) % 11
    return (carry + int(code[-1])) % 10 == 1
