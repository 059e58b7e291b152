"""Pick-up runs, delivery and laboratories held against the rules. Counts again; no planner code."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from datetime import datetime, timedelta

from yingjian.engines.plan_judge import Bench, minutes, straight_km
from yingjian.engines.plan_model import Run, Site


def check_transport(bench: Bench) -> None:
    """Every run and laboratory share against R58–R62, R80, R81."""
    calls: dict[str, list[tuple[datetime, Run]]] = defaultdict(list)
    for run in bench.plan.runs:
        for stop in run.stops:
            calls[stop.site].append((stop.at, run))
    for code in sorted(set(calls) - set(bench.sites)):
        bench.say("run_nowhere", "error", f"site:{code}", measured=code)
    for site in bench.plan.sites:
        _pick_ups(bench, site, sorted(calls[site.code], key=lambda c: c[0]))
    _delivery(bench, calls)
    _vehicles(bench)
    _laboratories(bench)


def _interval(bench: Bench) -> tuple[float | None, str]:
    """The longest a site may wait between calls, and the rule that says so."""
    rules = bench.problem.rules
    for path in ("clocks.pick_up", "clocks.deliver", "clocks.uncooled"):
        limit = rules.number(path)
        if limit is not None:
            return limit, path
    return None, "clocks.pick_up"


def _pick_ups(bench: Bench, site: Site, calls: list[tuple[datetime, Run]]) -> None:
    """No gap above the interval while open, and the last tube leaves after closing (R59)."""
    element = f"site:{site.code}"
    limit, path = _interval(bench)
    worst, uncollected = 0.0, 0
    for span in site.open:
        own = [
            at for at, _ in calls if span.start <= at <= span.end + timedelta(minutes=limit or 1440)
        ]
        own = [at for at in own if at < _next_open(site, span.end)]
        if not own or own[-1] < span.end:
            uncollected += 1
        marks = [span.start, *own]
        worst = max([worst, *(minutes(b, a) for a, b in itertools.pairwise(marks))])
    level = "error" if uncollected else "ok"
    bench.say("not_collected", level, element, path, measured=uncollected, limit=0,
              over=uncollected)  # fmt: skip
    bench.most("pick_up_gap", element, path, worst, limit)
    if path != "clocks.uncooled":
        uncooled = bench.problem.rules.number("clocks.uncooled")
        bench.most("uncooled", element, "clocks.uncooled", worst, uncooled, level="warning")


def _next_open(site: Site, after: datetime) -> datetime:
    """When the site opens again; far away if it does not."""
    return min(
        (span.start for span in site.open if span.start > after),
        default=after + timedelta(days=365),
    )


def _delivery(bench: Bench, calls: dict[str, list[tuple[datetime, Run]]]) -> None:
    """Age of the oldest sample of every run when it reaches the laboratory (R59–R61)."""
    rules = bench.problem.rules
    limit, at = rules.number("clocks.deliver"), rules.text("clocks.deliver")
    worst: dict[str, float] = defaultdict(float)
    for run in bench.plan.runs:
        age = max((_age(bench, run, stop.site, stop.at, calls) for stop in run.stops), default=0.0)
        if abs(age - run.oldest_minutes) > 1:
            bench.same("run_sum", f"run:{run.vehicle}", run.oldest_minutes, round(age, 1), "oldest")
        worst[run.route] = max(worst[run.route], age)
        if at:
            due = run.leaves.replace(hour=int(at[:2]), minute=int(at[3:]), second=0)
            late = minutes(run.arrives, due)
            bench.say(
                "delivery_late", "error" if late > 0 else "ok", f"run:{run.vehicle}",
                "clocks.deliver", measured=run.arrives.isoformat(), limit=due.isoformat(),
                over=max(0.0, late),
            )  # fmt: skip
    for route, age in sorted(worst.items()):
        bench.most("delivery_late", f"route:{route}", "clocks.deliver", age, limit)


def _age(
    bench: Bench,
    run: Run,
    site: str,
    at: datetime,
    calls: dict[str, list[tuple[datetime, Run]]],
) -> float:
    """Minutes from just after the call before this one, or from opening, to the laboratory."""
    found = bench.sites.get(site)
    opened = [span.start for span in found.open if span.start <= at] if found else []
    before = [moment for moment, other in calls[site] if moment < at and other is not run]
    marks = ([max(opened)] if opened else []) + [
        moment for moment in before if not opened or moment > max(opened)
    ]
    return minutes(run.arrives, max(marks)) if marks else 0.0


def _vehicles(bench: Bench) -> None:
    """One vehicle, one route, one place at a time (R62); no faster than the road."""
    by_vehicle: dict[str, list[Run]] = defaultdict(list)
    for run in bench.plan.runs:
        by_vehicle[run.vehicle].append(run)
        _road(bench, run)
    for vehicle, runs in sorted(by_vehicle.items()):
        runs.sort(key=lambda r: r.leaves)
        element = f"vehicle:{vehicle}"
        routes = {run.route for run in runs}
        way = {tuple(stop.site for stop in run.stops) for run in runs}
        ends = {run.lab for run in runs}
        fixed = len(routes) == 1 and len(way) == 1 and len(ends) == 1
        bench.say("route_changes", "ok" if fixed else "error", element, "transport.fixed_route")
        clash = [b for a, b in itertools.pairwise(runs) if b.leaves < a.arrives]
        bench.say("vehicle_twice", "error" if clash else "ok", element,
                  "transport.dedicated_vehicle", measured=len(clash), limit=0)  # fmt: skip
    bench.most("vehicles_short", "plan", "transport.dedicated_vehicle", len(by_vehicle),
               bench.problem.resources.vehicles, level="warning")  # fmt: skip


def _road(bench: Bench, run: Run) -> None:
    params = bench.plan.params
    if not run.stops:
        bench.say("run_nowhere", "error", f"run:{run.vehicle}")
        return
    for a, b in zip(run.stops, run.stops[1:], strict=False):
        need = _drive(bench, a.site, b.site)
        if need is not None and minutes(b.at, a.at) < need - 2:
            bench.say("run_too_fast", "error", f"run:{run.vehicle}",
                      measured=minutes(b.at, a.at), limit=round(need, 1))  # fmt: skip
    if run.arrives < run.stops[-1].at + timedelta(minutes=params.stop_minutes - 1):
        bench.say("run_too_fast", "error", f"run:{run.vehicle}", measured=run.arrives.isoformat())


def _drive(bench: Bench, a: str, b: str) -> float | None:
    one, two, params = bench.sites.get(a), bench.sites.get(b), bench.plan.params
    if one is None or two is None or None in (one.lon, one.lat, two.lon, two.lat):
        return None
    straight = straight_km(one.lon or 0, one.lat or 0, two.lon or 0, two.lat or 0)
    return straight * params.road_factor / params.drive_km_per_h * 60


def _laboratories(bench: Bench) -> None:
    """Every tube has a laboratory, none takes more than it can (R80, R81)."""
    plan, problem = bench.plan, bench.problem
    labs = {lab.code: lab for lab in problem.labs}
    if not any(lab.tubes_per_day for lab in problem.labs):
        bench.say("no_laboratory", "error", "plan", "laboratory.allocation")
    of_site: Counter[str] = Counter()
    load: Counter[tuple[str, int]] = Counter()
    for share in plan.shares:
        of_site[share.site] += share.tubes
        load[share.lab, share.day] += share.tubes
        if share.lab not in labs or share.site not in bench.sites or share.tubes <= 0:
            bench.say("share_nowhere", "error", f"site:{share.site}", measured=share.lab)
    for site in plan.sites:
        total = site.tubes.total
        bench.least("lab_short", f"site:{site.code}", "laboratory.allocation",
                    of_site[site.code], total)  # fmt: skip
        bench.most("lab_double", f"site:{site.code}", "laboratory.allocation",
                   of_site[site.code], total)  # fmt: skip
    threshold = problem.rules.number("laboratory.support_threshold")
    for code, lab in sorted(labs.items()):
        days = [tubes for (name, _), tubes in load.items() if name == code]
        most = max(days, default=0)
        bench.most("lab_over", f"lab:{code}", "laboratory.allocation", most, lab.tubes_per_day)
        if threshold is not None:
            bench.most("lab_support", f"lab:{code}", "laboratory.support_threshold", most,
                       lab.tubes_per_day * threshold, level="warning")  # fmt: skip
        stated = sum(item.tubes for item in plan.labs if item.lab == code)
        bench.same("lab_sum", f"lab:{code}", stated, sum(days), "tubes")
    carried = sum(run.tubes for run in plan.runs)
    bench.same("run_sum", "plan", carried, sum(site.tubes.total for site in plan.sites), "tubes")
