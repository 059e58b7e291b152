"""Cases by totals of sites and lanes and by single sites in a plan's document, and as the judge of sites takes them."""

from __future__ import annotations

import msgspec
import numpy as np

from yingjian.engines.siting.model import Case, Cases


class Told(msgspec.Struct, frozen=True):
    """One case; see `engines.siting.model.Case`."""

    group: int
    sites: tuple[int, int]
    lanes: tuple[int, int]
    multipliers: list[int]
    site: int
    lane: int
    held: list[tuple[int, bool]] = []


class Proven(msgspec.Struct, frozen=True):
    """Groups of points proven case by case."""

    group: list[int] = []
    """Of each point, -1: none; empty: no groups."""
    each: list[Told] = []

    @staticmethod
    def of(cases: Cases | None) -> Proven:
        """As a plan tells them."""
        if cases is None:
            return Proven()
        each = [
            Told(c.group, c.sites, c.lanes, c.multipliers.tolist(), c.site, c.lane, list(c.held))
            for c in cases.each
        ]
        return Proven(cases.group.tolist(), each)

    def judged(self) -> Cases | None:
        """As the judge of sites takes them; it refuses what makes no sense. Raises `OverflowError`."""
        if not self.each:
            return None
        each = tuple(
            Case(
                c.group,
                c.sites,
                c.lanes,
                np.array(c.multipliers, dtype=np.int64),
                c.site,
                c.lane,
                tuple(c.held),
            )
            for c in self.each
        )
        return Cases(np.array(self.group, dtype=np.int64), each)
