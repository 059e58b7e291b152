"""Readers of public instances: what `bench instances` is asked, as the project's own questions.

Nothing of these files belongs to the project; they are read where they lie.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from yingjian.engines.asking import Ints
from yingjian.engines.siting.model import Prices, Problem, Rules

UNIT = 10_000
"""Price units of one unit of an instance's cost."""
PMED = [
    5819, 4093, 4250, 3034, 1355, 7824, 5631, 4445, 2734, 1255, 7696, 6634, 4374, 2968, 1729, 8162, 6999, 4809,
    2845, 1789, 9138, 8579, 4619, 2961, 1828, 9917, 8307, 4498, 3033, 1989, 10086, 9297, 4700, 3013, 10400, 9934,
    5057, 11060, 9423, 5128,
]  # fmt: skip
"""OR-Library's p-median instances 1 to 40: optima (Beasley)."""
PMEDCAP = [
    713, 740, 751, 651, 664, 778, 787, 820, 715, 829, 1006, 966, 1026, 982, 1091, 954, 1034, 1043, 1031, 1005,
]  # fmt: skip
"""OR-Library's capacitated p-median instances 1 to 20: optima."""
SJC = {
    "SJC1": 17288.99, "SJC2": 33270.94, "SJC3a": 45335.16, "SJC3b": 40635.90, "SJC4a": 61925.51,
    "SJC4b": 52458.02,
}  # fmt: skip
"""Lorena and Senne's instances: best known. Wrong ones circulate (SJC1 17246.53): those are below what is proven."""


def sscflp(path: Path) -> Problem:
    """`m n`, capacities, fixed costs, demands, then n rows of m assignment costs."""
    values = np.array(path.read_text(encoding="ascii").split(), dtype=float)
    m, n = int(values[0]), int(values[1])
    cuts = np.cumsum([2, m, m, n])
    room, opening, heads = (
        np.rint(values[a:b]).astype(np.int64) for a, b in itertools.pairwise(cuts)
    )
    ways = np.rint(values[cuts[-1] :].reshape(n, m) * UNIT).astype(np.int64)
    return priced(ways, heads, room, opening=opening * UNIT)


def priced(
    ways: Ints, heads: Ints, room: Ints, *, opening: Ints | None = None, most: int | None = None
) -> Problem:
    """`n` points, `m` candidates, `(n, m)` prices in `UNIT`, room and opening by candidate, most sites."""
    n, m = ways.shape
    top = int(room.max())
    return Problem(
        x=np.zeros(n), y=np.zeros(n), heads=heads, site_x=np.zeros(m), site_y=np.zeros(m),
        rules=Rules(walk_m=0.0, heads_per_site=top, heads_per_lane=top),
        prices=Prices(site=0, lane=0, walk_km=0, visit=0, visit_head=0, outside_head=UNIT * 1000),
        site_heads=room, site_prices=np.zeros(m, np.int64) if opening is None else opening,
        pair_prices=ways, most_sites=most,
    )  # fmt: skip


def pmed(path: Path) -> Problem:
    """`n edges p`, then edges `i j length`: a later one replaces an earlier. Everybody may be a site."""
    values = np.array(path.read_text(encoding="ascii").split(), dtype=np.int64)
    n, _, p = values[:3]
    way = np.full((n, n), FAR)
    np.fill_diagonal(way, 0)
    for i, j, length in values[3:].reshape(-1, 3):
        way[i - 1, j - 1] = way[j - 1, i - 1] = length
    for k in range(n):
        np.minimum(way, way[:, k : k + 1] + way[k], out=way)
    ones = np.ones(n, np.int64)
    return priced(way * UNIT, ones, n * ones, most=int(p))


FAR = 10**6
"""No road."""


def pmedcap(path: Path) -> Problem:
    """`n p`, n rows of n distances, n demands, n capacities."""
    values = np.array(path.read_text(encoding="ascii").split(), dtype=np.int64)
    n, p = values[:2]
    ways, rest = values[2 : 2 + n * n].reshape(n, n), values[2 + n * n :]
    return priced(ways * UNIT, rest[:n], rest[n:], most=int(p))


def sjc(path: Path) -> Problem:
    """`n p`, then rows `x y capacity demand`; straight distances, not rounded."""
    values = np.array(path.read_text(encoding="ascii").split(), dtype=np.int64)
    rows = values[2:].reshape(-1, 4)
    straight = np.hypot(*(rows[:, None, k] - rows[None, :, k] for k in (0, 1)))
    ways = np.rint(straight * UNIT).astype(np.int64)
    return priced(ways, rows[:, 3], rows[:, 2], most=int(values[1]))


def listed(path: Path) -> list[float]:
    """One value a line: the best known of instance 1, 2, …"""
    return [float(value) for value in path.read_text(encoding="ascii").split()]


def numbered(folder: Path, prefix: str) -> list[Path]:
    """Files `prefix` + number, by number."""
    found = [path for path in folder.glob(f"{prefix}*") if path.stem[len(prefix) :].isdigit()]
    return sorted(found, key=lambda path: int(path.stem[len(prefix) :]))
