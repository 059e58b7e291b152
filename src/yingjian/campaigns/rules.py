"""Decisions of the room: the two state machines, the id of a due person, what a category means under a preset. Pure."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from yingjian.kernel.errors import RuleBroken

from . import presets
from .presets import Preset

# Round: draft → approved → mobilising → sampling → testing → reconciling → closed, or cancelled (design §5).
ROUND_MOVES: Final[Mapping[str, frozenset[str]]] = {
    "draft": frozenset({"approved", "cancelled"}),
    "approved": frozenset({"mobilising", "cancelled"}),
    "mobilising": frozenset({"sampling", "cancelled"}),
    "sampling": frozenset({"testing", "cancelled"}),
    "testing": frozenset({"reconciling"}),
    "reconciling": frozenset({"closed"}),
    "closed": frozenset(),
    "cancelled": frozenset(),
}
OVER: Final = frozenset({"closed", "cancelled"})
ADVANCES: Final = frozenset({"sampling", "testing", "reconciling"})
"""States `round.advance` may name; the others have a command of their own."""

# Due person. Turning up after being excused or missed does not change the state: `caught_up_at` is set beside it,
# so that the denominator of a closed round stays closed. A voided only swab or a corrected result leads back
# (`sampled` → `due`, `resulted` → `due` or `sampled`); in a closed round it leads to `missed`, which has an owner
# and a task. An excuse that is taken back leads to what the facts say: `due`, or `sampled` and `resulted` for whoever
# turned up meanwhile; whoever was missed before is missed again.
DUE_MOVES: Final[Mapping[str, frozenset[str]]] = {
    "due": frozenset({"sampled", "resulted", "excused", "missed"}),
    "sampled": frozenset({"due", "resulted", "missed"}),
    "resulted": frozenset({"due", "sampled", "missed"}),
    "excused": frozenset({"due", "sampled", "resulted", "missed"}),
    "missed": frozenset({"excused"}),
}
TERMINAL: Final = frozenset({"resulted", "excused", "missed"})
OPEN: Final = frozenset({"due", "sampled"})
FINAL_OUTCOMES: Final = frozenset({"negative", "positive"})
"""Outcomes that end an obligation; grey, single_target and invalid wait for another swab or the recheck (R70)."""

SEALED_ESTATE: Final = "sealed_estate"
AREA_CLASSES: Final = frozenset({*presets.AREA_CLASSES, SEALED_ESTATE})
AREA_DIGITS: Final = frozenset({2, 4, 6, 9, 12})
REASON_MAX: Final = 120
OTHER: Final = "other"
"""An excuse that is none of the preset's: somebody's own words stand beside it."""
ADDED_BY_MISTAKE: Final = "added_by_mistake"
"""The excuse of who is taken out again: `due_withdraw` alone gives it, whatever the preset says (decision 29)."""
OWNER_MAX: Final = 80
NAME_MAX: Final = 120
CODE_MAX: Final = 32
ROUNDS_MAX: Final = 9999

ROUND_CLOCKS: Final = ("round_finish", "key_groups_finish")
SITE_CLOCKS: Final = ("site_ready", "staff_on_duty", "medics_on_duty", "site_kit", "ppe_ready")
"""Clocks that run from a round's activation, on each of its sites (R21, R42, R85)."""
CATCH_UP: Final = "catch_up"


def round_moved(state: str, to: str) -> str:
    """The new state of a round; `campaigns.round_state` (409) when the table has no such move."""
    if to not in ROUND_MOVES.get(state, frozenset()):
        raise RuleBroken("campaigns.round_state", status=409, state=state, to=to)
    return to


def advance_checked(to: str) -> str:
    """A state that `round.advance` may name (`campaigns.advance_unknown`)."""
    if to not in ADVANCES:
        raise RuleBroken("campaigns.advance_unknown", to=to[:24], known=", ".join(sorted(ADVANCES)))
    return to


TIME_BYTES: Final = 6
"""Of a UUIDv7: milliseconds since 1970."""


