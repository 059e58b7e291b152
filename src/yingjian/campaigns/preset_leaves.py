"""The smallest parts of a protocol preset: values that carry their origin.

A *leaf* is one line a county clerk edits: a value, its unit, and where it comes from. Pure: no
Django, no clock, no files. Groups are in `preset_schema`, reading files in `preset_files`, decisions in `presets`.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from datetime import datetime, time, timedelta, timezone
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

ROLES = (
    "commander",
    "round_planner",
    "information_maintainer",
    "site_lead",
    "registrar",
    "sampler",
    "courier",
    "laboratory_clerk",
    "laboratory_reviewer",
    "cdc_investigator",
    "storekeeper",
    "supervisor",
    "village_worker",
    "town_worker",
    "auditor",
    "administrator",
)
"""Roles that sign in to the system; only these can own a clock."""

STAFF = (
    *ROLES,
    "guide",
    "police",
    "volunteer",
    "disinfector",
    "logistics",
    "organiser",
    "teacher",
    "vehicle_driver",
    "health_worker",
    "doctor",
    "waste_handler",
    "counsellor",
    "vaccinator",
)
"""Roles that stand at a site; the ones beyond `ROLES` need no account."""

CATEGORIES = (
    "general",
    "close_contact",
    "secondary_contact",
    "central_quarantine",
    "home_quarantine",
    "home_monitoring",
    "red_code",
    "yellow_code",
    "home_bound",
    "disabled",
    "elderly",
    "child",
    "key_group",
    "no_phone",
    "student",
    "inbound",
    "fever_clinic",
    "inpatient",
    "medical_staff",
)
AREA_CLASSES = ("medium_high_risk_area", "low_risk_area")

ITEMS = (
    "sign_kit",
    "cordon",
    "sampling_table",
    "registration_table",
    "table_set",
    "tent",
    "transport_box",
    "phone_or_tablet",
    "computer",
    "id_reader",
    "label_printer",
    "power_strip",
    "light",
    "generator",
    "loudspeaker",
    "heater",
    "fan",
    "raincoat",
    "disinfection_set",
    "sample_tube",
    "swab",
    "label",
    "tube_rack_50",
    "alcohol",
    "hand_rub",
    "waste_bag",
    "sharps_box",
    "ice_pack",
    "thermometer",
    "n95",
    "surgical_mask",
    "protective_suit",
    "isolation_gown",
    "work_suit",
    "face_shield",
    "goggles",
    "cap",
    "gloves",
    "boot_covers",
    "shoe_covers",
)
"""Goods a kit may name; a new one is added here with its label in both languages."""

ORIGIN = re.compile(
    r"^(?P<default>default )?"
    r"(?P<document>S[0-4](?:/[A-Z0-9]{2,3})?|guidance|law|assumption)"
    r"(?P<rules>(?: R\d{1,3})*)$"
)
UNSOURCED = ("guidance", "law", "assumption")
CLOCK_TIME = re.compile(r"^([01]\d|2[0-3]):[0-5]\d$")
COUNTRY_TIME = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The whole country keeps one time, without summer time; a plan's 18:00 is meant in it."""

