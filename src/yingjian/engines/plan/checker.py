"""The independent judge of a plan: `check(problem, plan) → findings`.

It shares no code with the planner, only the values in `plan.model`, and counts everything again
from the problem. Every element is held against every rule that concerns it; what holds is reported
as `ok` with the rule's value and origin, what does not with how far it is off.
"""

from __future__ import annotations

from collections import Counter

from yingjian.engines.plan.checks.choice import check_choice
from yingjian.engines.plan.checks.crew import check_crew
from yingjian.engines.plan.checks.goods import check_goods
from yingjian.engines.plan.checks.sites import check_sites
from yingjian.engines.plan.checks.slots import check_slots
from yingjian.engines.plan.checks.staff import check_staff
from yingjian.engines.plan.checks.tours import check_tours
from yingjian.engines.plan.checks.transport import check_transport
from yingjian.engines.plan.judge import Bench, Finding, summary, twice
from yingjian.engines.plan.model import Plan, PlanProblem

__all__ = ["Finding", "broken", "check", "summary"]

SHOWN = 5
"""How many keys a finding names when many share one fault; the count is always given."""


def check(problem: PlanProblem, plan: Plan) -> list[Finding]:
    """Judge `plan` as an answer to `problem`. Never raises on a well-typed plan, however wrong."""
    bench = Bench(problem, plan)
    _identity(bench)
    _everybody(bench)
    check_sites(bench)
    check_slots(bench)
    check_choice(bench)
    check_staff(bench)
    check_crew(bench)
    check_goods(bench)
    check_transport(bench)
    check_tours(bench)
    _totals(bench)
    _finish(bench)
    return bench.findings


def broken(findings: list[Finding]) -> list[Finding]:
    """Errors and warnings, worst first."""
    order = {"error": 0, "warning": 1}
    return sorted(
        (f for f in findings if f.level in order),
        key=lambda f: (order[f.level], f.code, f.element),
    )


def _identity(bench: Bench) -> None:
    plan, problem = bench.plan, bench.problem
    for what, got, want in (
        ("round", plan.round_id, problem.round_id),
        ("preset", plan.preset, problem.preset),
        ("problem", plan.answers, problem.digest()),
    ):
        level = "ok" if got == want else "error"
        bench.say("other_problem", level, f"plan:{what}", measured=got, limit=want)
    for code in twice(site.code for site in plan.sites):
        bench.say("code_twice", "error", f"site:{code}", measured=code)
    if not plan.sites:
        bench.say("no_sites", "error", "plan")


def _everybody(bench: Bench) -> None:
    """Everybody who walks is called once, everybody at home is on one list once (R13, R29)."""
    called: Counter[str] = Counter()
    visited: Counter[str] = Counter()
    site_of: dict[str, str] = {}
    home_site: dict[str, str] = {}
    for site in bench.plan.sites:
        for slot in site.slots:
            called.update(slot.blocks)
            site_of.update(dict.fromkeys(slot.blocks, site.code))
        visited.update(visit.key for visit in site.home)
        home_site.update({visit.key: site.code for visit in site.home})
    blocks = bench.blocks
    missed = [k for k, b in blocks.items() if b.walkers and not called[k]]
    unseen = [k for k, b in blocks.items() if b.home and not visited[k]]
    allowed = bench.problem.rules.number("scope.missed_allowed")
    people = sum(blocks[k].walkers for k in missed) + sum(blocks[k].home for k in unseen)
    bench.most("missed", "plan", "scope.missed_allowed", people, allowed or 0.0)
    _villages_missed(bench, called, visited)
    faults = {
        "not_called": missed,
        "not_visited": unseen,
        "called_twice": [k for k, n in called.items() if n > 1],
        "visited_twice": [k for k, n in visited.items() if n > 1],
        "unknown_key": [k for k in {*called, *visited} if k not in blocks],
        "home_called_to_site": [k for k in called if k in blocks and not blocks[k].walkers],
        "visited_without_need": [k for k in visited if k in blocks and not blocks[k].home],
    }
    rule = {"home_called_to_site": "pool.home_visit", "not_visited": "pool.home_visit"}
    for code, keys in faults.items():
        path = rule.get(code, "scope.missed_allowed")
        if not keys:
            bench.say(code, "ok", "plan", path, measured=0, limit=0)
            continue
        bench.say(
            code, "error", "plan", path, measured=len(keys), limit=0, over=len(keys),
            keys=", ".join(sorted(keys)[:SHOWN]),
        )  # fmt: skip
    apart = [k for k in site_of if k in home_site and home_site[k] != site_of[k]]
    if apart:
        bench.say("household_apart", "warning", "plan", measured=len(apart), limit=0)


