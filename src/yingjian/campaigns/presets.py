"""Protocol presets: the door to them, and the decisions that read them.

Pure apart from `load`, which reads YAML files. A campaign stores `snapshot(preset)` when it is
approved and works from `restore(stored)` afterwards.

    preset = load("yongning")
    preset.sites.people_per_lane.value          # 500 (a leaf: .value .unit .origin .note)
    mode_for(preset, ["red_code"])              # Mode(kind="single", …)
    clock_rule(preset, "deliver").minutes       # 240
    finish_hours(preset, 329_000)               # 24.0
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from yingjian.campaigns.preset_files import (
    DEFAULT_DIRECTORY,
    PresetError,
    Problem,
    build,
    codes,
    load,
    parse,
    restore,
    snapshot,
)
from yingjian.campaigns.preset_leaves import (
    AREA_CLASSES,
    CATEGORIES,
    COUNTRY_TIME,
    ROLES,
    STAFF,
    ClockTime,
    Leaf,
    due_after,
)
from yingjian.campaigns.preset_schema import (
    CLOCK_CODES,
    GROUPS,
    OUTCOMES,
    WEATHER,
    Preset,
    leaves,
)
from yingjian.campaigns.preset_table import (
    Row,
    diff,
    label_of,
    labels,
    preset_json,
    render_diff,
    render_preset,
    rows_json,
)

__all__ = [
    "AREA_CLASSES",
    "CATEGORIES",
    "CLOCK_CODES",
    "CLOCK_MEANINGS",
    "COUNTRY_TIME",
    "DEFAULT_DIRECTORY",
    "GROUPS",
    "KEY_CATEGORIES",
    "OUTCOMES",
    "ROLES",
    "STAFF",
    "WEATHER",
    "ClockMeaning",
    "ClockRule",
    "Leaf",
    "Mode",
    "Preset",
    "PresetError",
    "Problem",
    "Row",
    "build",
    "census",
    "clock_rule",
    "clock_rules",
    "codes",
    "diff",
    "digest",
    "finish_hours",
    "flags_pool",
    "in_force",
    "label_of",
    "labels",
    "leaves",
    "load",
    "mode_for",
    "parse",
    "pool_size_for",
    "preset_json",
    "priority_rank",
    "render_diff",
    "render_preset",
    "restore",
    "result_clock_for",
    "rows_json",
    "snapshot",
    "tubes_needed",
]


@dataclass(frozen=True)
class ClockMeaning:
    """What starts and stops a clock, and what it hangs on. Codes only; words are in i18n."""

    subject: Literal["round", "site", "box", "tube", "case", "notice", "person", "waste_batch"]
    start: str
    stop: str


CLOCK_MEANINGS: dict[str, ClockMeaning] = {
    "site_ready": ClockMeaning("site", "round_activated", "site_opened"),
    "staff_on_duty": ClockMeaning("site", "round_activated", "site_staff_arrived"),
    "medics_on_duty": ClockMeaning("site", "round_activated", "samplers_arrived"),
    "site_kit": ClockMeaning("site", "round_activated", "site_kit_received"),
    "ppe_ready": ClockMeaning("site", "round_activated", "ppe_received"),
    "disposer_notice": ClockMeaning("site", "site_opened", "disposer_told"),
    "round_finish": ClockMeaning("round", "sampling_started", "round_closed"),
    "key_groups_finish": ClockMeaning("round", "sampling_started", "key_groups_resulted"),
    "pick_up": ClockMeaning("site", "last_pick_up_or_first_tube", "box_handed_over"),
    "deliver": ClockMeaning("box", "first_swab_in_box", "box_received"),
    "uncooled": ClockMeaning("tube", "first_swab_in_tube", "tube_cooled"),
    "on_instrument": ClockMeaning("tube", "first_swab_in_tube", "run_started"),
    "result_key": ClockMeaning("tube", "tube_received", "result_released"),
    "result_other": ClockMeaning("tube", "tube_received", "result_released"),
    "result_max": ClockMeaning("tube", "tube_received", "result_released"),
    "network_report": ClockMeaning("case", "single_positive_released", "network_reported"),
    "positive_notice": ClockMeaning("case", "single_positive_released", "all_notices_sent"),
    "pool_isolation": ClockMeaning("case", "pool_flagged", "all_members_isolated"),
    "recheck": ClockMeaning("case", "pool_flagged", "all_members_reswabbed"),
    "waste_recovery": ClockMeaning("site", "sampling_ended", "waste_recovered"),
    "waste_at_site": ClockMeaning("waste_batch", "waste_sealed", "waste_handed_over"),
    "waste_at_disposer": ClockMeaning("waste_batch", "waste_handed_over", "waste_disposed"),
    "terminal_disinfection": ClockMeaning("site", "sampling_ended", "disinfection_verified"),
    "catch_up": ClockMeaning("person", "person_missed", "person_sampled_or_excused"),
    "notice_ack": ClockMeaning("notice", "notice_sent", "notice_acknowledged"),
}

KEY_CATEGORIES = frozenset(
    {
        "close_contact",
        "secondary_contact",
        "central_quarantine",
        "home_quarantine",
        "home_monitoring",
        "red_code",
        "yellow_code",
        "key_group",
        "inbound",
        "fever_clinic",
    }
)
"""Categories that count as key people (重点人群) for result and finish clocks (R9, R66)."""


@dataclass(frozen=True)
class Mode:
    """How one person is sampled. `reason` is the category that decided, or "default"."""

    kind: Literal["pool", "single"]
    home_visit: bool
    public_site_allowed: bool
    reason: str
    rule: str
    """Origin of the line that decided, e.g. `S4/YN R51`."""


@dataclass(frozen=True)
class ClockRule:
    """A clock as a preset orders it. Exactly one of `minutes` and `at` is set.

    Fits `access.clocks.ClockStart(rule=…)` as it is.
    """

    code: str
    minutes: int | None
    at: str | None
    owner_role: str
    escalates_to: str
    escalate_after: timedelta
    origin: str
    duty_origin: str
    meaning: ClockMeaning

    def due(self, started: datetime) -> datetime:
        """When it is due. `started` carries its zone; a time of day is meant in China's one time."""
        due = due_after(started.astimezone(COUNTRY_TIME), self.minutes, self.at)
        if due is None:
            raise ValueError(f"clock {self.code} has neither a duration nor a time")
        return due