MINUTES = {"min": 1, "h": 60, "d": 1440}
Unit = Literal["min", "h", "d"]


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _one_of(code: str, allowed: tuple[str, ...]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in allowed:
            raise PydanticCustomError(
                code, "unknown code", {"got": value, "allowed": list(allowed)}
            )
        return value

    return AfterValidator(check)


def _time_of_day(value: str) -> str:
    if not CLOCK_TIME.match(value):
        raise PydanticCustomError("bad_time", "not a time of day", {"got": value})
    return value


Role = Annotated[str, _one_of("unknown_role", ROLES)]
Staff = Annotated[str, _one_of("unknown_role", STAFF)]
Category = Annotated[str, _one_of("unknown_category", CATEGORIES)]
Ranked = Annotated[str, _one_of("unknown_category", CATEGORIES + AREA_CLASSES)]
Item = Annotated[str, _one_of("unknown_item", ITEMS)]
TimeText = Annotated[str, AfterValidator(_time_of_day)]


def units(*allowed: str) -> AfterValidator:
    """Field check: the leaf must be written in one of these units."""

    def check(leaf: Any) -> Any:
        if leaf.unit not in allowed:
            raise PydanticCustomError(
                "wrong_unit", "wrong unit", {"got": leaf.unit, "allowed": list(allowed)}
            )
        return leaf

    return AfterValidator(check)


def needed(leaf: Any) -> Any:
    """Field check: `value: null` is not allowed here, the system cannot run without it."""
    if leaf.value is None:
        raise PydanticCustomError("no_value", "a value is needed", {})
    return leaf


def positive(leaf: Any) -> Any:
    """Field check: zero makes no sense here (a pool of nobody, a shift of no hours)."""
    if leaf.value is not None and leaf.value <= 0:
        raise PydanticCustomError("out_of_range", "must be above zero", {"got": leaf.value})
    return leaf


Needed = AfterValidator(needed)
Positive = AfterValidator(positive)


class Strict(BaseModel):
    """Unknown keys refused, no silent conversion, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Text(Strict):
    """A sentence in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def get(self, lang: str) -> str:
        return self.en if lang == "en" else self.zh


class Leaf(Strict):
    """One value with its origin.

    `origin` is `S4/YN R59` (the plan says so), or `default …` when the plan is silent and the value
    is filled from another plan, public guidance, the law or our own assumption; then `reason` says why.
    A plan's own wording without a rule number is given in `quote`. `note` carries a conflict or a reading.
    `layer` names the file the line came from and is never written by hand.
    """

    origin: str
    reason: Text | None = None
    note: Text | None = None
    quote: str | None = None
    layer: str = ""

    @field_validator("origin")
    @classmethod
    def _origin_readable(cls, value: str) -> str:
        match = ORIGIN.match(value)
        if match is None:
            raise PydanticCustomError("bad_origin", "origin not readable", {"got": value})
        if match["document"] in UNSOURCED and not match["default"]:
            raise PydanticCustomError("bad_origin", "must be a default", {"got": value})
        return value

    @model_validator(mode="after")
    def _origin_backed(self) -> Leaf:
        if self.is_default and self.reason is None:
            raise PydanticCustomError("missing_reason", "default without reason", {})
        if not self.is_default and not self.rules and not self.quote:
            raise PydanticCustomError("missing_rule", "no rule number and no quote", {})
        return self

    @property
    def is_default(self) -> bool:
        return self.origin.startswith("default ")

    @property
    def document(self) -> str:
        match = ORIGIN.match(self.origin)
        return match["document"] if match else ""

    @property
    def rules(self) -> tuple[str, ...]:
        """R-numbers of the handbook, e.g. `("R59",)`."""
        return tuple(part for part in self.origin.split() if re.fullmatch(r"R\d+", part))

    def comparable(self) -> Hashable:
        """What a difference between two presets is judged by: value, bounds and time, no prose."""
        raise NotImplementedError


class _Bounded(Leaf):
    unit: str

    @model_validator(mode="after")
    def _ordered(self) -> _Bounded:
        value, low, high = (getattr(self, name) for name in ("value", "min", "max"))
        if value is None and (low is not None or high is not None):
            raise PydanticCustomError("no_value", "bounds without a value", {})
        for number in (value, low, high):
            if number is not None and number < 0 and self.unit != "celsius":
                raise PydanticCustomError("out_of_range", "negative", {"got": number})
        if low is not None and high is not None and low > high:
            raise PydanticCustomError("min_over_max", "min above max", {"min": low, "max": high})
        if value is not None and (
            (low is not None and value < low) or (high is not None and value > high)
        ):
            raise PydanticCustomError(
                "out_of_range", "outside its own bounds", {"got": value, "min": low, "max": high}
            )
        return self


class Count(_Bounded):
    """A whole number of things. `value` is planned with; `min`/`max` are what the plan allows."""

    value: int | None
    min: int | None = None
    max: int | None = None

    def need(self) -> int:
        """The value where the preset must have one. Raises `ValueError` on `null`."""
        if self.value is None:
            raise ValueError("preset value is null")
        return self.value

    def comparable(self) -> Hashable:
        return (self.value, self.min, self.max, self.unit)


class Measure(_Bounded):
    """A number that may have decimals: metres, a share of 1, degrees, yuan."""

    value: float | None
    min: float | None = None
    max: float | None = None

    def need(self) -> float:
        """The value where the preset must have one. Raises `ValueError` on `null`."""
        if self.value is None:
            raise ValueError("preset value is null")
        return self.value

    def comparable(self) -> Hashable:
        return (self.value, self.min, self.max, self.unit)


class Duration(_Bounded):
    """A length of time in min, h or d; `null` means the plan sets none."""

    value: float | None
    min: float | None = None
    max: float | None = None
    unit: Unit

    @property
    def minutes(self) -> int | None:
        return None if self.value is None else round(self.value * MINUTES[self.unit])

    @property
    def hours(self) -> float | None:
        return None if self.minutes is None else self.minutes / 60

    def need_minutes(self) -> int:
        """Minutes where the preset must have them. Raises `ValueError` on `null`."""
        if self.minutes is None:
            raise ValueError("preset value is null")
        return self.minutes

    def comparable(self) -> Hashable:
        scale = MINUTES[self.unit]
        numbers = (self.value, self.min, self.max)
        return tuple(None if n is None else round(n * scale) for n in numbers)


class ClockTime(Leaf):
    """A deadline: a duration after the start, or `at: "18:00"` on the day of the start."""

    value: float | None = None
    unit: Unit | None = None
    at: TimeText | None = None

    @model_validator(mode="after")
    def _one_form(self) -> ClockTime:
        if self.value is not None and self.at is not None:
            raise PydanticCustomError("two_times", "duration and time of day", {})
        if (self.value is None) != (self.unit is None):
            raise PydanticCustomError(
                "wrong_unit",
                "value and unit go together",
                {"got": self.unit, "allowed": list(MINUTES)},
            )
        if self.value is not None and self.value <= 0:
            raise PydanticCustomError("out_of_range", "must be above zero", {"got": self.value})
        return self

    @property
    def runs(self) -> bool:
        return self.value is not None or self.at is not None

    @property
    def minutes(self) -> int | None:
        if self.value is None or self.unit is None:
            return None
        return round(self.value * MINUTES[self.unit])

    def comparable(self) -> Hashable:
        return (self.minutes, self.at)


class Duty(Leaf):
    """Who owns a clock, and to whom a breach goes after how long without an answer."""

    owner: Role
    escalates_to: Role
    after: int = Field(gt=0)
    unit: Literal["min"]

    def comparable(self) -> Hashable:
        return (self.owner, self.escalates_to, self.after)


class DayTime(Leaf):
    """A local time of day, written 07:00."""

    value: TimeText | None

    def need(self) -> time:
        """The time where the preset must have one. Raises `ValueError` on `null`."""
        if self.value is None:
            raise ValueError("preset value is null")
        return time.fromisoformat(self.value)

    def comparable(self) -> Hashable:
        return self.value


class Flag(Leaf):
    """Yes or no."""

    value: bool

    def comparable(self) -> Hashable:
        return self.value


class Choice(Leaf):
    """One code of a short list (the list is checked where the field is declared)."""

    value: str | None

    def comparable(self) -> Hashable:
        return self.value


class Check(Leaf):
    """Tri-state: a plan may require, forbid or leave free what another plan orders."""

    value: Literal["required", "forbidden", "optional"]

    def comparable(self) -> Hashable:
        return self.value


class Codes(Leaf):
    """A list of codes, order kept."""

    value: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]

    @model_validator(mode="after")
    def _no_repeat(self) -> Codes:
        if len(set(self.value)) != len(self.value):
            raise PydanticCustomError("repeated_code", "a code twice", {"got": list(self.value)})
        return self

    def comparable(self) -> Hashable:
        return self.value


