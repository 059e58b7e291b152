"""Pick-up runs, delivery and laboratories held against the rules. Counts again; no planner code."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from datetime import datetime, timedelta

from yingjian.engines.plan.judge import Bench, minutes, straight_km
from yingjian.engines.plan.model import Run, Site

REASONS = frozenset({"late", "dearer", "asked"})
NEAR_KM = 0.01
DAY = 24


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
    _carried(bench)
    _vehicles(bench)
    _chosen(bench)
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
    opened = [span for span in found.open if span.start < at] if found else []
    if not opened:
        return 0.0
    span = max(opened, key=lambda one: one.start)
    before = [moment for moment, other in calls[site] if moment < at and other is not run]
    since = max([span.start, *before])
    return minutes(run.arrives, since) if since < span.end else 0.0


def _carried(bench: Bench) -> None:
    """Every tube of every site on a run; boxes as the lanes pack them, no more than the vehicle takes."""
    holds = int(bench.problem.rules.number("transport.box_tubes") or 1)
    room = bench.problem.resources.vehicle_boxes or bench.plan.params.vehicle_boxes
    taken: Counter[str] = Counter()
    routes: dict[str, set[str]] = defaultdict(set)
    for run in bench.plan.runs:
        for stop in run.stops:
            routes[stop.site].add(run.route)
    for run in bench.plan.runs:
        taken.update({stop.site: 0 for stop in run.stops})
        held = 0
        for stop in run.stops:
            taken[stop.site] += stop.tubes
            site = bench.sites.get(stop.site)
            lanes = max(1, len(site.stations)) if site else 1
            lanes = -(-lanes // len(routes[stop.site]))
            held += min(stop.tubes, lanes * -(-stop.tubes // (lanes * holds)))
        element = f"run:{run.vehicle}"
        whole = sum(stop.tubes for stop in run.stops)
        if whole != run.tubes:
            bench.same("run_sum", element, run.tubes, whole, "tubes")
        stated = sum(stop.boxes for stop in run.stops)
        if stated != held:
            bench.same("run_sum", element, stated, held, "boxes")
        bench.most("vehicle_full", element, "transport.dedicated_vehicle", held, room)
    for code, site in sorted(bench.sites.items()):
        bench.same("run_sum", f"site:{code}", taken[code], site.tubes.total, "tubes")


def _chosen(bench: Bench) -> None:
    """Each timetable's own numbers counted again; where the simple one was kept, that is said and why."""
    lab_of = {
        (choice.lab, site): n
        for n, choice in enumerate(bench.plan.transport)
        for site in choice.sites
    }
    runs: dict[int, list[Run]] = defaultdict(list)
    for run in bench.plan.runs:
        of = {lab_of.get((run.lab, stop.site)) for stop in run.stops}
        if len(of) != 1 or None in of:
            bench.say("run_of_none", "error", f"run:{run.vehicle}", measured=run.route)
        runs[min((n for n in of if n is not None), default=-1)].append(run)
    for n, choice in enumerate(bench.plan.transport):
        own, element = runs[n], f"lab:{choice.lab or '-'}"
        road = sum(_km(bench, run) for run in own)
        bench.same(
            "run_sum", element, choice.taken.vehicles, len({r.vehicle for r in own}), "vehicles"
        )
        bench.same("run_sum", element, choice.taken.runs, len(own), "runs")
        if abs(choice.taken.km - road) > NEAR_KM * (1 + road):
            bench.same("run_sum", element, choice.taken.km, round(road, 1), "km")
        if choice.method == "routed":
            bench.say("runs_simple", "ok", element, "transport.fixed_route")
            continue
        other = choice.beside
        bench.say(
            f"runs_simple_{choice.reason}" if choice.reason in REASONS else "runs_simple_failed",
            "note" if choice.reason in {"dearer", "asked"} else "warning", element,
            "transport.fixed_route", measured=choice.taken.vehicles, sites=len(choice.sites),
            reason=choice.reason, late=other.late if other else 0.0, cars=other.vehicles if other else 0,
        )  # fmt: skip


def _km(bench: Bench, run: Run) -> float:
    """Road of a run, out and back again."""
    params = bench.plan.params
    lab = next((one for one in bench.problem.labs if one.code == run.lab), None)
    where = None if lab is None else (lab.lon, lab.lat)
    total = 0.0
    spots = [_spot(bench, stop.site) for stop in run.stops]
    for a, b, unknown in (
        [
            (where, spots[0], params.unknown_lab_minutes),
            *((a, b, params.unknown_drive_minutes) for a, b in itertools.pairwise(spots)),
            (spots[-1], where, params.unknown_lab_minutes),
        ]
        if spots
        else []
    ):
        if a is None or b is None or None in (*a, *b):
            total += unknown / 60 * params.drive_km_per_h
        else:
            total += straight_km(a[0] or 0, a[1] or 0, b[0] or 0, b[1] or 0) * params.road_factor
    return total


def _spot(bench: Bench, site: str) -> tuple[float | None, float | None] | None:
    found = bench.sites.get(site)
    return None if found is None else (found.lon, found.lat)


def _vehicles(bench: Bench) -> None:
    """One vehicle, one route, one place at a time (R62); no faster than the road; drivers relieved."""
    free = bench.problem.rules.get("transport.fixed_route").value is False
    ways: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    shifts: dict[tuple[str, str, int], list[datetime]] = defaultdict(list)
    longest = bench.plan.params.driver_hours * 60
    for run in bench.plan.runs:
        ways[run.route].add(tuple(stop.site for stop in run.stops))
        shifts[run.vehicle, str(run.leaves.date()), run.driver] += [run.leaves, run.arrives]
    for (vehicle, _, _), marks in sorted(shifts.items()):
        bench.most("driver_long", f"vehicle:{vehicle}", "", minutes(max(marks), min(marks)), longest,
                   level="warning")  # fmt: skip
    by_vehicle: dict[str, list[Run]] = defaultdict(list)
    for run in bench.plan.runs:
        by_vehicle[run.vehicle].append(run)
        _road(bench, run)
    for vehicle, runs in sorted(by_vehicle.items()):
        runs.sort(key=lambda r: r.leaves)
        element = f"vehicle:{vehicle}"
        routes = {run.route for run in runs}
        ends = {run.lab for run in runs}
        fixed = len(ends) == 1 and all(len(ways[route]) == 1 for route in routes)
        fixed = fixed and (free or len(routes) == 1)
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
    closes = next((lab.closes_hour for lab in bench.problem.labs if lab.code == run.lab), DAY)
    if closes < DAY:
        due = run.leaves.replace(hour=closes, minute=0, second=0)
        bench.most("lab_closed", f"run:{run.vehicle}", "", max(0.0, minutes(run.arrives, due)), 0.0,
                   level="warning")  # fmt: skip
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
