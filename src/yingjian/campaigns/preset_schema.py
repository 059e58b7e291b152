"""Every parameter of a protocol preset, grouped as a commander reads them.

Pure. Each attribute is a leaf (see `preset_leaves`): `preset.sites.people_per_site.value`.
A parameter that a plan leaves out comes from `base` with the reason why; `null` means that no rule
applies. R-numbers are those of the project's handbook.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from yingjian.campaigns.preset_leaves import (
    CATEGORIES,
    ROLES,
    Bands,
    Category,
    Check,
    Choice,
    ClockTime,
    Codes,
    Count,
    DayTime,
    Duration,
    Duty,
    Flag,
    Hours,
    Item,
    Leaf,
    Measure,
    Needed,
    People,
    Positive,
    Ranks,
    Sizes,
    Slots,
    Staff,
    Strict,
    Text,
    WeekTime,
    Words,
    codes_of,
    units,
)

PersonCount = Annotated[Count, units("person"), Positive]
PlaceCount = Annotated[Count, units("site", "lane", "team", "day", "round", "per_week", "swab")]
Staffing = dict[Staff, Annotated[Count, units("person")]]
Items = dict[Item, Annotated[Count, units("piece", "set", "bottle", "pair", "rack", "bag", "box")]]
Span = Annotated[Duration, Positive]
NeededSpan = Annotated[Duration, Needed, Positive]
Share = Annotated[Measure, units("share")]

OUTCOMES = ("positive", "grey", "single_target", "invalid")
EXCUSES = (
    "left_area",
    "deceased",
    "listed_twice",
    "tested_elsewhere",
    "quarantined_elsewhere",
    "in_hospital",
    "unfit_for_swab",
)
ZONES = (
    "entrance_exit",
    "temperature",
    "waiting",
    "registration",
    "sampling",
    "buffer",
    "temporary_isolation",
    "emergency",
    "sample_store",
    "waste_store",
    "rest",
    "supplies",
    "clean",
    "contaminated",
)
PARTIES = ("ambulance_120", "hospital", "community", "police", "cdc", "command")
LABORATORIES = ("region_cdc", "city_cdc", "district_cdc", "county_laboratory", "any_other")
CHANNELS = ("app", "notice", "phone_by_id", "list_to_unit", "other_systems")
Weather = Literal["rain", "cold", "heat", "night"]
"""Kinds of weather a site may have to be equipped for; night counts as one."""
WEATHER: tuple[str, ...] = get_args(Weather)
READ_PATHS = ("large_screen", "statistics", "own_history", "own_result", "own_code")


class Scope(Strict):
    """Who, why and in which order."""

    people: Annotated[Choice, codes_of("everyone_present", "residents", "key_groups", "students")]
    planned_population: Annotated[Count, units("person")]
    triggers: Annotated[
        Codes,
        codes_of(
            "local_case",
            "cluster",
            "positive_in_regular_test",
            "expert_assessment",
            "command_order",
            "calendar",
        ),
    ]
    order: Ranks
    missed_allowed: Annotated[Count, units("person"), Needed]
    latecomers_apart: Flag
    lock_population: Flag
    excuses: Annotated[Codes, codes_of(*EXCUSES)] | None = None
    """Why somebody of the list need not be tested; None in presets stored before there was such a line."""


class Rounds(Strict):
    """How many passes, how often, finished when."""

    finish: Bands
    finish_scheduled: Span
    minimum: PlaceCount
    recent_rounds: PlaceCount
    lookback: Span
    every_case_recent: Span
    every_case_lookback: Span
    every_no_case: Span
    sessions_per_week: PlaceCount


class Sites(Strict):
    """Places, lanes, queues and zones."""

    people_per_site: Annotated[Count, units("person"), Needed, Positive]
    people_per_lane: PersonCount
    people_per_group: PersonCount
    fixed_sites: PlaceCount
    one_site_per_village: Flag
    merge_small_villages: Flag
    queue_limit: Span
    walking_circle: Span
    spacing: Annotated[Measure, units("m"), Positive]
    zones: Annotated[Codes, codes_of(*ZONES)]
    one_way_flow: Flag
    separate_entry_exit: Flag
    open_and_ventilated: Flag
    health_code_check: Check
    temperature_check: Check
    abnormal_to_isolation: Flag
    apart_from_vaccination: Flag
    first_reception: Annotated[Choice, codes_of("community_health_centre", "laboratory")]
    open_from: Annotated[DayTime, Needed]
    open_to: Annotated[DayTime, Needed]
    lane_per_hour: Annotated[Count, units("person"), Needed, Positive]
    lane_day: NeededSpan


class Booking(Strict):
    """How residents are called and registered."""

    lead: Span
    on_site: Flag
    group_admitted: PersonCount
    group_locked: Flag
    paper_forms: Check


class Pool(Strict):
    """How many people in one tube, and who is never pooled."""

    sizes: Sizes
    default_size: Annotated[Count, units("person"), Needed, Positive]
    method: Annotated[Choice, codes_of("pooled_at_collection", "pooled_in_laboratory", "single")]
    single_only: People
    household_tube: Annotated[Choice, codes_of("never", "sealed_estate", "anywhere")]
    home_visit: People
    home_visit_only: Flag
    swab: Annotated[Choice, codes_of("oropharyngeal", "nasopharyngeal")]
    green_lane: People | None = None
    """Who goes ahead of the queue; None in presets stored before there was such a line."""

    @model_validator(mode="after")
    def _default_allowed(self) -> Pool:
        if self.default_size.value not in self.sizes.value:
            raise PydanticCustomError(
                "default_size_not_allowed",
                "default pool size is not among the allowed sizes",
                {"got": self.default_size.value, "allowed": list(self.sizes.value)},
            )
        return self


class StaffPlan(Strict):
    """People by role. `lane` counts the whole roster of a lane; `teams_per_lane` share it."""

    lane: Staffing
    site: Staffing
    round: Staffing
    teams_per_lane: Annotated[Count, units("team"), Needed, Positive]
    shift: NeededSpan
    shift_pattern: Annotated[Choice, codes_of("ABA", "AB", "A")]
    rotation: Span
    rest: Span
    recheck_teams_town: PlaceCount
    recheck_teams_village: PlaceCount
    recheck_team: Staffing
    site_lead_from: Annotated[
        Choice, codes_of("town_cadre_or_village_head", "village_contact_cadre", "street_appointee")
    ]
    trained_before_start: Flag
    sampler_not_vaccinator: Flag
    vaccine_separation: Span
    standby: Share | None = None
    """Stand-ins over the people placed, by job; None in presets stored before there was such a line."""
    institution_share: Share | None = None
    """The most of its free people an institution may send; None as above."""


class Transport(Strict):
    """From the site to the laboratory's door."""

    storage_low: Annotated[Measure, units("celsius")]
    storage_high: Annotated[Measure, units("celsius")]
    package: Annotated[Choice, codes_of("type_b", "un2814_pi602", "un3373_pi650")]
    inactivated: Flag
    box_tubes: Annotated[Count, units("piece"), Needed, Positive]
    box_surface_alcohol: Share
    box_surface_chlorine: Share
    dedicated_vehicle: Flag
    fixed_route: Flag
    dry_ice_long_haul: Flag
    count_before_handover: Flag


