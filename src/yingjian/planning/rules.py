"""From a protocol preset to a planning problem: which values count, which hours are open.

Pure. Nothing here knows a number; every value and its origin comes from the preset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from string import Formatter
from typing import Any

import msgspec

from yingjian.campaigns import presets
from yingjian.campaigns.presets import Leaf, Preset
from yingjian.engines.plan.checks.choice import TRIED
from yingjian.engines.plan.choice import EFFORT
from yingjian.engines.plan.judge import LEVELS, Finding
from yingjian.engines.plan.means import Force, Stock
from yingjian.engines.plan.model import (
    Block,
    Candidate,
    Lab,
    Limit,
    Place,
    Plan,
    PlanError,
    PlanProblem,
    Post,
    Resources,
    Rules,
    Scalar,
    Span,
    Village,
)
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.staff import team_seats
from yingjian.engines.siting.model import Params

from . import lines

GROUPS = frozenset(
    {
        "scope", "rounds", "sites", "booking", "pool", "staffing", "transport", "laboratory",
        "kits", "ppe", "supplies", "clocks",
    }
)  # fmt: skip
"""Groups of the preset a plan depends on."""

NOBODY = Force()
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def rules_of(preset: Preset, *, population: int | None = None) -> Rules:
    """Every preset value a plan may depend on, by path, durations in minutes.

    `rounds.finish` becomes the limit for this population in minutes (R1–R5);
    `scope.general_rank` is the rank of people of no special category (R9, R10).
    """
    found: dict[str, Limit] = {}
    for path, leaf in presets.leaves(preset):
        if path.partition(".")[0] in GROUPS:
            limit = _limit(leaf)
            if limit is not None:
                found[path] = limit
    if population is not None:
        hours = presets.finish_hours(preset, population)
        found["rounds.finish"] = Limit(
            value=None if hours is None else hours * 60,
            unit="min",
            origin=preset.rounds.finish.origin,
        )
    found["scope.general_rank"] = Limit(
        value=presets.priority_rank(preset, []), origin=preset.scope.order.origin
    )
    return Rules(found)


def _limit(leaf: Leaf) -> Limit | None:
    """A leaf as a planner's limit; None for leaves that are no single value (ranks, bands, slots)."""
    value: Any = getattr(leaf, "value", None)
    low, high, unit = (getattr(leaf, name, None) for name in ("min", "max", "unit"))
    minutes = {"min": 1, "h": 60, "d": 1440}.get(unit or "")
    if minutes is not None and hasattr(leaf, "minutes"):
        value, low, high = (None if n is None else n * minutes for n in (value, low, high))
        unit = "min"
    at = getattr(leaf, "at", None)
    if at is not None:
        value, unit = at, "at"
    if isinstance(value, tuple):
        if not all(isinstance(item, str | int) for item in value):
            return None
        value = [str(item) for item in value]
    scalar: Scalar = value
    low, high = (None if n is None else float(n) for n in (low, high))
    return Limit(value=scalar, low=low, high=high, unit=unit or "", origin=leaf.origin)


# --- open hours ----------------------------------------------------------------------------------


def deadline_of(preset: Preset, start: datetime, population: int) -> datetime | None:
    """By when the round must be finished; None when the command sets it (R1–R6)."""
    hours = presets.finish_hours(preset, population)
    return None if hours is None else start + timedelta(hours=hours)


def open_days(preset: Preset, window: Span, deadline: datetime | None, tz: tzinfo) -> list[Span]:
    """Opening hours of each day inside the window and before the deadline, in local time.

    A lane's day (R35) cuts long opening hours. Empty when window and opening hours never meet.
    """
    opens, closes = preset.sites.open_from.need(), preset.sites.open_to.need()
    longest = timedelta(minutes=preset.sites.lane_day.need_minutes())
    end = window.end if deadline is None else min(window.end, deadline)
    found: list[Span] = []
    day = window.start.astimezone(tz).date()
    while _at(day, opens, tz) < end:
        start = max(_at(day, opens, tz), _whole(window.start.astimezone(tz)))
        stop = min(_at(day, closes, tz), start + longest, end.astimezone(tz))
        if stop > start:
            found.append(Span(start, stop))
        day += timedelta(days=1)
    return found


def named_places(preset: Preset, window: Span, tz: tzinfo) -> list[Place]:
    """Places with weekly hours of their own that fall into the window (a school's plan, R95)."""
    hours: dict[str, list[Span]] = {}
    for slot in preset.school.slots.value:
        spans = hours.setdefault(slot.place.zh, [])
        day = window.start.astimezone(tz).date()
        while _at(day, time(0), tz) < window.end:
            start, stop = (_at(day, time.fromisoformat(t), tz) for t in (slot.start, slot.end))
            inside = start >= window.start and stop <= window.end
            if WEEKDAYS[day.weekday()] == slot.weekday and inside:
                spans.append(Span(start, stop))
            day += timedelta(days=1)
    return [
        Place(name, sorted(spans, key=lambda s: s.start)) for name, spans in hours.items() if spans
    ]


