"""Writes of this room. Called by command handlers and by higher rooms, inside their transaction; set-based.

Boxes are written from folded facts (`rules.fold_boxes`). Differences become stored, owned discrepancies.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import OperationalError, connection

from yingjian.access import clocks, prepared, scope
from yingjian.access.actor import Actor
from yingjian.campaigns import queries as campaigns
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived

from . import queries, rules
from .values import BOX_STATES, OWNER_DUTY, BoxChanges, BoxFact, BoxOpened, BoxState, LineState

PICK_UP: Final = "pick_up"
DELIVER: Final = "deliver"
AGREED: Final = "agrees_after_late_upload"
prepared.grows("logistics_boxline", 16, apart=True)


class Raced(OperationalError):  # noqa: N818 - nothing erred: another was first
    """A row this batch wanted to insert was inserted meanwhile by another transaction: the journal tries again."""


# -- discrepancies -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """A count that does not agree. The owner is whoever owns the duty of this kind under the round's preset."""

    kind: str
    subject_kind: str
    subject_id: uuid.UUID
    label: str
    area: str
    round_id: uuid.UUID | None
    expected: int
    actual: int
    at: datetime
    owner_role: str = ""


_OPEN: Final = """
INSERT INTO logistics_discrepancy AS d (id, round_id, area, kind, subject_kind, subject_id, subject_label, expected,
                                        actual, owner_role, opened_at, resolution)
SELECT u.*, '' FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::text[],
                           %s::int[], %s::int[], %s::text[], %s::timestamptz[]) AS u
    ON CONFLICT (kind, subject_id) DO UPDATE
       SET expected = excluded.expected, actual = excluded.actual,
           resolved_at = CASE WHEN d.resolution = %s THEN NULL ELSE d.resolved_at END,
           resolution = CASE WHEN d.resolution = %s THEN '' ELSE d.resolution END
     WHERE (d.expected, d.actual) <> (excluded.expected, excluded.actual) OR d.resolution = %s
"""


def discrepancies_open(*, found: Sequence[Difference]) -> None:
    """Store differences with their owners, once per kind and subject; a changed count updates the open row."""
    if not found:
        return
    owners: dict[tuple[uuid.UUID | None, str], str] = {}
    for one in found:
        key = (one.round_id, one.kind)
        if not one.owner_role and key not in owners:
            owners[key] = _owner(one.round_id, one.kind)
    rows = [
        (
            derived(one.subject_id, f"discrepancy.{one.kind}"), one.round_id, one.area, one.kind, one.subject_kind,
            one.subject_id, one.label[:80], one.expected, one.actual,
            one.owner_role or owners[one.round_id, one.kind], one.at,
        )
        for one in found
    ]  # fmt: skip
    with connection.cursor() as cursor:
        columns = [list(column) for column in zip(*rows, strict=True)]
        cursor.execute(_OPEN, [*columns, AGREED, AGREED, AGREED])


def _owner(round_id: uuid.UUID | None, kind: str) -> str:
    """The role that owns a kind of difference in a round; without a round whoever keeps the information in order."""
    duty = OWNER_DUTY.get(kind)
    if round_id is None or duty is None:
        return "information_maintainer"
    return str(getattr(campaigns.preset_of(round_id).duties, duty).owner)


def discrepancies_agreed(*, kind: str, subject_ids: Sequence[uuid.UUID], at: datetime) -> None:
    """Counts agree after all, because what was missing arrived late: close what nobody has explained yet."""
    if not subject_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE logistics_discrepancy SET resolved_at = %s, resolution = %s
                WHERE kind = %s AND subject_id = ANY(%s) AND resolved_at IS NULL""",
            [at, AGREED, kind, list(subject_ids)],
        )


def discrepancy_resolve(*, actor: Actor, id: uuid.UUID, resolution: str, at: datetime) -> str:
    """Explain a difference; returns its area. Its owner role in that area may, and whoever maintains the information.

    `logistics.discrepancy_unknown` (404), `logistics.discrepancy_resolved` (409),
    `logistics.discrepancy_not_yours` (403), `access.outside_area` (403).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT area, owner_role, resolved_at FROM logistics_discrepancy WHERE id = %s FOR UPDATE",
            [id],
        )
        row = cursor.fetchone()
        if row is None:
            raise RuleBroken("logistics.discrepancy_unknown", status=404)
        area, owner, resolved = row
        scope.require(actor, "see_round", area)
        mine = any(hold.role == owner and area.startswith(hold.area) for hold in actor.holds)
        if not (mine or actor.may("maintain", area)):
            raise RuleBroken("logistics.discrepancy_not_yours", status=403, owner=owner)
        if resolved is not None:
            raise RuleBroken("logistics.discrepancy_resolved", status=409)
        cursor.execute(
            """UPDATE logistics_discrepancy SET resolved_at = greatest(%s, opened_at), resolution = %s
                WHERE id = %s""",
            [at, resolution.strip(), id],
        )
    return str(area)