class People(Codes):
    """A list of category codes."""

    value: Annotated[tuple[Category, ...], BeforeValidator(_as_tuple)]


class Sizes(Leaf):
    """Pool sizes a plan allows."""

    value: Annotated[
        tuple[Annotated[int, Field(ge=1, le=100)], ...],
        BeforeValidator(_as_tuple),
        Field(min_length=1),
    ]

    def comparable(self) -> Hashable:
        return tuple(sorted(self.value))


_Rank = Annotated[tuple[Ranked, ...], BeforeValidator(_as_tuple), Field(min_length=1)]


class Ranks(Leaf):
    """Priority: a list of ranks, each a list of categories or area classes; first is rank 0."""

    value: Annotated[tuple[_Rank, ...], BeforeValidator(_as_tuple)]

    def comparable(self) -> Hashable:
        return self.value


class Band(Strict):
    """Finish time for populations up to and including `up_to` (null: no limit)."""

    up_to: int | None = Field(default=None, gt=0)
    hours: float = Field(gt=0)


class Bands(Leaf):
    """Finish time by population size, ascending; the last band is open. Empty: set by command."""

    value: Annotated[tuple[Band, ...], BeforeValidator(_as_tuple)]

    @model_validator(mode="after")
    def _ascending(self) -> Bands:
        limits = [band.up_to for band in self.value]
        known = [limit for limit in limits if limit is not None]
        if limits and (limits[-1] is not None or len(known) != len(limits) - 1):
            raise PydanticCustomError("open_band", "last band must be open", {})
        if known != sorted(set(known)):
            raise PydanticCustomError("open_band", "bands must ascend", {})
        return self

    def comparable(self) -> Hashable:
        return tuple((band.up_to, band.hours) for band in self.value)


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Slot(Strict):
    """A weekly sampling window at a named place."""

    place: Text
    weekday: Weekday
    start: TimeText
    end: TimeText

    @model_validator(mode="after")
    def _forward(self) -> Slot:
        if self.end <= self.start:
            raise PydanticCustomError("bad_time", "ends before it starts", {"got": self.end})
        return self


