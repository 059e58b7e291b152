"""What the field reports, from commands to rows: identify, lock, read, fold, write, each once per batch."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from yingjian.access import clocks, outbox
from yingjian.campaigns import actions as campaigns
from yingjian.campaigns import queries as rounds
from yingjian.kernel.ids import derived
from yingjian.logistics import actions as logistics
from yingjian.logistics.actions import Raced

from . import rules, store
from .events import SwabsCameLate
from .identify import Presented, identify
from .newly import newly
from .states import (
    Changes,
    Ended,
    Fact,
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
from .values import (
    RANK,
    TUBE_LINE,
    SwabAdd,
    SwabIn,
    SwabMove,
    SwabVoid,
    TubeEnd,
    TubeLock,
    TubeOpen,
    TubeRecord,
    TubeSeal,
)  # fmt: skip

UNCOOLED: Final = "uncooled"
TUBE_COUNT: Final = "tube_count"
FieldPayload = TubeOpen | TubeLock | TubeSeal | TubeEnd | TubeRecord | SwabAdd | SwabVoid | SwabMove


@dataclass(frozen=True, slots=True)
class Entry:
    """One command of the field with its place. `shift_ms` corrects a device clock off beyond the preset's limit."""

    command_id: uuid.UUID
    kind: str
    at: datetime
    place: Place
    payload: FieldPayload
    device_id: uuid.UUID | None = None
    skewed: bool = False
    shift_ms: int = 0


@dataclass(slots=True)
class Outcome:
    """What became of a batch: tubes and swabs as they are now."""

    changes: Changes = field(default_factory=Changes)
    codes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _RuleBook:
    limits: Limits
    clocks: Mapping[str, clocks.Deadline]


@lru_cache(maxsize=64)
def _rule_book(round_id: uuid.UUID) -> _RuleBook:
    """A round keeps its preset for ever, so that this never grows stale."""
    preset = rounds.preset_of(round_id)
    sizes = frozenset(preset.pool.sizes.value)
    return _RuleBook(
        Limits(sizes, preset.pool.household_tube.value or "never"), rounds.clock_rules(round_id)
    )


def apply(entries: Sequence[Entry], *, received_at: datetime, unknown: bool = False) -> Outcome:
    """Store what the field reports; `unknown`: none of its tubes and swabs is stored yet, as the caller has found.
    Raises `Raced` when another transaction was first: read again then.
    """
    if not entries:
        return Outcome()
    told = (entry.payload for entry in entries)
    codes = sorted(
        {one.code.strip() for one in told if isinstance(one, TubeOpen | TubeRecord)} - {""}
    )
    beside = store.beside(codes)
    facts, untouched = _facts(entries, received_at, revoked=beside.revoked)
    changes = None
    if unknown and untouched and not beside.bound:
        changes = newly(facts, _limits(facts))
    if changes is None:
        changes = rules.fold(_load(facts), facts)
    _write(changes, received_at)
    if beside.waiting:
        link_lines(box_ids=[], codes=codes)
    return Outcome(changes, codes)


# -- facts ---------------------------------------------------------------------------------------


def _facts(
    entries: Sequence[Entry], received_at: datetime, *, revoked: bool
) -> tuple[list[Fact], bool]:
    """The facts, and whether they tell of nobody's second swab (see `identify`)."""
    asked = [one for entry in entries for one in _presented(entry)]
    found, untouched = identify(asked, at=received_at, revoked=revoked)
    who = iter(found)
    return [fact for entry in entries for fact in _facts_of(entry, who)], untouched


def _presented(entry: Entry) -> list[Presented]:
    given = entry.payload
    if isinstance(given, SwabAdd):
        return [Presented(entry.command_id, given.swab_id, entry.place, entry.at, given)]
    if isinstance(given, TubeRecord):
        return [
            Presented(entry.command_id, swab.swab_id, entry.place, swab.at, swab)
            for swab in given.swabs
        ]
    return []