# -- boxes ---------------------------------------------------------------------------------------

_BOX_COLUMNS: Final = (
    ("id", "uuid"), ("code", "text"), ("binding", "int"), ("round_id", "uuid"), ("area", "text"),
    ("site_code", "text"), ("station_code", "text"), ("state", "text"), ("seal_no", "text"),
    ("opened_at", "timestamptz"), ("sealed_at", "timestamptz"), ("oldest_sample_at", "timestamptz"),
    ("tubes_stated", "int"), ("holder", "text"), ("flags", "text"),
)  # fmt: skip


def _box_row(box: BoxState) -> tuple[Any, ...]:
    where = box.where
    return (
        box.id, box.code, box.binding, where.round_id, where.area, where.site_code, where.station_code, box.state,
        box.seal_no, box.opened_at, box.sealed_at, box.oldest_sample_at, box.tubes_stated, box.holder,
        queries.as_json(box.flags),
    )  # fmt: skip


def _unnest(columns: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"%s::{kind}[]" for _, kind in columns)


def _names(columns: Sequence[tuple[str, str]], prefix: str = "") -> str:
    return ", ".join(f"{prefix}{name}" for name, _ in columns)


def _cast(columns: Sequence[tuple[str, str]]) -> str:
    return ", ".join("u.flags::jsonb" if name == "flags" else f"u.{name}" for name, _ in columns)


_BOX_INSERT: Final = (
    f"INSERT INTO logistics_box ({_names(_BOX_COLUMNS)}) SELECT {_cast(_BOX_COLUMNS)} "  # noqa: S608
    f"FROM unnest({_unnest(_BOX_COLUMNS)}) AS u({_names(_BOX_COLUMNS)}) ON CONFLICT DO NOTHING"
)
_BOX_UPDATE: Final = (
    "UPDATE logistics_box b SET "  # noqa: S608
    + ", ".join(
        f"{name} = u.{name}::jsonb" if name == "flags" else f"{name} = u.{name}"
        for name, _ in _BOX_COLUMNS[1:]
    )
    + f" FROM unnest({_unnest(_BOX_COLUMNS)}) AS u({_names(_BOX_COLUMNS)}) WHERE b.id = u.id"
)


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def boxes_fold(*, facts: Sequence[BoxFact], at: datetime) -> BoxChanges:
    """Apply what the field says of boxes. Raises `Raced` when another transaction made the same box meanwhile."""
    if not facts:
        return BoxChanges()
    codes = sorted({fact.code for fact in facts if isinstance(fact, BoxOpened)} - {""})
    loaded = queries.boxes_locked(sorted({fact.box_id for fact in facts}), codes)
    out = rules.fold_boxes(loaded, facts)
    with connection.cursor() as cursor:
        if out.new:
            new = sorted(out.new, key=lambda box: (box.code, str(box.id)))
            cursor.execute(_BOX_INSERT, _columns(_box_row(box) for box in new))
            if cursor.rowcount != len(new):
                raise Raced
        if out.changed:
            cursor.execute(_BOX_UPDATE, _columns(_box_row(box) for box in out.changed))
    _lines_write([*out.lines_new, *out.lines_changed], out.boxes)
    _box_gaps(out, at)
    if out.codes_new:
        hand_overs_link(codes=out.codes_new)
    return out