class Laboratory(Strict):
    """Matching, reserves and how results are released."""

    allocation: Annotated[Choice, codes_of("by_capacity", "by_area", "named_laboratory")]
    reserve: Share
    daily_reserve: Annotated[Count, units("piece")]
    force_share: Share
    support_threshold: Share
    batches_to_rhythm: Flag
    two_person_release: Flag
    report_fields: Annotated[
        Codes, codes_of("result", "method", "detection_limit", "test_time", "laboratory")
    ]
    owner_case: Annotated[Choice, codes_of("designated_hospital", "same")]
    owner_contact: Annotated[Choice, codes_of("district_cdc", "same")]
    owner_general: Annotated[Choice, codes_of("health_centre", "same")]


class Flagged(Strict):
    """What flags a pool and how it is resolved."""

    outcomes: Annotated[Codes, codes_of(*OUTCOMES)]
    isolate_members: Flag
    swabs: Annotated[Count, units("swab"), Needed, Positive]
    laboratories: Annotated[Codes, codes_of(*LABORATORIES)]
    swab: Annotated[Choice, codes_of("oropharyngeal", "nasopharyngeal")]
    at_home: Flag
    original_tube_to: Annotated[Choice, codes_of(*LABORATORIES)]
    teams_per_pool: Annotated[Count, units("team"), Needed, Positive]
    single_positive_double_test: Flag
    release_others: Flag
    household_of_positive: Annotated[
        Choice, codes_of("central_quarantine", "held_by_community", "by_district")
    ]


