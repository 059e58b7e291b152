"""Readers of public instances: what `bench instances` is asked, as the project's own questions.

Nothing of these files belongs to the project; they are read where they lie.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from yingjian.engines.siting.model import Prices, Problem, Rules

UNIT = 10_000
"""Price units of one unit of an instance's cost."""


def sscflp(path: Path) -> Problem:
    """`m n`, capacities, fixed costs, demands, then n rows of m assignment costs."""
    values = np.array(path.read_text(encoding="ascii").split(), dtype=float)
    m, n = int(values[0]), int(values[1])
    cuts = np.cumsum([2, m, m, n])
    room, opening, heads = (
        np.rint(values[a:b]).astype(np.int64) for a, b in itertools.pairwise(cuts)
    )
    ways = np.rint(values[cuts[-1] :].reshape(n, m) * UNIT).astype(np.int64)
    nowhere = np.zeros(n), np.zeros(n), np.zeros(m), np.zeros(m)
    most = int(room.max())
    return Problem(
        x=nowhere[0], y=nowhere[1], heads=heads, site_x=nowhere[2], site_y=nowhere[3],
        rules=Rules(walk_m=0.0, heads_per_site=most, heads_per_lane=most),
        prices=Prices(site=0, lane=0, walk_km=0, visit=0, visit_head=0, outside_head=UNIT * 1000),
        site_heads=room, site_prices=opening * UNIT, pair_prices=ways,
    )  # fmt: skip


def listed(path: Path) -> list[float]:
    """One value a line: the best known of instance 1, 2, …"""
    return [float(value) for value in path.read_text(encoding="ascii").split()]


def numbered(folder: Path, prefix: str) -> list[Path]:
    """Files `prefix` + number, by number."""
    found = [path for path in folder.glob(f"{prefix}*") if path.stem[len(prefix) :].isdigit()]
    return sorted(found, key=lambda path: int(path.stem[len(prefix) :]))
