"""The roster by name held against R26, R36, R45, R47, R80 and the quotas. Counts again; no planner code."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import datetime

from yingjian.engines.plan.judge import Bench, minutes
from yingjian.engines.plan.means import Crew, Hour, Worker
from yingjian.engines.plan.model import Site, Span

TAUGHT = "staffing.trained_before_start"


def check_crew(bench: Bench) -> None:
    """Everything the plan says of people and hours; nothing where it says nothing."""
    crew = bench.plan.crew
    if crew is None:
        return
    seats = _seats(bench)
    _hours(bench, crew)
    _people(bench, crew, seats)
    _units(bench, crew, seats)
    _jobs(bench, crew, seats)
    _rides(bench, crew, seats)
    _support(bench, crew, seats)


class _Seat:
    """A seat counted again: job, place, spans."""

    def __init__(self, job: str, place: str, area: str) -> None:
        self.job, self.place, self.area = job, place, area
        self.spans: list[Span] = []

    def starts(self) -> datetime | None:
        return min((span.start for span in self.spans), default=None)


def _seats(bench: Bench) -> dict[str, _Seat]:
    """Every seat of sites, round and reserve teams."""
    plan, found = bench.plan, dict[str, _Seat]()
    for post in [*(p for site in plan.sites for p in site.posts), *plan.posts]:
        area = bench.sites[post.site].area if post.site in bench.sites else bench.problem.area
        seat = found.setdefault(post.seat, _Seat(post.job, post.site, area))
        seat.spans.append(Span(post.start, post.end))
    first = min((s.start for seat in found.values() for s in seat.spans), default=None)
    last = max((s.end for seat in found.values() for s in seat.spans), default=None)
    for team in plan.teams:
        if team.own:
            for job, count in team.jobs.items():
                for n in range(1, count + 1):
                    seat = found[f"{team.code}-{job}-{n}"] = _Seat(job, team.code, team.area)
                    if first is not None and last is not None:
                        seat.spans.append(Span(first, last))
    return found


# --- lanes by the hour ---------------------------------------------------------------------------


def _hours(bench: Bench, crew: Crew) -> None:
    """People by hour as the slots call them; never fewer lanes staffed than they need (R23, R35)."""
    told = {one.site: one.hours for one in crew.hours}
    rate = bench.problem.rules.number("sites.lane_per_hour") or 0.0
    for site in bench.plan.sites:
        element, hours = f"site:{site.code}", told.get(site.code, [])
        called = sum(slot.people for slot in site.slots)
        bench.same("crew_sum", element, sum(h.people for h in hours), called, "hours") if abs(
            sum(h.people for h in hours) - called
        ) > len(hours) else None
        short, worst = 0, None
        for hour in hours:
            able = rate * minutes(hour.end, hour.start) / 60
            needed = min(len(site.stations), math.ceil(hour.people / able - 1e-9)) if able else 0
            staffed = _staffed(site, hour)
            if staffed != hour.staffed:
                bench.same("crew_sum", element, hour.staffed, staffed, "staffed")
            if max(needed, hour.needed) - staffed > short:
                short, worst = max(needed, hour.needed) - staffed, hour
        if worst is None:
            bench.say("lanes_by_hour", "ok", element, "sites.lane_per_hour")
        else:
            bench.say(
                "lanes_by_hour", "error", element, "sites.lane_per_hour", measured=worst.staffed,
                limit=worst.staffed + short, over=short, hour=worst.start.strftime("%H:%M"),
            )  # fmt: skip


def _staffed(site: Site, hour: Hour) -> int:
    return sum(
        any(own.start <= hour.start and hour.end <= own.end for own in (station.open or site.open))
        for station in site.stations
    )


# --- people --------------------------------------------------------------------------------------


def _people(bench: Bench, crew: Crew, seats: dict[str, _Seat]) -> None:
    """Known, in one place, qualified, rested, apart from vaccination; stand-ins are free."""
    force = {worker.id: worker for worker in bench.problem.force.workers}
    held: dict[str, list[str]] = defaultdict(list)
    for name, staff in bench.plan.seats.items():
        held[staff].append(name)
    faults = Counter[str]()
    for staff, names in sorted(held.items()):
        if staff not in force:
            faults["crew_unknown"] += 1
            continue
        own = [seats[name] for name in names if name in seats]
        faults["crew_two_places"] += len(own) > 1
        faults["crew_nowhere"] += len(own) < len(names)
        for seat in own:
            faults.update(_unfit(bench, force[staff], seat.job, seat.starts()))
    first = min((at for seat in seats.values() if (at := seat.starts())), default=None)
    for one in crew.standby:
        faults["crew_standby_busy"] += one.staff in held
        worker = force.get(one.staff)
        if worker is None:
            faults["crew_unknown"] += 1
        else:
            faults.update(_unfit(bench, worker, one.job, first))
    faults["crew_standby_busy"] += len(crew.standby) - len({one.staff for one in crew.standby})
    for code, path in (
        ("crew_unknown", ""), ("crew_nowhere", ""), ("crew_two_places", "staffing.shift"),
        ("crew_unqualified", TAUGHT), ("crew_vaccinator", "staffing.sampler_not_vaccinator"),
        ("crew_no_rest", "staffing.rest"), ("crew_standby_busy", "staffing.standby"),
    ):  # fmt: skip
        count = faults[code]
        level = "error" if count else "ok"
        bench.say(code, level, "plan", path, measured=count, limit=0, over=count)


def _unfit(bench: Bench, worker: Worker, job: str, starts: datetime | None) -> list[str]:
    rules, found = bench.problem.rules, []
    if job not in (worker.job, *worker.jobs):
        found.append("crew_unqualified")
    if starts is None:
        return found
    apart = rules.number("staffing.vaccine_separation") or 0.0
    if (
        job == "sampler"
        and rules.flag("staffing.sampler_not_vaccinator")
        and worker.vaccinated is not None
        and minutes(starts, worker.vaccinated) < apart
    ):
        found.append("crew_vaccinator")
    rest = rules.number("staffing.rest")
    duty = worker.last_duty
    if rest is not None and duty is not None and minutes(starts, duty) < rest:
        found.append("crew_no_rest")
    return found


def _units(bench: Bench, crew: Crew, seats: dict[str, _Seat]) -> None:
    """No institution sends more than it has, its quota and the preset's share; sums agree."""
    unit_of = {worker.id: worker.unit for worker in bench.problem.force.workers}
    there = Counter(unit_of.values())
    sent = Counter(unit_of[staff] for staff in bench.plan.seats.values() if staff in unit_of)
    share = bench.problem.rules.number("staffing.institution_share")
    told = {unit.id: unit for unit in crew.units}
    for unit in bench.problem.force.units:
        most = float(there[unit.id])
        if share is not None:
            most = math.floor(there[unit.id] * share + 1e-9)
        if unit.most is not None:
            most = min(most, unit.most)
        element = f"unit:{unit.name}"
        bench.most("crew_quota", element, "staffing.institution_share", sent[unit.id], most)
        least = min(unit.least, most)
        if sent[unit.id] < least:
            bench.say("crew_quota_least", "warning", element, measured=sent[unit.id], limit=least,
                      over=least - sent[unit.id])  # fmt: skip
        line = told.get(unit.id)
        stated = -1 if line is None else line.sent
        if stated != sent[unit.id]:
            bench.same("crew_sum", element, stated, sent[unit.id], "sent")
    rows = Counter[tuple[str, str, str]]()
    for name, staff in bench.plan.seats.items():
        if name in seats and staff in unit_of:
            rows[unit_of[staff], seats[name].place, seats[name].job] += 1
    stated_rows = Counter({(one.unit, one.site, one.job): one.people for one in crew.sent})
    differ = sum((rows - stated_rows).values()) + sum((stated_rows - rows).values())
    bench.same("crew_sum", "plan", differ, 0, "sent")