class Notices(Strict):
    """Who is told of a positive, and what."""

    parties: Annotated[Codes, codes_of(*PARTIES)]
    messages: Annotated[Codes, codes_of("person", "report")]
    simultaneous: Flag


class Results(Strict):
    """How people learn their result and who may publish."""

    channels: Annotated[Codes, codes_of(*CHANNELS)]
    app_name: Words
    publication_needs_command: Flag
    statistics_to: Annotated[
        Codes, codes_of("health_group", "health_bureau", "city_commission", "county_command")
    ]


class Hygiene(Strict):
    """Disinfection and waste that are rules, not clocks."""

    items_every: Span
    indoors_every: Span
    zones_before_and_after_day: Flag
    alcohol: Share
    chlorine: Share
    double_bag: Flag
    consignment_note: Flag
    handler_suit: Annotated[
        Choice, codes_of("work_suit", "protective_suit", "protective_suit_if_epidemic")
    ]


class WeatherKit(Strict):
    """Goods for one kind of weather, per site and per lane."""

    site: Items
    lane: Items


class Kits(Strict):
    """Goods per site, per lane, per sampling group and day, and stated totals of a round."""

    site: Items
    lane: Items
    group_day: Items
    round: Items
    weather: dict[Weather, WeatherKit] | None = None
    """On top, in such weather; None in presets stored before there was such a kit."""


class Supplies(Strict):
    """Ordering and approval."""

    request_lead: Span
    reserve_share: Share
    scarce_approver: Annotated[Choice, codes_of(*ROLES)]
    recover_surplus: Flag


class Clocks(Strict):
    """Deadlines. `value: null` means the plan has no such clock and none runs."""

    site_ready: ClockTime
    staff_on_duty: ClockTime
    medics_on_duty: ClockTime
    site_kit: ClockTime
    ppe_ready: ClockTime
    disposer_notice: ClockTime
    key_groups_finish: ClockTime
    pick_up: ClockTime
    deliver: ClockTime
    uncooled: ClockTime
    on_instrument: ClockTime
    result_key: ClockTime
    result_other: ClockTime
    result_max: ClockTime
    network_report: ClockTime
    positive_notice: ClockTime
    pool_isolation: ClockTime
    recheck: ClockTime
    waste_recovery: ClockTime
    waste_at_site: ClockTime
    waste_at_disposer: ClockTime
    terminal_disinfection: ClockTime
    catch_up: ClockTime
    notice_ack: ClockTime


class Duties(Strict):
    """Owner and escalation of every clock (one line each, same codes as `clocks`)."""

    site_ready: Duty
    staff_on_duty: Duty
    medics_on_duty: Duty
    site_kit: Duty
    ppe_ready: Duty
    disposer_notice: Duty
    round_finish: Duty
    key_groups_finish: Duty
    pick_up: Duty
    deliver: Duty
    uncooled: Duty
    on_instrument: Duty
    result_key: Duty
    result_other: Duty
    result_max: Duty
    network_report: Duty
    positive_notice: Duty
    pool_isolation: Duty
    recheck: Duty
    waste_recovery: Duty
    waste_at_site: Duty
    waste_at_disposer: Duty
    terminal_disinfection: Duty
    catch_up: Duty
    notice_ack: Duty


class Containment(Strict):
    """Controlled stays."""

    quarantine: Annotated[Duration, Positive]
    test_before_release: Flag