def _facts_of(entry: Entry, who: Any) -> list[Fact]:
    given, at, place = entry.payload, entry.at, entry.place
    match given:
        case SwabAdd():
            return [_swabbed(entry, given, given.tube_id, at, next(who))]
        case TubeRecord():
            return _recorded(entry, given, who)
        case TubeOpen():
            return [
                Opened(given.tube_id, at, place, given.code.strip(), given.mode, given.capacity, given.purpose,
                       given.pair_id)
            ]  # fmt: skip
        case TubeSeal():
            return [Sealed(given.tube_id, at, place, given.count)]
        case TubeLock():
            return [Locked(given.tube_id, at, place)]
        case SwabVoid():
            return [SwabVoided(given.swab_id, at, place, given.reason.strip())]
        case SwabMove():
            return [SwabMoved(given.swab_id, given.to_tube_id, at, place, given.reason.strip())]
        case TubeEnd():
            event = "void" if entry.kind == "tube.void" else "break"
            return [Ended(given.tube_id, at, place, event, given.reason.strip())]


def _swabbed(
    entry: Entry, given: SwabAdd | SwabIn, tube_id: uuid.UUID, at: datetime, who: Who
) -> Swabbed:
    if entry.skewed:
        who = rules.flagged(who, "clock_skew")
    if given.green:
        who = rules.flagged(who, "green_lane")
    return Swabbed(
        given.swab_id, tube_id, at, entry.place, given.entry, who, given.stub_no, entry.device_id
    )


def _recorded(entry: Entry, given: TubeRecord, who: Any) -> list[Fact]:
    """A whole tube is the same facts, each at its own time."""

    def moment(at: datetime) -> datetime:
        return rules.shifted(at, entry.shift_ms)

    facts: list[Fact] = [
        Opened(given.tube_id, moment(given.opened_at), entry.place, given.code.strip(), given.mode, given.capacity,
               given.purpose, given.pair_id)
    ]  # fmt: skip
    facts += [
        _swabbed(entry, swab, given.tube_id, moment(swab.at), next(who)) for swab in given.swabs
    ]
    if given.locked_at is not None:
        facts.append(Locked(given.tube_id, moment(given.locked_at), entry.place))
    facts.append(Sealed(given.tube_id, moment(given.sealed_at), entry.place, given.count))
    return facts


# -- load ----------------------------------------------------------------------------------------


def _load(facts: Sequence[Fact]) -> Loaded:
    """Everything the facts touch, people held before tubes (see `store`)."""
    swab_ids = {f.swab_id for f in facts if isinstance(f, Swabbed | SwabVoided | SwabMoved)}
    ended = [f.tube_id for f in facts if isinstance(f, Ended)]
    tube_ids = {f.tube_id for f in facts if not isinstance(f, SwabVoided | SwabMoved)}
    tube_ids |= {f.to_tube_id for f in facts if isinstance(f, SwabMoved)}
    dues = {f.who.due_id for f in facts if isinstance(f, Swabbed)}
    for tube_id, moved_to, due_id in store.swabs_known(list(swab_ids), ended):
        dues.add(due_id)
        tube_ids |= {id for id in (tube_id, moved_to) if id is not None}
    people = [due for due in dues if due is not None]
    store.due_lock(people)
    codes = sorted({f.code for f in facts if isinstance(f, Opened)} - {""})
    tubes = store.tubes_locked(sorted(tube_ids), codes)
    # Of a tube that only shares a code, too: whoever is flagged for it (重码) is counted again.
    inside = sorted(tube_ids | set(tubes))
    swabs = store.swabs_of(ids=list(swab_ids), tubes=inside, dues=people)
    elsewhere = {swab.tube_id for swab in swabs.values() if swab.tube_id} - set(tubes)
    if elsewhere:
        tubes |= store.tubes_read(sorted(elsewhere))
    return Loaded(tubes, swabs, _limits(facts))


def _limits(facts: Sequence[Fact]) -> dict[uuid.UUID, Limits]:
    return {round_id: _rule_book(round_id).limits for round_id in {f.place.round_id for f in facts}}


# -- write ---------------------------------------------------------------------------------------