def _at(day: date, moment: time, tz: tzinfo) -> datetime:
    return datetime.combine(day, moment, tzinfo=tz)


def _whole(at: datetime) -> datetime:
    """Up to the next whole minute: timetables are written in minutes."""
    whole = at.replace(second=0, microsecond=0)
    return whole if whole == at else whole + timedelta(minutes=1)


# --- the problem ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class RoundFacts:
    """What a plan needs to know of its round."""

    round_id: str
    area: str
    campaign_no: int
    round_no: int
    window: Span


def problem_for(
    preset: Preset,
    facts: RoundFacts,
    *,
    villages: Sequence[Village],
    blocks: Sequence[Block],
    labs: Sequence[Lab],
    resources: Resources,
    tz: tzinfo,
    choice: Choice | None = None,
    candidates: Sequence[Candidate] = (),
    force: Force = NOBODY,
    stocks: Sequence[Stock] = (),
) -> PlanProblem:
    """Put preset, round and people together. Raises `PlanError` (`nobody`, `no_open_hours`, `candidate_barred`,
    `too_few_sites`, `barriers_elsewhere`, `paths_elsewhere`)."""
    choice = choice or Choice(PlanParams())
    for place in candidates:
        if place.lock == "never" and choice.locks.get(place.key) == "stay":
            raise PlanError("candidate_barred", name=place.name)
    kept = sum(lock == "stay" for lock in choice.locks.values())
    if choice.most_sites is not None and kept > choice.most_sites:
        raise PlanError("too_few_sites", most=choice.most_sites, least=kept)
    people = sum(block.people for block in blocks)
    if people == 0:
        raise PlanError("nobody")
    lines.stay_near(choice.params, ((block.lon, block.lat) for block in blocks))
    deadline = deadline_of(preset, facts.window.start, people)
    days = open_days(preset, facts.window, deadline, tz)
    places = named_places(preset, facts.window, tz)
    if not days and not places:
        raise PlanError(
            "no_open_hours",
            opens=preset.sites.open_from.value,
            closes=preset.sites.open_to.value,
            start=f"{facts.window.start.astimezone(tz):%Y-%m-%d %H:%M}",
            end=f"{facts.window.end.astimezone(tz):%Y-%m-%d %H:%M}",
        )
    return PlanProblem(
        round_id=facts.round_id,
        area=facts.area,
        preset=preset.key,
        campaign_no=facts.campaign_no,
        round_no=facts.round_no,
        window=Span(facts.window.start.astimezone(tz), facts.window.end.astimezone(tz)),
        deadline=None if deadline is None else deadline.astimezone(tz),
        days=days or [span for place in places for span in place.spans],
        places=places,
        rules=changed_rules(rules_of(preset, population=people), choice.changed),
        villages=sorted(villages, key=lambda v: v.area),
        blocks=sorted(blocks, key=lambda b: b.key),
        labs=list(labs),
        resources=resources,
        candidates=list(candidates),
        locks=dict(choice.locks),
        force=force,
        stocks=list(stocks),
        weather=list(choice.weather),
    )


def days_for(preset: Preset, facts: RoundFacts, *, people: int, tz: tzinfo) -> list[Span]:
    """Every span the round may work in, of all sites."""
    deadline = deadline_of(preset, facts.window.start, people)
    places = named_places(preset, facts.window, tz)
    return [
        *open_days(preset, facts.window, deadline, tz),
        *(span for place in places for span in place.spans),
    ]


def door_limit(rules: Rules, params: PlanParams) -> int:
    """People behind one door who are still called together: what one lane takes in one slot.

    Larger collective households (a dormitory, a home) are planned person by person.
    """
    slot = min(params.slot_minutes, rules.number("sites.queue_limit") or params.slot_minutes)
    return max(1, int(rules.need("sites.lane_per_hour") * slot / 60 * params.load))