class Slots(Leaf):
    """Weekly windows."""

    value: Annotated[tuple[Slot, ...], BeforeValidator(_as_tuple)]

    def comparable(self) -> Hashable:
        return tuple((s.place.zh, s.weekday, s.start, s.end) for s in self.value)


class WeekTime(Leaf):
    """A weekly deadline: a weekday and a time."""

    value: TimeText | None
    weekday: Weekday | None = None

    def comparable(self) -> Hashable:
        return (self.weekday, self.value)


class Hours(Leaf):
    """A sequence of hours, e.g. tests 48, 72 and 72 h apart."""

    value: Annotated[tuple[Annotated[int, Field(gt=0)], ...], BeforeValidator(_as_tuple)]

    def comparable(self) -> Hashable:
        return self.value


class Words(Leaf):
    """A proper name in both languages (an app, an office); `null` when there is none."""

    value: Text | None

    def comparable(self) -> Hashable:
        return None if self.value is None else (self.value.zh, self.value.en)


def due_after(started: datetime, minutes: int | None, at: str | None) -> datetime | None:
    """When a clock started at `started` is due; None when it does not run.

    A time of day already past on the start day means the next day, so that a clock is never born
    breached.
    """
    if minutes is not None:
        return started + timedelta(minutes=minutes)
    if at is None:
        return None
    hour, minute = (int(part) for part in at.split(":"))
    due = started.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return due if due > started else due + timedelta(days=1)


def codes_of(*allowed: str) -> AfterValidator:
    """Field check for `Choice` and `Codes`: only these codes."""

    def check(leaf: Any) -> Any:
        given = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
        for code in given:
            if code is not None and code not in allowed:
                raise PydanticCustomError(
                    "unknown_code", "unknown code", {"got": code, "allowed": list(allowed)}
                )
        return leaf

    return AfterValidator(check)