def due_ids(round_id: uuid.UUID, person_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """The ids of people on a round's due list, in order.

    `freeze` derives the same ids inside SQL, so a replay rebuilds equal rows. Each begins with the round's six bytes of
    time, the rest is the MD5 of round and person's text: a round's people lie side by side in every index by this id,
    whatever other rounds are stored (decision 24). Texts and ids are made for all at once, since a request brings a
    thousand people.
    """
    start, made = round_id.bytes, []
    time = start[:TIME_BYTES]
    for text in msgspec.to_builtins(person_ids):
        raw = bytearray(hashlib.md5(start + text.encode(), usedforsecurity=False).digest())
        raw[:TIME_BYTES] = time
        raw[6] = raw[6] & 0x0F | 0x80  # version 8: an order of our own
        raw[8] = raw[8] & 0x3F | 0x80  # of RFC 9562
        made.append(bytes(raw))
    return msgspec.convert(made, list[uuid.UUID])


def area_checked(area: str) -> str:
    """A region prefix of 2, 4, 6, 9 or 12 digits (`campaigns.area_malformed`)."""
    if not (area.isascii() and area.isdigit() and len(area) in AREA_DIGITS):
        raise RuleBroken("campaigns.area_malformed", area=area[:20])
    return area


def text_checked(text: str, field: str, limit: int) -> str:
    """A text that is there and fits (`campaigns.text_missing`, `campaigns.text_too_long`)."""
    text = text.strip()
    if not text:
        raise RuleBroken("campaigns.text_missing", field=field)
    if len(text) > limit:
        raise RuleBroken("campaigns.text_too_long", field=field, limit=limit)
    return text


def excuse_checked(reason: str, remark: str, known: Sequence[str]) -> None:
    """A reason for not testing somebody: one the preset knows (`known`), or `other` with words beside it.

    `campaigns.excuse_unknown` lists what is possible; `campaigns.text_missing` and `campaigns.text_too_long`.
    """
    reason = text_checked(reason, "reason", REASON_MAX)
    possible = [*known, OTHER]
    if reason not in possible:
        raise RuleBroken(
            "campaigns.excuse_unknown", reason=reason[:CODE_MAX], known=", ".join(possible)
        )
    if remark.strip() or reason == OTHER:
        text_checked(remark, "remark", REASON_MAX)


def area_classes_checked(round_area: str, classes: Mapping[str, str]) -> dict[str, str]:
    """Classes of areas inside the round (R10 risk areas first, R50 sealed estates): `{prefix: class}`."""
    for area, kind in classes.items():
        if not area_checked(area).startswith(round_area):
            raise RuleBroken("campaigns.area_outside_round", area=area, round_area=round_area)
        if kind not in AREA_CLASSES:
            known = ", ".join(sorted(AREA_CLASSES))
            raise RuleBroken("campaigns.area_class_unknown", kind=kind[:32], known=known)
    return dict(sorted(classes.items()))


def within_checked(round_area: str, within: Sequence[str]) -> list[str]:
    """The parts of a round's area its list is frozen for, none inside another; empty means all of it.

    Refused for what lies outside (`campaigns.area_outside_round`).
    """
    for area in within:
        if not area_checked(area).startswith(round_area):
            raise RuleBroken("campaigns.area_outside_round", area=area, round_area=round_area)
    parts: list[str] = []
    for area in sorted(set(within)):
        if not parts or not area.startswith(parts[-1]):
            parts.append(area)
    return [] if parts == [round_area] else parts


@dataclass(frozen=True, slots=True)
class CategoryRule:
    """What one category does under a preset.

    `weight` orders the categories of one person: the first names the person.
    """

    code: str
    rank: int
    single: bool
    home: bool
    key: bool
    weight: int


@dataclass(frozen=True, slots=True)
class ListRule:
    """How a due list is built under a preset: who is on it, in which order, in which mode (R9, R10, R29, R50, R51)."""

    categories: tuple[CategoryRule, ...]
    general_rank: int
    area_ranks: Mapping[str, int]
    all_single: bool
    household: str
    people: str


def list_rule(preset: Preset) -> ListRule:
    """The table that `freeze` joins with the roster, made from a preset.

    Agrees with `presets.mode_for` and `priority_rank`.
    """
    general = presets.priority_rank(preset, ())
    found = [
        (
            code,
            presets.priority_rank(preset, (code,)),
            code in preset.pool.single_only.value,
            code in preset.pool.home_visit.value,
            code in presets.KEY_CATEGORIES,
            place,
        )
        for place, code in enumerate(presets.CATEGORIES)
    ]
    # Key people first, then by order of sampling, then by what binds; "general" names only those with nothing else.
    found.sort(key=lambda c: (c[0] == "general", not c[4], c[1], not c[2], not c[3], c[5]))
    return ListRule(
        categories=tuple(
            CategoryRule(code, rank, single, home, key, weight)
            for weight, (code, rank, single, home, key, _) in enumerate(found)
        ),
        general_rank=general,
        area_ranks={kind: presets.priority_rank(preset, (), kind) for kind in presets.AREA_CLASSES},
        all_single=preset.pool.sizes.value == (1,),
        household=preset.pool.household_tube.value or "never",
        people=preset.scope.people.value or "everyone_present",
    )


def masked_name(name: str) -> str:
    """A name as lists show it: the first and, of three or more characters, the last stay; the rest are stars."""
    if len(name) <= 1:
        return "*" * len(name)
    return name[0] + "*" * max(1, len(name) - 2) + (name[-1] if len(name) > 2 else "")  # noqa: PLR2004


def window_checked(start: datetime, end: datetime) -> None:
    """Ends with an offset, in order (`campaigns.window_reversed`, `campaigns.time_without_zone`)."""
    if start.tzinfo is None or end.tzinfo is None:
        raise RuleBroken("campaigns.time_without_zone")
    if end <= start:
        raise RuleBroken("campaigns.window_reversed")


def number_checked(no: int) -> None:
    """The number of a round in its campaign, from 1 (`campaigns.number_malformed`)."""
    if not 1 <= no <= ROUNDS_MAX:
        raise RuleBroken("campaigns.number_malformed", no=no, limit=ROUNDS_MAX)