@dataclass(frozen=True)
class Choice:
    """What a proposer may say beside the preset: how to model, and what there is to work with."""

    params: PlanParams
    seed: int = 0
    laboratories: tuple[str, ...] | None = None
    lab_tubes: Mapping[str, int] = field(default_factory=dict)
    """Tubes a day of a laboratory that are this round's, where a city shares it among its districts."""
    lanes: int | None = None
    vehicles: int | None = None
    most_sites: int | None = None
    """Most fixed sites that may be opened."""
    limit_to_staff: bool = False
    seconds: float = 30.0
    """How long to look for sites; a county is through sooner."""
    thorough: bool = False
    """Go on improving bound and plan until the seconds are over."""
    locks: Mapping[str, str] = field(default_factory=dict)
    """Candidates by key that `stay` or are `never` opened."""
    changed: Mapping[str, float] = field(default_factory=dict)
    """Rule values to try instead of the preset's (what if the walk were 20 minutes?)."""
    weather: tuple[str, ...] = ()
    """Kinds of weather to pack for."""
    quotas: Mapping[str, Quota] = field(default_factory=dict)
    """By institution: the fewest and the most people the command wants from it."""

    @property
    def effort(self) -> Params:
        """How hard to look."""
        return THOROUGH if self.thorough else EFFORT


THOROUGH = Params(sweeps=12, cases=8, workers=2)
OWN_OPTIONS = frozenset(
    {
        "weather",
        "quotas",
        "barriers",
        "paths",
        "seed",
        "thorough",
        "laboratories",
        "lanes",
        "vehicles",
        "most_sites",
        "limit_to_staff",
        "seconds",
        "locks",
        "rules",
    }
)
CHANGEABLE = frozenset(
    {
        "sites.walking_circle", "sites.people_per_site", "sites.people_per_lane",
        "sites.lane_per_hour", "sites.queue_limit",
    }
)  # fmt: skip
"""Rules a proposer may try with another value; the plan says so."""
LONGEST_SEARCH = 3600
MOST = 1_000_000
"""No number of an option is larger, but the seed."""
SEEDS = 2**31
NAMED_BY = frozenset({"village", "n"})
"""What a pattern for names of sites may hold in braces."""


def choice_of(options: Mapping[str, Any]) -> Choice:
    """Read the options of a proposal. Raises `PlanError("bad_option", option, got)`."""
    own = {name: value for name, value in options.items() if name in OWN_OPTIONS}
    params = params_of({n: v for n, v in options.items() if n not in OWN_OPTIONS})
    if own.pop("barriers", None):
        params = msgspec.structs.replace(params, barriers=lines.barriers_of(options["barriers"]))
    if own.pop("paths", None):
        params = msgspec.structs.replace(params, paths=lines.paths_of(options["paths"]))
    for name in ("seed", "lanes", "vehicles", "most_sites"):
        value = own.get(name)
        least, most = int(name in {"lanes", "most_sites"}), SEEDS - 1 if name == "seed" else MOST
        if value is not None and (type(value) is not int or not least <= value <= most):
            raise PlanError("bad_option", option=name, got=value)
    for name in ("limit_to_staff", "thorough"):
        if not isinstance(own.get(name, False), bool):
            raise PlanError("bad_option", option=name, got=own[name])
    seconds = own.get("seconds", 30.0)
    if not _number(seconds) or not 0 < seconds <= LONGEST_SEARCH:
        raise PlanError("bad_option", option="seconds", got=seconds)
    locks = own.get("locks", {})
    if not isinstance(locks, dict) or not all(v in ("stay", "never") for v in locks.values()):
        raise PlanError("bad_option", option="locks", got=locks)
    own["changed"] = _changes(own.pop("rules", {}))
    own["weather"] = _weather(own.pop("weather", []))
    own["quotas"] = _quotas(own.pop("quotas", {}))
    asked = own.pop("laboratories", None)
    shared: dict[str, int] = asked if isinstance(asked, dict) else {}
    if not all(type(tubes) is int and 0 < tubes <= MOST for tubes in shared.values()):
        raise PlanError("bad_option", option="laboratories", got=asked)
    labs = list(asked) if isinstance(asked, dict) else asked
    if labs is not None and not (isinstance(labs, list) and all(isinstance(x, str) for x in labs)):
        raise PlanError("bad_option", option="laboratories", got=labs)
    named = None if labs is None else tuple(labs)
    return Choice(params, laboratories=named, lab_tubes=shared, **own)


def shared_labs(labs: Sequence[Lab], tubes: Mapping[str, int]) -> list[Lab]:
    """Laboratories with the part of their day that is this round's; never more than they test."""
    return [
        msgspec.structs.replace(lab, tubes_per_day=min(lab.tubes_per_day, tubes[lab.code]))
        if lab.code in tubes
        else lab
        for lab in labs
    ]


Quota = tuple[int, int | None]


def _weather(asked: object) -> tuple[str, ...]:
    """Kinds of weather. Raises `PlanError("bad_option")` for one no kit is known for."""
    if not isinstance(asked, list) or not all(kind in presets.WEATHER for kind in asked):
        raise PlanError("bad_option", option="weather", got=asked, known=", ".join(presets.WEATHER))
    return tuple(sorted(set(asked)))