def digest(preset: Preset) -> str:
    """SHA-256 of the canonical snapshot: two presets with one digest are the same rules."""
    text = json.dumps(snapshot(preset), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def in_force(preset: Preset, day: date) -> bool:
    """True on the days the plan is in force, both ends included; an open end never ends."""
    head = preset.header
    return head.effective_from <= day and (head.effective_to is None or day <= head.effective_to)


def mode_for(preset: Preset, categories: Iterable[str]) -> Mode:
    """Decide pool or single tube, and home visit, for a person (R29, R51). Facts stay facts: a
    person pooled against this is stored and flagged, never refused.
    """
    held = set(categories)
    singles = [code for code in preset.pool.single_only.value if code in held]
    visits = [code for code in preset.pool.home_visit.value if code in held]
    only_singles = preset.pool.sizes.value == (1,)
    if singles:
        reason, rule = singles[0], preset.pool.single_only.origin
    elif only_singles:
        reason, rule = "default", preset.pool.sizes.origin
    elif visits:
        reason, rule = visits[0], preset.pool.home_visit.origin
    else:
        reason, rule = "default", preset.pool.default_size.origin
    return Mode(
        kind="single" if singles or only_singles else "pool",
        home_visit=bool(visits),
        public_site_allowed=not (visits and preset.pool.home_visit_only.value),
        reason=reason,
        rule=rule,
    )


def pool_size_for(preset: Preset, categories: Iterable[str]) -> int:
    """Largest number of people this person's tube may hold under the preset (R49, R51)."""
    if mode_for(preset, categories).kind == "single":
        return 1
    return preset.pool.default_size.need()


def priority_rank(preset: Preset, categories: Iterable[str], area_class: str | None = None) -> int:
    """Rank in the order of sampling, 0 first (R9, R10). The best rank of person or area counts."""
    held = {*categories, "general"}
    if area_class is not None:
        held.add(area_class)
    ranks = preset.scope.order.value
    return min((i for i, rank in enumerate(ranks) if held & set(rank)), default=len(ranks))


def finish_hours(preset: Preset, population: int) -> float | None:
    """Hours in which a round of this size must be finished; None when the command sets it (R6)."""
    for band in preset.rounds.finish.value:
        if band.up_to is None or population <= band.up_to:
            return band.hours
    return None


def tubes_needed(preset: Preset, people: int, size: int | None = None) -> int:
    """Tubes for `people` at the default pool size, or at another size the preset allows (R49).

    Raises `ValueError` for a size the preset does not allow or a negative count.
    """
    used = preset.pool.default_size.need() if size is None else size
    if used not in preset.pool.sizes.value:
        raise ValueError(f"pool size {used} not allowed by {preset.key}")
    if people < 0:
        raise ValueError("people below zero")
    return math.ceil(people / used)


def flags_pool(preset: Preset, outcome: str) -> bool:
    """True when this outcome of a pool opens a recheck (R70)."""
    return outcome in preset.flagged.outcomes.value


def clock_rule(preset: Preset, code: str, *, population: int | None = None) -> ClockRule | None:
    """The clock `code`, or None when this preset has none. `round_finish` needs `population`.

    Raises `KeyError` for a code that is not in `CLOCK_CODES`.
    """
    meaning = CLOCK_MEANINGS[code]
    duty = getattr(preset.duties, code)
    minutes: int | None
    at: str | None = None
    if code == "round_finish":
        hours = None if population is None else finish_hours(preset, population)
        minutes = None if hours is None else round(hours * 60)
        origin = preset.rounds.finish.origin
    else:
        leaf: ClockTime = getattr(preset.clocks, code)
        minutes, at, origin = leaf.minutes, leaf.at, leaf.origin
    if minutes is None and at is None:
        return None
    return ClockRule(
        code=code,
        minutes=minutes,
        at=at,
        owner_role=duty.owner,
        escalates_to=duty.escalates_to,
        escalate_after=timedelta(minutes=duty.after),
        origin=origin,
        duty_origin=duty.origin,
        meaning=meaning,
    )


def clock_rules(preset: Preset, *, population: int | None = None) -> dict[str, ClockRule]:
    """Every clock that runs under this preset, by code."""
    found = {code: clock_rule(preset, code, population=population) for code in CLOCK_CODES}
    return {code: rule for code, rule in found.items() if rule is not None}


def result_clock_for(preset: Preset, categories: Iterable[str]) -> ClockRule | None:
    """The result clock of a tube: the key-people clock if anyone in it is key and the plan has
    one, else the general one, never longer than the plan's outer limit (R66).
    """
    key = bool(KEY_CATEGORIES & set(categories))
    names = ("result_key", "result_other", "result_max") if key else ("result_other", "result_max")
    for name in names:
        rule = clock_rule(preset, name)
        if rule is not None:
            return rule
    return None


def census(preset: Preset) -> dict[str, int]:
    """How many values a preset has: said by the plan, defaults in its own file, inherited."""
    found = [leaf for _, leaf in leaves(preset)]
    own = [leaf for leaf in found if leaf.layer == preset.code]
    return {
        "values": len(found),
        "from_plan": sum(not leaf.is_default for leaf in found),
        "own_defaults": sum(leaf.is_default for leaf in own),
        "inherited": len(found) - len(own),
    }
