"""Pure decisions of the hot path: the life of a tube, the flags of a swab, the fold of the field's facts into state.

A fact is never refused. `fold` is written so that the order in which facts arrive does not matter and a fact that
arrives twice changes nothing: every field is the least or the greatest of what was reported, every flag follows from
the state and never from the order of arrival. (Only the number of a second binding of one code follows arrival.)
Sources: R49–R51 (pool sizes, household tubes, who is never pooled), R65 (counts), domain §1.2 (断网 乱码 缺码 重码).
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace

from .states import (
    Changes,
    Ended,
    Fact,
    Gap,
    Limits,
    Loaded,
    Locked,
    Opened,
    Place,
    Sealed,
    Swabbed,
    SwabMoved,
    SwabState,
    SwabVoided,
    TubeState,
    Who,
)  # fmt: skip
from .values import RANK, RELEASED

# What each report says a tube has become; `expected` is where a tube should have been before. A report from elsewhere
# is stored all the same.
TUBE_EVENTS: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "open": ("open", frozenset({"issued"})),
    "lock": ("locked", frozenset({"open"})),
    "seal": ("sealed", frozenset({"open", "locked"})),
    "box": ("boxed", frozenset({"sealed"})),
    "hand_over": ("in_transit", frozenset({"boxed", "in_transit"})),
    "not_found": ("missing", frozenset({"boxed", "in_transit"})),
    "receive": ("received", frozenset({"in_transit", "missing"})),
    "run": ("testing", frozenset({"received"})),
    "result": ("resulted", frozenset({"received", "testing"})),
    "release": ("released", frozenset({"resulted"})),
    "break": ("broken", frozenset({"open", "locked", "sealed", "boxed", "in_transit", "received"})),
    "reject": ("rejected", frozenset({"received", "testing"})),
    "void": ("voided", frozenset({"issued", "open", "locked", "sealed", "boxed"})),
}

SWAB_FLAGS: Final[Mapping[str, str]] = {
    # flag → how much it matters: act (somebody must decide), look (may be wrong), note (for the record)
    "single_only_in_pool": "act",
    "no_identity": "act",
    "code_garbled": "act",
    "code_foreign_key": "act",
    "code_revoked": "act",
    "id_malformed": "act",
    "member_unsaid": "act",
    "person_unknown": "act",
    "swab_changed": "act",
    "duplicate_person": "look",
    "over_capacity": "look",
    "added_after_seal": "look",
    "other_household": "look",
    "clock_skew": "look",
    "name_only": "look",
    "not_on_roster": "note",
    "other_area": "note",
    "green_lane": "note",
}
TUBE_FLAGS: Final[Mapping[str, str]] = {
    "not_opened": "act",
    "code_missing": "act",
    "duplicate_tube": "act",
    "opened_twice": "act",
    "ended_but_used": "act",
    "count_differs": "look",
    "over_capacity": "look",
    "size_not_allowed": "look",
    "household_not_allowed": "look",
    "boxed_twice": "look",
    "opened_late": "note",
    "empty": "note",
}
KEPT: Final = frozenset(
    {
        "code_garbled", "code_foreign_key", "code_revoked", "id_malformed", "member_unsaid", "person_unknown",
        "no_identity", "name_only", "clock_skew", "swab_changed", "green_lane",
    }
)  # fmt: skip
"""Swab flags that come with the report; the others are worked out from the state each time."""
TUBE_KEPT: Final = frozenset({"opened_twice", "duplicate_tube", "boxed_twice"})
TOWN: Final = 9
"""Digits of a region code that name a town."""


def later(one: str, other: str) -> str:
    """The state that knows more (see `values.TUBE_LINE`)."""
    return one if RANK[one] >= RANK[other] else other


def expected_from(event: str, state: str) -> bool:
    """Whether a tube in `state` was due to see `event`."""
    return state in TUBE_EVENTS[event][1]


def skew_beyond(skew_ms: int, limit: timedelta | None) -> bool:
    """Whether a device's clock is off by more than the preset allows. Within the limit the device is believed, so that
    its own times stay comparable with each other; beyond it they are shifted to the server's clock and flagged.
    """
    return limit is not None and abs(timedelta(milliseconds=skew_ms)) > limit


def shifted(at: datetime, shift_ms: int) -> datetime:
    """A device's time by the server's clock."""
    return at + timedelta(milliseconds=shift_ms) if shift_ms else at


def flagged(who: Who, flag: str) -> Who:
    """The same person with one more flag."""
    return replace(who, flags=(*who.flags, flag))


def at_round(windows: Sequence[tuple[datetime, datetime]], at: datetime) -> int:
    """Which of a station's rounds (windows in order of their start) a fact of moment `at` belongs to: the last one
    whose window holds it, else the last that had begun, else the first. So a late upload finds its own round.
    """
    holding = [n for n, (start, end) in enumerate(windows) if start <= at <= end]
    begun = [n for n, (start, _) in enumerate(windows) if start <= at]
    return (holding or begun or [0])[-1]


def fold(loaded: Loaded, facts: Sequence[Fact]) -> Changes:
    """Apply facts to what was loaded; says what to write. Loaded values are not changed."""
    work = _Work(loaded)
    for fact in facts:
        work.apply(fact)
    work.settle()
    return work.changes()


def count_at_seal(tube: TubeState, swabs: Iterable[SwabState]) -> int:
    """People the system knew in the tube when it was sealed: taken by then, not voided by then."""
    sealed = tube.sealed_at
    if sealed is None:
        return sum(swab.counts for swab in swabs)
    return sum(
        swab.taken_at is not None
        and swab.taken_at <= sealed
        and (swab.voided_at is None or swab.voided_at > sealed)
        for swab in swabs
    )


def swab_flags(
    swab: SwabState, tube: TubeState, *, seat: int, household: uuid.UUID | None
) -> tuple[str, ...]:
    """Flags of a swab in its tube; `seat` is its number among the swabs that count (0: it does not count)."""
    who = swab.who
    flags = {
        flag for flag in (*swab.flags, *who.flags) if flag in KEPT or flag == "duplicate_person"
    }
    if who.single and tube.mode in {"pool", "household"}:
        flags.add("single_only_in_pool")
    if seat > tube.capacity > 0:
        flags.add("over_capacity")
    if tube.sealed_at is not None and swab.taken_at is not None and swab.taken_at > tube.sealed_at:
        flags.add("added_after_seal")
    if who.found:
        flags.add("not_on_roster")
    if who.area and who.area[:TOWN] != tube.place.area[:TOWN]:
        flags.add("other_area")
    if tube.mode == "household" and who.person_id is not None and who.household_id != household:
        flags.add("other_household")
    return tuple(sorted(flags))


def tube_flags(
    tube: TubeState, swabs: Sequence[SwabState], limits: Limits, *, differs: bool
) -> tuple[str, ...]:
    """Flags of a tube with its swabs (in the order taken)."""
    flags = {flag for flag in tube.flags if flag in TUBE_KEPT}
    if tube.opened_at is None:
        flags.add("not_opened")
    elif not tube.code:
        flags.add("code_missing")
    if tube.opened_at and tube.first_swab_at and tube.first_swab_at < tube.opened_at:
        flags.add("opened_late")
    if tube.people > tube.capacity > 0:
        flags.add("over_capacity")
    if tube.mode == "pool" and tube.capacity not in limits.sizes:
        flags.add("size_not_allowed")
    if tube.mode == "household" and limits.household == "never":
        flags.add("household_not_allowed")
    if differs:
        flags.add("count_differs")
    if tube.ended_reason and not tube.lost:
        flags.add("ended_but_used")
    if tube.sealed_at is not None and not swabs:
        flags.add("empty")
    return tuple(sorted(flags))


def _first(one: Place, other: Place) -> Place:
    """Of two places told for a thing not yet opened, the one that any order of arrival ends with."""
    if one is other:
        return one
    return min(one, other, key=lambda place: str(place.station_id))


def _names(*parts: uuid.UUID | Place | None) -> tuple[str, ...]:
    """Texts to compare by; None has one too."""
    return tuple(str(part.station_id if isinstance(part, Place) else part) for part in parts)


def _tellings(fact: Swabbed, swab: SwabState) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What a report says of a swab, and what was said of it before, to compare."""
    home = swab.moved_from if swab.moved_at is not None else swab.tube_id
    told = (
        fact.at,
        fact.entry,
        fact.stub_no,
        *_names(fact.who.person_id, fact.tube_id, fact.device_id),
    )
    held = (
        swab.taken_at,
        swab.entry,
        swab.stub_no,
        *_names(swab.who.person_id, home, swab.device_id),
    )
    return told, held