def _jobs(bench: Bench, crew: Crew, seats: dict[str, _Seat]) -> None:
    """Vacant seats by job are told with the rule that asks for them; so are missing stand-ins."""
    wanted = Counter(seat.job for seat in seats.values())
    filled = Counter(seats[name].job for name in bench.plan.seats if name in seats)
    ready = Counter(one.job for one in crew.standby)
    share = bench.problem.rules.number("staffing.standby") or 0.0
    told = {line.job: line for line in crew.jobs}
    known = bool(bench.problem.force.workers)
    if not known:
        bench.say("crew_none", "note", "plan", measured=sum(wanted.values()))
    for job in sorted({*wanted, *told}):
        line = told.get(job)
        path = line.rule if line else ""
        if line is None or (line.wanted, line.filled) != (wanted[job], filled[job]):
            bench.same("crew_sum", f"job:{job}", line.filled if line else -1, filled[job], job)
        if not known:
            continue
        bench.least(
            "crew_short", f"job:{job}", path, filled[job], wanted[job], level="warning", job=job
        )
        reserve = math.ceil(wanted[job] * share - 1e-9)
        bench.least("crew_standby_short", f"job:{job}", "staffing.standby", ready[job], reserve,
                    level="note", job=job)  # fmt: skip


def _rides(bench: Bench, crew: Crew, seats: dict[str, _Seat]) -> None:
    """A seat in a bus for everybody who is sent."""
    unit_of = {worker.id: worker.unit for worker in bench.problem.force.workers}
    going = Counter[tuple[str, str]]()
    for name, staff in bench.plan.seats.items():
        if name in seats and staff in unit_of and seats[name].place:
            going[unit_of[staff], seats[name].place] += 1
    told = {(ride.unit, ride.site): ride for ride in crew.rides}
    wrong = 0
    for key in going.keys() | told.keys():
        ride = told.get(key)
        buses = math.ceil(going[key] / bench.plan.params.bus_seats)
        wrong += ride is None or (ride.people, ride.buses) != (going[key], buses)
    bench.same("crew_sum", "plan", wrong, 0, "rides")


def _support(bench: Bench, crew: Crew, seats: dict[str, _Seat]) -> None:
    """Above the share of a level's people the level above is asked (R80), by exactly the excess."""
    threshold = bench.problem.rules.number("laboratory.support_threshold")
    if threshold is None or not bench.problem.force.workers:
        return
    for ask in crew.asks:
        excess = ask.task - math.floor(threshold * ask.people + 1e-9)
        level = "note" if ask.ask == excess and excess > 0 else "error"
        bench.say(
            "crew_support", level, f"area:{ask.area}", "laboratory.support_threshold",
            measured=ask.task, limit=ask.people, over=ask.ask, job=ask.job, above=ask.above,
        )  # fmt: skip
    county = bench.problem.area[:6]
    area_of = {unit.id: unit.area for unit in bench.problem.force.units}
    needed = Counter(seat.job for seat in seats.values())
    there = Counter(
        worker.job
        for worker in bench.problem.force.workers
        if area_of.get(worker.unit, county).startswith(county)
    )
    for job, wanted in sorted(needed.items()):
        below = there[job]
        asked = any(ask.job == job and ask.area == county for ask in crew.asks)
        if wanted > below and not asked:
            bench.say("crew_support_missing", "error", f"area:{county}", "laboratory.support_threshold",
                      measured=wanted, limit=below, job=job)  # fmt: skip
