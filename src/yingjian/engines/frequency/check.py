"""The independent judge of a table of plans: sums and choices told again from the table."""

from __future__ import annotations

from yingjian.engines.asking import Finding
from yingjian.engines.frequency.model import Expected, Params, Plan, Problem, Result, validate

SAME = 1e-9


def check(problem: Problem, result: Result) -> list[Finding]:
    """Everything wrong with `result`; empty when nothing is."""
    validate(problem, Params(runs=max(1, result.runs)))
    if [row.name for row in result.table] != [plan.name for plan in problem.plans]:
        return [Finding("plans", "table", len(result.table), len(problem.plans))]
    found = [
        one
        for row, plan in zip(result.table, problem.plans, strict=True)
        for one in _row(problem, row, plan)
    ]
    fitting = [k for k, row in enumerate(result.table) if row.fits]
    if (result.best is None) != (not fitting):
        return [*found, Finding("best", "table")]
    if result.best is not None:
        cheapest = min(result.table[k].cases_mean for k in fitting)
        chosen = result.table[result.best]
        if not chosen.fits or chosen.cases_mean > cheapest:
            found.append(Finding("best", f"plan:{chosen.name}", chosen.cases_mean, cheapest))
    smallest = min(row.busiest_day for row in result.table)
    if result.table[result.least].busiest_day != smallest:
        found.append(Finding("least", "table", result.least, smallest))
    return found


def _row(problem: Problem, row: Expected, plan: Plan) -> list[Finding]:
    """One plan: figures that cannot be."""
    found = []
    people, element = len(problem.outbreak.people.household), f"plan:{row.name}"
    if not 0 <= row.found_mean <= row.cases_mean or row.free_mean > row.cases_mean:
        found.append(Finding("more_than_cases", element, row.found_mean, row.cases_mean))
    if not row.cases[0] <= row.cases[1] <= row.cases[2] or row.cases_mean > people:
        found.append(Finding("interval", element, row.cases_mean, people))
    if row.fits != (problem.tubes_per_day is None or row.busiest_day <= problem.tubes_per_day):
        found.append(Finding("fits", element, row.busiest_day, problem.tubes_per_day or 0))
    if row.tests_mean < row.tubes_mean:
        found.append(Finding("tests", element, row.tests_mean, row.tubes_mean))
    most = sum(-(-people // own.size) for own in plan.rounds)
    if plan.adaptive is None and row.tubes_mean > most:
        found.append(Finding("tubes", element, row.tubes_mean, most))
    return found + _told(row, element)


def _told(row: Expected, element: str) -> list[Finding]:
    """The curve ends in the cases and never falls; the rounds add up."""
    found = []
    ends = [day[1] for day in row.curve]
    if ends != sorted(ends) or row.curve[-1] != row.cases:
        found.append(Finding("curve", element, ends[-1], row.cases[1]))
    for own, whole in (("found_mean", row.found_mean), ("tubes_mean", row.tubes_mean)):
        told = sum(getattr(held, own) for held in row.rounds)
        if abs(told - whole) > SAME * max(1.0, whole):
            found.append(Finding("rounds", f"{element}:{own}", told, whole))
    return found