def _lines_write(lines: Sequence[LineState], boxes: Mapping[uuid.UUID, BoxState]) -> None:
    if not lines:
        return
    rows = [
        (derived(line.box_id, f"line.{line.tube_code}"), line.box_id, boxes[line.box_id].where.area, line.tube_code,
         line.added_at)
        for line in sorted(lines, key=lambda line: (str(line.box_id), line.tube_code))
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO logistics_boxline AS l (id, box_id, area, tube_code, people, added_at)
               SELECT u.id, u.box_id, u.area, u.tube_code, 0, u.added_at
                 FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::timestamptz[])
                      AS u(id, box_id, area, tube_code, added_at)
                   ON CONFLICT (box_id, tube_code) DO UPDATE SET added_at = least(l.added_at, excluded.added_at)""",
            _columns(rows),
        )


def _box_gaps(out: BoxChanges, at: datetime) -> None:
    discrepancies_open(
        found=[
            Difference(
                "box_count", "box", id, out.boxes[id].code, out.boxes[id].where.area, out.boxes[id].where.round_id,
                expected, actual, out.boxes[id].sealed_at or at,
            )
            for id, (expected, actual) in sorted(out.gaps.items(), key=lambda gap: str(gap[0]))
        ]
    )  # fmt: skip
    discrepancies_agreed(kind="box_count", subject_ids=out.agreed, at=at)


@dataclass(frozen=True, slots=True)
class LineLink:
    """A manifest line found to be a tube we know."""

    line_id: uuid.UUID
    tube_id: uuid.UUID
    people: int


def lines_link(*, links: Sequence[LineLink]) -> None:
    """Name the tubes of manifest lines; a tube is in one box, so of several lines of it only the last stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE logistics_boxline l SET tube_id = u.tube_id, people = u.people
                 FROM unnest(%s::uuid[], %s::uuid[], %s::int[]) AS u(id, tube_id, people) WHERE l.id = u.id""",
            [[x.line_id for x in links], [x.tube_id for x in links], [x.people for x in links]],
        )
        cursor.execute(
            """UPDATE logistics_boxline l SET moved_at = s.next_at
                 FROM (SELECT id, lead(added_at) OVER (PARTITION BY tube_id ORDER BY added_at, box_id) AS next_at
                         FROM logistics_boxline WHERE tube_id = ANY(%s)) s
                WHERE s.id = l.id AND l.moved_at IS DISTINCT FROM s.next_at RETURNING l.box_id""",
            [[x.tube_id for x in links]],
        )
        left = sorted({row[0] for row in cursor.fetchall()})
    if left:
        _boxes_count_again(left)


def _boxes_count_again(box_ids: Sequence[uuid.UUID]) -> None:
    """Tubes turned out to have left these boxes; where that was before the seal, the count at the seal is another."""
    sealed = queries.boxes_sealed(box_ids)
    differing = [box for box in sealed if box["counted"] != box["stated"]]
    agreeing = [box for box in sealed if box["counted"] == box["stated"]]
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE logistics_box
                  SET flags = (flags - 'count_differs') || CASE WHEN id = ANY(%s) THEN '["count_differs"]'::jsonb
                                                                  ELSE '[]'::jsonb END
                WHERE id = ANY(%s)""",
            [[box["id"] for box in differing], [box["id"] for box in sealed]],
        )
    discrepancies_open(
        found=[
            Difference(
                "box_count", "box", box["id"], box["code"], box["area"], box["round_id"], box["counted"],
                box["stated"], box["sealed_at"],
            )
            for box in differing
        ]
    )  # fmt: skip
    for box in agreeing:
        discrepancies_agreed(kind="box_count", subject_ids=[box["id"]], at=box["sealed_at"])


def lines_recount(*, people_by_tube: Mapping[uuid.UUID, int]) -> None:
    """A boxed tube's number of people changed (a late swab, a void): the manifest says the new number."""
    if not people_by_tube:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE logistics_boxline l SET people = u.people
                 FROM unnest(%s::uuid[], %s::int[]) AS u(tube_id, people) WHERE l.tube_id = u.tube_id""",
            [list(people_by_tube), list(people_by_tube.values())],
        )


@dataclass(frozen=True, slots=True)
class Oldest:
    """The oldest sample in a box: pick-up and delivery run from it (R59)."""

    box_id: uuid.UUID
    at: datetime


def boxes_oldest(*, found: Sequence[Oldest]) -> None:
    """Note the oldest sample of boxes and start their clocks. Clocks of a box handed over already are not started."""
    if not found:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE logistics_box b SET oldest_sample_at = least(b.oldest_sample_at, u.at)
                 FROM unnest(%s::uuid[], %s::timestamptz[]) AS u(id, at) WHERE b.id = u.id
            RETURNING b.id, b.code, b.area, b.round_id, b.state, b.oldest_sample_at""",
            [[one.box_id for one in found], [one.at for one in found]],
        )
        rows = sorted(cursor.fetchall(), key=lambda row: str(row[0]))
    running = {round_id: campaigns.clock_rules(round_id) for round_id in {row[3] for row in rows}}
    wanted = {"open": (PICK_UP, DELIVER), "sealed": (PICK_UP, DELIVER), "handed_over": (DELIVER,)}
    clocks.start(
        [
            clocks.ClockStart(
                rule=running[round_id][name], subject_kind="box", subject_id=id, label=code, area=area,
                round_id=round_id, started_at=oldest,
            )
            for id, code, area, round_id, state, oldest in rows
            for name in wanted.get(state, ())
            if name in running[round_id]
        ]
    )  # fmt: skip