class _Work:
    """The running state of one fold."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.tubes: dict[uuid.UUID, TubeState] = dict(loaded.tubes)
        self.swabs: dict[uuid.UUID, SwabState] = dict(loaded.swabs)
        self.touched: set[uuid.UUID] = set()  # tubes to settle
        self.persons: dict[
            tuple[uuid.UUID, uuid.UUID], uuid.UUID | None
        ] = {}  # (round, person) to settle: due
        self.recoded: set[str] = set()  # codes that a tube took on or gave up

    def apply(self, fact: Fact) -> None:
        match fact:
            case Swabbed():
                self._swabbed(fact)
            case Opened():
                self._opened(fact)
            case Sealed():
                self._sealed(fact)
            case Locked():
                tube = self._tube(fact.tube_id, fact.place)
                tube.locked_at = min(tube.locked_at or fact.at, fact.at)
                tube.state = later(tube.state, "locked")
            case SwabVoided():
                self._swab_voided(fact)
            case SwabMoved():
                self._swab_moved(fact)
            case _:
                self._ended(fact)

    def _tube(self, id: uuid.UUID, place: Place) -> TubeState:
        """The tube to change: a copy of the loaded one, or a stub that waits for its opening."""
        if id not in self.tubes:
            self.tubes[id] = TubeState(id, place)
            self.touched.add(id)
        tube = self._touch(id)
        if tube.opened_at is None:
            tube.place = _first(tube.place, place)
        return tube

    def _touch(self, id: uuid.UUID) -> TubeState:
        """A known tube that has to be settled again."""
        if id not in self.touched:
            self.touched.add(id)
            self.tubes[id] = copy(self.tubes[id])
        return self.tubes[id]

    def _swab(self, id: uuid.UUID, place: Place) -> SwabState:
        swab = self.swabs.get(id)
        swab = SwabState(id, place) if swab is None else copy(swab)
        if swab.tube_id is None:
            swab.place = _first(swab.place, place)
        self.swabs[id] = swab
        return swab

    def _opened(self, fact: Opened) -> None:
        tube = self._tube(fact.tube_id, fact.place)
        told = (
            fact.at,
            fact.code,
            fact.mode,
            fact.capacity,
            fact.purpose,
            *_names(fact.pair_id, fact.place),
        )
        held = (
            tube.opened_at, tube.code, tube.mode, tube.capacity, tube.purpose, *_names(tube.pair_id, tube.place),
        )  # fmt: skip
        if tube.opened_at is not None and told != held:
            tube.flags = (*tube.flags, "opened_twice")
        if tube.opened_at is None or told < held:
            if fact.code != tube.code:
                self.recoded |= {fact.code, tube.code}
                tube.binding = 0
                tube.flags = tuple(flag for flag in tube.flags if flag != "duplicate_tube")
            tube.opened_at, tube.code, tube.mode = fact.at, fact.code, fact.mode
            tube.capacity, tube.purpose, tube.pair_id = fact.capacity, fact.purpose, fact.pair_id
            tube.place = fact.place
        tube.state = later(tube.state, "open")

    def _sealed(self, fact: Sealed) -> None:
        tube = self._tube(fact.tube_id, fact.place)
        held = (tube.sealed_at, tube.count_stated)
        if tube.sealed_at is None or (fact.at, fact.count) < held:
            tube.sealed_at, tube.count_stated = fact.at, fact.count
        tube.state = later(tube.state, "sealed")

    def _ended(self, fact: Ended) -> None:
        tube = self._tube(fact.tube_id, fact.place)
        held = (tube.ended_at, tube.ended_reason)
        if tube.ended_at is None or (fact.at, fact.reason) < held:
            tube.ended_at, tube.ended_reason = fact.at, fact.reason
        tube.state = later(tube.state, TUBE_EVENTS[fact.event][0])
        self._people_of(tube)

    def _people_of(self, tube: TubeState) -> None:
        """Everybody in the tube has to be looked at again."""
        for swab in self.swabs.values():
            if swab.tube_id == tube.id:
                self._person(swab)

    def _person(self, swab: SwabState) -> None:
        if swab.who.person_id is not None:
            self.persons[swab.place.round_id, swab.who.person_id] = swab.who.due_id

    def _swabbed(self, fact: Swabbed) -> None:
        self._tube(fact.tube_id, fact.place)
        swab = self._swab(fact.swab_id, fact.place)
        if swab.tube_id is not None:
            self._touch(swab.tube_id)
        known = swab.taken_at is not None
        told, held = _tellings(fact, swab) if known else ((), ())
        swab.flags = (*swab.flags, *fact.who.flags)
        if known and told != held:
            swab.flags = (*swab.flags, "swab_changed")
            self._person(swab)
        if not known or told < held:
            swab.taken_at, swab.entry, swab.stub_no = fact.at, fact.entry, fact.stub_no
            swab.who, swab.device_id = fact.who, fact.device_id
            swab.flags = tuple(flag for flag in swab.flags if flag != "duplicate_person")
            if swab.moved_at is not None:
                swab.moved_from = fact.tube_id
            else:
                swab.tube_id = fact.tube_id
        self._person(swab)

    def _swab_voided(self, fact: SwabVoided) -> None:
        swab = self._swab(fact.swab_id, fact.place)
        held = (swab.voided_at, swab.void_reason)
        if swab.voided_at is None or (fact.at, fact.reason) < held:
            swab.voided_at, swab.void_reason = fact.at, fact.reason
        self._person(swab)
        if swab.tube_id is not None:
            self._touch(swab.tube_id)

    def _swab_moved(self, fact: SwabMoved) -> None:
        swab = self._swab(fact.swab_id, fact.place)
        told = (fact.at, str(fact.to_tube_id), fact.reason)
        held = (swab.moved_at, str(swab.tube_id), swab.move_reason)
        if swab.moved_at is None:
            swab.moved_from = swab.tube_id
        if swab.moved_at is None or told > held:
            if swab.tube_id is not None:
                self._touch(swab.tube_id)
            swab.moved_at, swab.move_reason, swab.tube_id = fact.at, fact.reason, fact.to_tube_id
        self._person(swab)
        self._tube(fact.to_tube_id, fact.place)

    def settle(self) -> None:
        """Work out everything that follows from the facts: bindings, order, counts, flags, who counts as sampled."""
        self._bind()
        inside: dict[uuid.UUID, list[SwabState]] = defaultdict(list)
        for swab in list(self.swabs.values()):
            if swab.tube_id in self.touched:
                if swab.taken_at is not None:
                    inside[swab.tube_id].append(swab)
                elif swab.place != self.tubes[swab.tube_id].place:
                    mine = self.swabs[swab.id] = self._own(swab)
                    mine.place = self.tubes[swab.tube_id].place
        self.differences: dict[uuid.UUID, int] = {}
        for id in self.touched:
            self._settle_tube(self.tubes[id], inside[id])
        self._settle_people()

    def _bind(self) -> None:
        """Number the bindings of a printed code; whoever shares a code is flagged (重码)."""
        for code in sorted(self.recoded - {""}):
            sharing = [tube for tube in self.tubes.values() if tube.code == code]
            last = max((tube.binding for tube in sharing), default=0)
            for tube in sorted(sharing, key=lambda tube: (tube.opened_at, str(tube.id))):
                flagged = "duplicate_tube" in tube.flags
                if tube.binding and flagged == (len(sharing) > 1):
                    continue
                mine = self._touch(tube.id)
                if not mine.binding:
                    last += 1
                    mine.binding = last
                rest = [flag for flag in mine.flags if flag != "duplicate_tube"]
                mine.flags = tuple(rest + ["duplicate_tube"] * (len(sharing) > 1))
        for tube in self.tubes.values():
            tube.binding = tube.binding or 1

    def _settle_tube(self, tube: TubeState, swabs: list[SwabState]) -> None:
        swabs.sort(key=lambda swab: (swab.taken_at, swab.id.int))
        before = self.loaded.tubes.get(tube.id)
        counted = [swab for swab in swabs if swab.voided_at is None]
        tube.people = len(counted)
        tube.key = any(swab.who.key for swab in counted)
        tube.first_swab_at = swabs[0].taken_at if swabs else None
        known = count_at_seal(tube, swabs)
        differs = tube.count_stated is not None and tube.count_stated != known
        if differs:
            self.differences[tube.id] = known
        limits = self.loaded.limits.get(tube.place.round_id, Limits())
        tube.flags = tube_flags(tube, swabs, limits, differs=differs)
        household = next((s.who.household_id for s in counted if s.who.person_id), None)
        seat = 0
        for position, swab in enumerate(swabs, 1):
            seat += swab.voided_at is None
            flags = swab_flags(
                swab, tube, seat=seat if swab.voided_at is None else 0, household=household
            )
            if (position, flags, tube.place) != (swab.position, swab.flags, swab.place):
                changed = self.swabs[swab.id] = self._own(swab)
                changed.position, changed.flags, changed.place = position, flags, tube.place
        if before is not None and before.lost != tube.lost:
            for swab in swabs:
                self._person(swab)

    def _own(self, swab: SwabState) -> SwabState:
        """A swab that may be written to: never the loaded one."""
        return copy(swab) if swab is self.loaded.swabs.get(swab.id) else swab

    def _settle_people(self) -> None:
        """One swab a round is enough: of several that count, all but the first are flagged; none left: due again."""
        taken: dict[tuple[uuid.UUID, uuid.UUID], list[SwabState]] = {
            key: [] for key in self.persons
        }
        self.due: dict[uuid.UUID, datetime | None] = {}
        for swab in self.swabs.values():
            if swab.who.person_id is not None:
                found = taken.get((swab.place.round_id, swab.who.person_id))
                if found is not None:
                    found.append(swab)
        for due, swabs in zip(self.persons.values(), taken.values(), strict=True):
            valid = [swab for swab in swabs if self._valid(swab)]
            valid.sort(key=lambda swab: (swab.taken_at, swab.id.int))
            again = {swab.id for swab in valid[1:]}
            for swab in swabs:
                self._mark_duplicate(swab, on=bool(again) and swab.id in again)
            if due is not None:
                self.due[due] = valid[0].taken_at if valid else None

    def _valid(self, swab: SwabState) -> bool:
        tube = self.tubes.get(swab.tube_id) if swab.tube_id else None
        return swab.counts and tube is not None and not tube.lost and tube.purpose == "screening"

    def _mark_duplicate(self, swab: SwabState, *, on: bool) -> None:
        if on != ("duplicate_person" in swab.flags):
            mine = self.swabs[swab.id] = self._own(swab)
            flags = (
                {*swab.flags, "duplicate_person"} if on else {*swab.flags} - {"duplicate_person"}
            )
            mine.flags = tuple(sorted(flags))

    def changes(self) -> Changes:
        out = Changes(tubes=self.tubes, swabs=self.swabs)
        for id in self.touched:
            self._tube_change(out, self.tubes[id], self.loaded.tubes.get(id))
        for id, swab in self.swabs.items():
            held = self.loaded.swabs.get(id)
            if held is None:
                out.swabs_new.append(swab)
            elif held is not swab and held != swab:
                out.swabs_changed.append(swab)
            if self._late(swab, held):
                out.late.append(swab)
        out.sampled = {due: at for due, at in self.due.items() if at is not None}
        out.unsampled = [due for due, at in self.due.items() if at is None]
        return out

    def _late(self, swab: SwabState, held: SwabState | None) -> bool:
        """Whether the swab is new in a tube that has a released result."""
        tube = self.tubes.get(swab.tube_id) if swab.tube_id else None
        if tube is None or tube.state != RELEASED or not swab.counts:
            return False
        return held is None or held.tube_id != swab.tube_id or not held.counts

    def _tube_change(self, out: Changes, tube: TubeState, held: TubeState | None) -> None:
        if held is None:
            out.tubes_new.append(tube)
        elif held != tube:
            out.tubes_changed.append(tube)
        if tube.first_swab_at and (held is None or held.first_swab_at is None):
            out.started.append(tube)
        if tube.lost and tube.ended_at and tube.first_swab_at and tube != held:
            out.ended.append(tube)
        if tube.box_id and held is not None and held.people != tube.people:
            out.recounted.append(tube)
        expected = self.differences.get(tube.id)
        if expected is not None and tube.count_stated is not None:
            out.gaps.append(Gap(tube, expected, tube.count_stated))
        elif held is not None and "count_differs" in held.flags:
            out.agreed.append(tube.id)