class Money(Strict):
    """Price and who pays."""

    price: Annotated[Measure, units("cny")]
    payers: dict[
        Category,
        Annotated[Choice, codes_of("insurance", "county", "local_budget", "self_or_employer")],
    ]


class School(Strict):
    """Weekly tests of a school; empty in the other plans."""

    slots: Slots
    regular_draw: WeekTime
    list_deadline: WeekTime
    late_list_deadline: DayTime
    list_columns: Annotated[Codes, codes_of("college", "name", "student_no", "class")]
    return_tests: Hours
    change_notice: Span


class Operations(Strict):
    """How the system itself behaves under this preset."""

    degrade_order: Annotated[Codes, codes_of(*READ_PATHS)]
    retention: NeededSpan
    clock_skew: Span


class Header(Strict):
    """What the plan is. `source` is the document tag its own (non-default) origins start with."""

    code: str = Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")
    version: int = Field(ge=1)
    title: Text
    issuer: Text
    document_no: str | None = None
    kind: Annotated[str, Field(pattern=r"^(plan|notice|practice|guidance)$")]
    effective_from: date
    effective_to: date | None = None
    source: str = Field(pattern=r"^S[0-4](/[A-Z0-9]{2,3})?$")
    remarks: Text | None = None

    @model_validator(mode="after")
    def _forward(self) -> Header:
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise PydanticCustomError("bad_dates", "ends before it starts", {})
        return self


class Preset(Strict):
    """One protocol: header and parameters. Immutable; compare with `presets.diff`."""

    header: Header
    scope: Scope
    rounds: Rounds
    sites: Sites
    booking: Booking
    pool: Pool
    staffing: StaffPlan
    transport: Transport
    laboratory: Laboratory
    flagged: Flagged
    notices: Notices
    results: Results
    hygiene: Hygiene
    kits: Kits
    ppe: dict[Staff, Items]
    supplies: Supplies
    clocks: Clocks
    duties: Duties
    containment: Containment
    money: Money
    school: School
    operations: Operations

    @property
    def code(self) -> str:
        return self.header.code

    @property
    def version(self) -> int:
        return self.header.version

    @property
    def key(self) -> str:
        """`yongning@1`: what a campaign stores beside its snapshot."""
        return f"{self.code}@{self.version}"

    @model_validator(mode="after")
    def _coherent(self) -> Preset:
        if self.sites.open_from.need() >= self.sites.open_to.need():
            raise PydanticCustomError(
                "bad_time",
                "closes before it opens",
                {"path": "sites.open_to", "got": self.sites.open_to.value},
            )
        low, high = self.transport.storage_low.value, self.transport.storage_high.value
        if low is not None and high is not None and low > high:
            raise PydanticCustomError(
                "min_over_max",
                "lowest above highest",
                {"min": low, "max": high, "path": "transport.storage_low"},
            )
        return self


CLOCK_CODES: tuple[str, ...] = tuple(Duties.model_fields)
GROUPS: tuple[str, ...] = tuple(name for name in Preset.model_fields if name != "header")
ALL_CATEGORIES = CATEGORIES


Order = tuple[tuple[int, str], ...]


def leaves(preset: Preset) -> Iterator[tuple[str, Leaf]]:
    """Every leaf with its path, in the order of the schema (`clocks.deliver`, …)."""
    for _, path, leaf in ordered_leaves(preset):
        yield path, leaf


def ordered_leaves(preset: Preset) -> Iterator[tuple[Order, str, Leaf]]:
    """Leaves with a sort key that is the same for every preset, so that two can be merged."""
    for position, group in enumerate(GROUPS):
        yield from _walk(((position, ""),), group, getattr(preset, group))


def _walk(order: Order, path: str, node: object) -> Iterator[tuple[Order, str, Leaf]]:
    if isinstance(node, Leaf):
        yield order, path, node
    elif isinstance(node, dict):
        for key in sorted(node):
            yield from _walk((*order, (0, key)), f"{path}.{key}", node[key])
    elif isinstance(node, Strict):
        for position, name in enumerate(type(node).model_fields):
            yield from _walk((*order, (position, "")), f"{path}.{name}", getattr(node, name))