def _write(changes: Changes, received_at: datetime) -> None:
    if not store.tubes_insert(changes.tubes_new):
        raise Raced
    store.tubes_update(changes.tubes_changed)
    if not store.swabs_insert(changes.swabs_new, received_at):
        raise Raced
    store.swabs_update(changes.swabs_changed, received_at)
    campaigns.due_sampled(at_by_due_id=dict(sorted(changes.sampled.items(), key=_by_number)))
    campaigns.due_unsampled(due_ids=changes.unsampled, at=received_at)
    _start_clocks(changes.started)
    clocks.stop_each(
        UNCOOLED, {tube.id: tube.ended_at for tube in changes.ended if tube.ended_at is not None}
    )
    _gaps(changes, received_at)
    logistics.lines_recount(people_by_tube={tube.id: tube.people for tube in changes.recounted})
    _tell_late(changes.late, received_at)


def _by_number(item: tuple[uuid.UUID, Any]) -> int:
    """As the database orders ids; Python is quicker at it, too."""
    return item[0].int


def _tell_late(late: Sequence[SwabState], at: datetime) -> None:
    """The event's id follows from what came where, so that a swab moved back and forth is told each time."""
    for round_id in sorted({swab.place.round_id for swab in late}):
        mine = sorted(
            (swab for swab in late if swab.place.round_id == round_id), key=lambda swab: swab.id.int
        )
        name = ",".join(f"{swab.id}:{swab.tube_id}" for swab in mine)
        id = derived(round_id, f"late.{at.isoformat()}.{name}")
        outbox.publish(
            SwabsCameLate(id=id, at=at, round_id=round_id, swab_ids=[swab.id for swab in mine])
        )


def _start_clocks(started: Sequence[TubeState]) -> None:
    """The first swab starts the uncooled clock of its tube (R58), also of one that has ended by now: however a phone's
    report was cut into requests, the same clocks come of it. Pick-up and delivery are the box's, results the
    laboratory's.
    """
    starts = []
    for tube in started:
        rule = _rule_book(tube.place.round_id).clocks.get(UNCOOLED)
        waits = RANK[tube.state] < RANK["boxed"] or (tube.lost and tube.ended_at is not None)
        if rule is not None and tube.first_swab_at is not None and waits:
            starts.append(
                clocks.ClockStart(
                    rule=rule, subject_kind="tube", subject_id=tube.id, label=tube.code, area=tube.place.area,
                    round_id=tube.place.round_id, started_at=tube.first_swab_at,
                )
            )  # fmt: skip
    clocks.start(starts)


def _gaps(changes: Changes, received_at: datetime) -> None:
    logistics.discrepancies_open(
        found=[
            logistics.Difference(
                TUBE_COUNT, "tube", gap.tube.id, gap.tube.code, gap.tube.place.area, gap.tube.place.round_id,
                gap.expected, gap.actual, gap.tube.sealed_at or received_at,
            )
            for gap in changes.gaps
        ]
    )  # fmt: skip
    logistics.discrepancies_agreed(kind=TUBE_COUNT, subject_ids=changes.agreed, at=received_at)


def link_lines(
    *,
    box_ids: Sequence[uuid.UUID],
    codes: Sequence[str],
    moved: Sequence[tuple[uuid.UUID, str]] = (),
) -> None:
    """Name the tubes on manifests that are known now: they are in that box and cooled; the box has an oldest sample.

    `moved`: lines, by box and code, of which an earlier time arrived; their tubes went in then.
    """
    waiting = store.lines_waiting(box_ids, codes)
    if moved:
        waiting += store.lines_of(moved)
    if not waiting:
        return
    logistics.lines_link(links=[logistics.LineLink(*row) for row in waiting])
    boxed = store.tubes_boxed([row[1] for row in waiting], TUBE_LINE[: RANK["boxed"]])
    clocks.stop_each(UNCOOLED, {tube: at for tube, _, at, _ in boxed})
    oldest: dict[uuid.UUID, datetime] = {}
    for _, box, _, first in boxed:
        if first is not None:
            oldest[box] = min(oldest.get(box, first), first)
    logistics.boxes_oldest(found=[logistics.Oldest(box, at) for box, at in sorted(oldest.items())])
    travelling = logistics.boxes_travelling(box_ids=sorted({box for _, box, _, _ in boxed}))
    if travelling:
        store.tubes_forward_of_boxes(travelling, "in_transit", TUBE_LINE[: RANK["in_transit"]])