def _quotas(asked: object) -> dict[str, Quota]:
    """`{institution: {"least": 2, "most": 10}}`. Raises `PlanError("bad_option")`."""
    if not isinstance(asked, dict):
        raise PlanError("bad_option", option="quotas", got=asked)
    found: dict[str, Quota] = {}
    for unit, quota in asked.items():
        given = quota if isinstance(quota, dict) else {"?": quota}
        least, most = given.get("least", 0), given.get("most")
        whole = type(least) is int and least >= 0 and (most is None or type(most) is int)
        if set(given) - {"least", "most"} or not whole or (most is not None and most < least):
            raise PlanError("bad_option", option="quotas", got=quota)
        found[str(unit)] = (least, most)
    return found


def _changes(asked: object) -> dict[str, float]:
    """Rule values to try. Raises `PlanError("bad_option")` for a rule nobody may try to change."""
    if not isinstance(asked, dict):
        raise PlanError("bad_option", option="rules", got=asked)
    for path, value in asked.items():
        if path not in CHANGEABLE or not _number(value) or value <= 0:
            raise PlanError("bad_option", option=f"rules.{path}", got=value)
    return {str(path): float(value) for path, value in asked.items()}


def changed_rules(rules: Rules, changes: Mapping[str, float]) -> Rules:
    """The rules with other values to try; a bound the value breaks gives way to it."""
    found = dict(rules.by_path)
    for path, value in changes.items():
        old = rules.get(path)
        number = int(value) if value == int(value) else value
        low = old.low if old.low is None or old.low <= value else None
        found[path] = Limit(
            number, low, None if old.high is None else float(value), old.unit, TRIED
        )
    return Rules(found)


def params_of(options: Mapping[str, Any]) -> PlanParams:
    """Planner parameters with the proposer's changes.

    Raises `PlanError("unknown_option", option, known)`, `PlanError("bad_option", option, got)`.
    """
    fields = [name for name in PlanParams.__struct_fields__ if name not in OWN_OPTIONS]
    known = {name: getattr(PlanParams(), name) for name in fields}
    changed: dict[str, Any] = {}
    for name, value in options.items():
        if name not in known:
            raise PlanError(
                "unknown_option", option=name, known=", ".join(sorted({*known, *OWN_OPTIONS}))
            )
        kind = type(known[name])
        fits = isinstance(value, kind) if kind in {str, bool} else _number(value)
        if not fits or not (kind is bool or _within(name, value)):
            raise PlanError("bad_option", option=name, got=value)
        if kind is int and value != int(value):
            raise PlanError("bad_option", option=name, got=value)
        changed[name] = kind(value)
    return PlanParams(**{**known, **changed})


def _within(name: str, value: float | str) -> bool:
    """Lengths and factors are above nothing; shares of people may be nothing and never all; names can be made."""
    if isinstance(value, str):
        return _pattern(value)
    if value > MOST:
        return False
    if name in {"no_show", "early_birds"}:
        return 0 <= value < 1
    if name in {"punctual_sd", "service_cv"}:
        return value >= 0
    if name == "wait_quantile":
        return 0 < value < 1
    return value > 0 and (name != "load" or value <= 1)


def _pattern(text: str) -> bool:
    """Whether a name can be made of it."""
    try:
        parts = [part[1:] for part in Formatter().parse(text)]
    except ValueError:  # a brace by itself
        return False
    return all(part[0] in NAMED_BY | {None} and not part[1] and not part[2] for part in parts)


def team_posts(plan: Plan) -> list[Post]:
    """Posts of reserve and home-visit teams with people of their own: as long as any site is open.

    They stand at no site; one span a date, so that nobody is on duty over night.
    """
    dates: dict[date, Span] = {}
    for span in (span for site in plan.sites for span in site.open):
        old = dates.get(span.start.date(), span)
        dates[span.start.date()] = Span(min(old.start, span.start), max(old.end, span.end))
    return [
        Post(seat, job, "", "", "", day.start, day.end)
        for team in plan.teams
        for seat, job in team_seats(team)
        for day in dates.values()
    ]


# --- what is kept of the findings ----------------------------------------------------------------


def condensed(findings: Sequence[Finding]) -> list[Finding]:
    """Breaches and notes one by one, what holds as one line per rule with the number of elements."""
    kept = sorted(
        (f for f in findings if f.level != "ok"),
        key=lambda f: (LEVELS.index(f.level) * -1, f.code, f.element),
    )
    held: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if finding.level == "ok":
            held.setdefault((finding.code, finding.path), []).append(finding)
    return kept + [
        Finding(
            code=first.code,
            level="ok",
            element="plan",
            path=first.path,
            value=first.value,
            origin=first.origin,
            rules=first.rules,
            params={"elements": float(len(same))},
        )
        for same in held.values()
        for first in same[:1]
    ]


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