def _villages_missed(bench: Bench, called: Counter[str], visited: Counter[str]) -> None:
    served = {block.area for key, block in bench.blocks.items() if called[key] or visited[key]}
    for area in sorted({block.area for block in bench.blocks.values()}):
        level = "ok" if area in served else "error"
        bench.say("village_missed", level, f"village:{area}", "scope.missed_allowed")


def _totals(bench: Bench) -> None:
    """Every total of the plan, added up again from its parts."""
    plan = bench.plan
    blocks = bench.blocks.values()
    posts = [*plan.posts, *(post for site in plan.sites for post in site.posts)]
    seats = Counter(job for _, job in {(p.seat, p.job) for p in posts})
    standby: Counter[str] = Counter()
    for team in plan.teams:
        if team.own:
            standby.update(team.jobs)
    goods: Counter[str] = Counter()
    for one in plan.packing:
        for line in one.kit:
            goods[line.item] += line.quantity
    for line in plan.kit:
        goods[line.item] = line.quantity
    tubes = sum(site.tubes.total for site in plan.sites)
    found = {
        "people": sum(b.people for b in blocks),
        "walkers": sum(b.walkers for b in blocks),
        "home_people": sum(b.home for b in blocks),
        "villages": len({b.area for b in blocks}),
        "sites": len(plan.sites),
        "lanes": sum(len(site.stations) for site in plan.sites),
        "tubes": tubes,
        "tubes_full": tubes - sum(site.tubes.part for site in plan.sites),
        "tubes_part": sum(site.tubes.part for site in plan.sites),
        "swabs": sum(b.people for b in blocks),
        "boxes": sum(len(s.boxes) for site in plan.sites for s in site.stations),
        "vehicles": len({run.vehicle for run in plan.runs}),
        "runs": len(plan.runs),
        "drivers": len({(run.vehicle, run.leaves.date(), run.driver) for run in plan.runs}),
        "km": round(sum(run.km for run in plan.runs), 1),
        "home_tours": len(plan.tours),
        "staff_total": sum(seats.values()),
        "mobile_teams": sum(site.kind == "mobile" for site in plan.sites),
        "mobile_visits": sum(len(site.visits) for site in plan.sites),
        "lab_capacity": sum(lab.tubes_per_day for lab in bench.problem.labs),
        "lab_shortage": tubes - sum(share.tubes for share in plan.shares),
    }
    for name, number in found.items():
        bench.same("total", f"total:{name}", getattr(plan.totals, name), number, name)
    for name, stated, counted in (
        ("staff", plan.totals.staff, seats),
        ("standby", plan.totals.standby, standby),
        ("kit", plan.totals.kit, goods),
    ):
        for key in sorted({*stated, *counted}):
            bench.same("total", f"total:{name}:{key}", stated.get(key, 0), counted[key], name)


def _finish(bench: Bench) -> None:
    """Sampling through before the deadline (R1–R6); results too, or a warning says by how much."""
    plan, deadline = bench.plan, bench.problem.deadline
    ends = max((slot.end for site in plan.sites for slot in site.slots), default=None)
    stated = plan.forecast.sampling_ends
    if ends is not None and stated != ends:
        bench.say(
            "total", "error", "total:sampling_ends",
            measured=stated.isoformat(), limit=ends.isoformat(), what="sampling_ends",
        )  # fmt: skip
    if deadline is None:
        bench.say("no_deadline", "note", "plan", "rounds.finish")
        return
    for code, moment, level in (
        ("sampling_late", ends, "error"),
        ("results_late", plan.forecast.last_result, "warning"),
    ):
        if moment is None:
            bench.say(code, "warning" if bench.problem.labs else "error", "plan", "rounds.finish")
            continue
        late = (moment - deadline).total_seconds() / 60
        bench.say(
            code, level if late > 0 else "ok", "plan", "rounds.finish",
            measured=moment.isoformat(), limit=deadline.isoformat(), over=max(0.0, late),
        )  # fmt: skip