def boxes_travelling(*, box_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Those of the boxes that were handed over already (their tubes were uploaded late)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM logistics_box WHERE id = ANY(%s) AND state <> ALL('{open,sealed}')",
            [list(box_ids)],
        )
        return [row[0] for row in cursor.fetchall()]


def boxes_checked(*, holders: Mapping[uuid.UUID, str], at: datetime) -> None:
    """Laboratories counted boxes through: they hold them, and the boxes' clocks end. One never sealed is flagged."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE logistics_box b SET holder = u.holder,
                      state = CASE WHEN b.state = ANY(%(before)s) THEN 'checked' ELSE b.state END,
                      flags = CASE WHEN b.sealed_at IS NULL AND NOT b.flags ? 'not_sealed'
                                   THEN b.flags || '["not_sealed"]'::jsonb ELSE b.flags END
                 FROM unnest(%(ids)s::uuid[], %(holders)s::text[]) AS u(id, holder) WHERE b.id = u.id""",
            {
                "ids": sorted(holders),
                "holders": [holders[id] for id in sorted(holders)],
                "before": list(BOX_STATES[: BOX_STATES.index("checked")]),
            },
        )
    for clock in (PICK_UP, DELIVER):
        clocks.stop(clock, sorted(holders), at=at)


def boxes_handed(*, holders: Mapping[uuid.UUID, str]) -> None:
    """Boxes changed hands: who holds them; one handed over unsealed is flagged."""
    if not holders:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE logistics_box b SET holder = u.holder,
                      state = CASE WHEN b.state IN ('open', 'sealed') THEN 'handed_over' ELSE b.state END,
                      flags = CASE WHEN b.sealed_at IS NULL AND NOT b.flags ? 'not_sealed'
                                   THEN b.flags || '["not_sealed"]'::jsonb ELSE b.flags END
                 FROM unnest(%s::uuid[], %s::text[]) AS u(id, holder) WHERE b.id = u.id""",
            [sorted(holders), [holders[id] for id in sorted(holders)]],
        )


def hand_overs_link(*, codes: Sequence[str]) -> None:
    """Boxes that were handed over before their opening was uploaded: name them now, bring them forward, count again."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE logistics_handoverbox h
                  SET box_id = b.id, area = b.area,
                      tubes_system = (SELECT count(*) FROM logistics_boxline l
                                       WHERE l.box_id = b.id AND l.moved_at IS NULL)
                 FROM logistics_box b WHERE h.box_id IS NULL AND h.code = b.code AND b.binding = 1 AND b.code = ANY(%s)
            RETURNING h.box_id, h.hand_over_id, b.round_id""",
            [list(codes)],
        )
        linked = cursor.fetchall()
        if not linked:
            return
        cursor.execute(
            """UPDATE logistics_handover o SET round_id = coalesce(o.round_id, u.round_id),
                      tubes_system = (SELECT sum(h.tubes_system) FROM logistics_handoverbox h
                                       WHERE h.hand_over_id = o.id)
                 FROM unnest(%s::uuid[], %s::uuid[]) AS u(id, round_id) WHERE o.id = u.id
            RETURNING o.id, o.at, o.taker, o.tubes_system = o.tubes_counted""",
            [[row[1] for row in linked], [row[2] for row in linked]],
        )
        overs = {row[0]: row[1:] for row in cursor.fetchall()}
    first: dict[uuid.UUID, datetime] = {}
    last: dict[uuid.UUID, tuple[datetime, str]] = {}
    for box_id, over_id, _ in linked:
        at, taker, _ = overs[over_id]
        first[box_id] = min(first.get(box_id, at), at)
        last[box_id] = max(last.get(box_id, (at, taker)), (at, taker))
    boxes_handed(holders={box_id: holder for box_id, (_, holder) in last.items()})
    clocks.stop_each(PICK_UP, first)
    agreed = [over_id for over_id, (_, _, equal) in overs.items() if equal]
    discrepancies_agreed(kind="handover_count", subject_ids=agreed, at=max(first.values()))
