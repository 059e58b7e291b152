"""A city's laboratories shared out among its districts, before each district is planned alone.

Every district is to send its busiest day's tubes somewhere, near first, its own laboratories before
others', and with so much room to spare that none is used beyond the share R80 allows. The cheapest
sharing is a linear model; what other districts give is support, told by name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from yingjian.engines.linear import Model
from yingjian.engines.plan.geo import Point, km
from yingjian.engines.plan.model import Lab
from yingjian.engines.plan.params import PlanParams

LATE = 10_000.0
"""Price, in minutes, of a tube nobody tests; dearer than any way."""
TIGHT = 400.0
"""Price of a tube's worth of room to spare that nobody has."""
ELSEWHERE = 20.0
"""Minutes a laboratory of another district must be nearer to be asked first."""


@dataclass(frozen=True)
class District:
    """A district: where its people live on average and the tubes of its busiest day."""

    code: str
    point: Point
    tubes: int


@dataclass(frozen=True)
class Support:
    """Tubes a day a district's laboratory keeps free for another district."""

    giver: str
    taker: str
    lab: str
    tubes: int
    minutes: int


@dataclass(frozen=True)
class Sharing:
    """Laboratories by district, each with the part of its day that is the district's."""

    given: dict[str, list[Lab]]
    support: list[Support]
    short: dict[str, int]
    """Tubes of a busiest day nobody has room for."""


def share_laboratories(
    districts: Sequence[District], labs: Sequence[Lab], params: PlanParams, *, most: float = 1.0
) -> Sharing:
    """Who may send how much where. `most`: the share of a laboratory's day that is used (R80).

    Deterministic. Raises `ValueError` without districts or laboratories.
    """
    if not districts or not labs:
        raise ValueError("districts and laboratories are needed")
    ways = np.array([[_minutes(d.point, lab, params) for lab in labs] for d in districts])
    own = np.array([[_of(lab, d.code) for lab in labs] for d in districts])
    need = np.array([d.tubes for d in districts], dtype=float)
    room = np.array([lab.tubes_per_day for lab in labs], dtype=float)
    sent = _solved(ways + np.where(own, 0.0, ELSEWHERE), need, room, most)
    quota = np.floor(sent + 1e-6).astype(np.int64)
    for k, lab in enumerate(labs):  # what nobody needs stays with whose it is
        home = np.flatnonzero(own[:, k])
        if len(home):
            quota[home[0], k] += lab.tubes_per_day - int(quota[:, k].sum())
    given: dict[str, list[Lab]] = {}
    support: list[Support] = []
    for n, district in enumerate(districts):
        rows = [k for k in np.argsort(ways[n], kind="stable").tolist() if quota[n, k] > 0]
        given[district.code] = [
            msgspec.structs.replace(labs[k], tubes_per_day=int(quota[n, k])) for k in rows
        ]
        support += [
            Support(labs[k].area, district.code, labs[k].code, int(quota[n, k]), round(ways[n, k]))
            for k in rows
            if not own[n, k]
        ]
    short = {
        d.code: max(0, d.tubes - int(quota[n].sum()))
        for n, d in enumerate(districts)
        if quota[n].sum() < d.tubes
    }
    return Sharing(given, support, short)


def _of(lab: Lab, district: str) -> bool:
    """Whether a laboratory is the district's own; the city's own nobody's."""
    return bool(lab.area) and lab.area.startswith(district)


def _minutes(point: Point, lab: Lab, params: PlanParams) -> float:
    if lab.lon is None or lab.lat is None:
        return params.unknown_lab_minutes
    return km(point, (lab.lon, lab.lat)) * params.road_factor / params.drive_km_per_h * 60


def _solved(
    ways: np.ndarray, need: np.ndarray, room: np.ndarray, most: float
) -> np.ndarray:  # fmt: skip
    """Tubes of room by district and laboratory: the tubes themselves first, then room to spare."""
    n, k = ways.shape
    model = Model()
    flow = model.add_columns(n * k, cost=ways.reshape(-1)).reshape(n, k)
    late = model.add_columns(n, cost=LATE, high=need)
    tight = model.add_columns(n, cost=TIGHT, high=np.ceil(need / most - 1e-9) - need)
    wants = model.add_rows(n, low=np.ceil(need / most - 1e-9))
    model.put(wants[:, None], flow, 1.0)
    model.put(wants, late, 1.0)
    model.put(wants, tight, 1.0)
    holds = model.add_rows(k, high=room)
    model.put(holds[None, :], flow, 1.0)
    return np.maximum(model.solve().x[: n * k].reshape(n, k), 0.0)


def busiest_day(people: int, pool: int, days: int, *, reserve: float = 0.0) -> int:
    """Tubes of a district's busiest day: an even share of its people, and a reserve (R81)."""
    return math.ceil(people / max(1, pool) / max(1, days) * (1 + reserve))
