"""Turns a person may work in a day, as masks over periods `(patterns, periods)`."""

from __future__ import annotations

import numpy as np

from yingjian.engines.asking import Flags
from yingjian.engines.staffing.model import StaffingError

MOST = 5_000
"""Most patterns listed."""


def letters(periods: int, *, length: int, pattern: str) -> Flags:
    """Teams that take turns: `ABA` with shifts of `length` periods is A, B, A and so on (R35)."""
    teams = sorted(set(pattern))
    if not teams or length < 1 or periods < 1:
        raise StaffingError("bad_number", field="pattern", value=pattern)
    turn = (np.arange(periods) // length) % len(teams)
    masks = np.stack([turn == k for k in range(len(teams))])
    return np.asarray(masks[masks.any(axis=1)], dtype=bool)


def rotation(periods: int, *, least: int, most: int, rest: int, day: int) -> Flags:
    """Spells of `least` to `most` periods, `rest` between, `day` at most in all (R34, R47).

    The last spell may be shorter where the day ends. Raises `StaffingError`.
    """
    if not (1 <= least <= most and rest >= 0 and day >= 1 and periods >= 1):
        raise StaffingError("bad_number", field="rotation")
    found: list[tuple[tuple[int, int], ...]] = []

    def grow(start: int, used: int, spells: tuple[tuple[int, int], ...]) -> None:
        if len(found) > MOST:
            raise StaffingError("too_many_patterns", most=MOST)
        for begin in range(start, periods):
            for length in range(least, most + 1):
                end = min(begin + length, periods)
                if used + end - begin > day or (end - begin < least and begin + least <= periods):
                    continue
                longer = (*spells, (begin, end))
                found.append(longer)
                grow(end + max(1, rest), used + end - begin, longer)
                if end == periods:
                    break

    grow(0, 0, ())
    masks = np.zeros((len(found), periods), dtype=bool)
    for row, spells in enumerate(found):
        for begin, end in spells:
            masks[row, begin:end] = True
    unique: Flags = np.unique(masks, axis=0)
    return unique


def spells(mask: Flags) -> list[tuple[int, int]]:
    """Runs of periods worked, `[from, to)`."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
