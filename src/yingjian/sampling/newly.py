"""Tubes of which nothing is stored yet, in a third of the time of the whole fold.

Nearly every tube comes once, sealed, with people nobody has swabbed in this round. Then nothing has to be read, joined
or compared: what `rules.fold` would say follows from the facts alone, and from them it is written down here. The
tests hold both to one answer.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from . import rules
from .rules import TOWN
from .states import (
    Changes,
    Fact,
    Gap,
    Limits,
    Locked,
    Opened,
    Place,
    Sealed,
    Swabbed,
    SwabState,
    TubeState,
)  # fmt: skip


def newly(facts: Sequence[Fact], limits: Mapping[uuid.UUID, Limits]) -> Changes | None:
    """What `fold` says of tubes, codes, swabs and people that nothing is stored of, in a third of its time; None where
    the facts are more than tubes opened and filled once each. Nearly all that a round brings is no more.
    """
    new = _New()
    for fact in facts:
        if not new.took(fact):
            return None
    return new.changes(limits)


class _New:
    """Tubes of which only this request tells, each opened once; swabs and people that come once."""

    def __init__(self) -> None:
        self.tubes: dict[uuid.UUID, TubeState] = {}
        self.swabs: dict[uuid.UUID, SwabState] = {}
        self.inside: dict[uuid.UUID, list[SwabState]] = defaultdict(list)
        self.sampled: dict[uuid.UUID, datetime] = {}
        self.codes: set[str] = set()

    def took(self, fact: Fact) -> bool:
        """Take a fact in; False for what needs the whole fold."""
        match fact:
            case Swabbed():
                return self._swabbed(fact)
            case Opened():
                return self._opened(fact)
            case Locked():
                tube = self._tube(fact.tube_id, fact.place)
                tube.locked_at = min(tube.locked_at or fact.at, fact.at)
                tube.state = rules.later(tube.state, "locked")
            case Sealed():
                tube = self._tube(fact.tube_id, fact.place)
                if tube.sealed_at is not None:
                    return False
                tube.sealed_at, tube.count_stated = fact.at, fact.count
                tube.state = rules.later(tube.state, "sealed")
            case _:
                return False
        return True

    def _tube(self, id: uuid.UUID, place: Place) -> TubeState:
        tube = self.tubes.get(id)
        if tube is None:
            tube = self.tubes[id] = TubeState(id, place)
        return tube

    def _opened(self, fact: Opened) -> bool:
        tube = self._tube(fact.tube_id, fact.place)
        if tube.opened_at is not None or fact.purpose != "screening" or fact.code in self.codes:
            return False
        self.codes.add(fact.code)
        tube.opened_at, tube.code, tube.mode = fact.at, fact.code, fact.mode
        tube.capacity, tube.purpose, tube.pair_id = fact.capacity, fact.purpose, fact.pair_id
        tube.place, tube.state = fact.place, rules.later(tube.state, "open")
        return bool(fact.code)

    def _swabbed(self, fact: Swabbed) -> bool:
        id, who, at = fact.swab_id, fact.who, fact.at
        if id in self.swabs:
            return False
        if who.person_id is not None:
            if who.due_id is None or who.due_id in self.sampled:
                return False
            self.sampled[who.due_id] = at
        swab = SwabState(
            id, fact.place, who, fact.tube_id, 0, fact.entry, at, fact.stub_no, fact.device_id
        )
        self.swabs[id] = swab
        self.inside[fact.tube_id].append(swab)
        return True

    def changes(self, limits: Mapping[uuid.UUID, Limits]) -> Changes | None:
        if self.inside.keys() - self.tubes.keys() or any(
            tube.opened_at is None for tube in self.tubes.values()
        ):
            return None
        out = Changes(
            tubes_new=[*self.tubes.values()], swabs_new=[*self.swabs.values()], sampled=self.sampled,
            tubes=self.tubes, swabs=self.swabs,
        )  # fmt: skip
        for tube in out.tubes_new:
            self._settle(out, tube, limits.get(tube.place.round_id, Limits()))
        return out

    def _settle(self, out: Changes, tube: TubeState, limits: Limits) -> None:
        swabs = self.inside[tube.id]
        swabs.sort(key=lambda swab: (swab.taken_at, swab.id.int))
        tube.people = len(swabs)
        tube.key = any(swab.who.key for swab in swabs)
        if swabs:
            tube.first_swab_at = swabs[0].taken_at
            out.started.append(tube)
        known = rules.count_at_seal(tube, swabs)
        differs = tube.count_stated is not None and tube.count_stated != known
        if differs and tube.count_stated is not None:
            out.gaps.append(Gap(tube, known, tube.count_stated))
        tube.flags = rules.tube_flags(tube, swabs, limits, differs=differs)
        household = next((swab.who.household_id for swab in swabs if swab.who.person_id), None)
        sealed, town, home = tube.sealed_at, tube.place.area[:TOWN], tube.mode == "household"
        for seat, swab in enumerate(swabs, 1):
            swab.position, swab.place, who = seat, tube.place, swab.who
            if (
                home or who.flags or who.single or who.found or seat > tube.capacity
                or (sealed is not None and swab.taken_at is not None and swab.taken_at > sealed)
                or (who.area and who.area[:TOWN] != town)
            ):  # fmt: skip
                swab.flags = rules.swab_flags(swab, tube, seat=seat, household=household)
