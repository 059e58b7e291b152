"""The independent judge of a played outbreak: reads the log of cases against the problem."""

from __future__ import annotations

from yingjian.engines.asking import Finding
from yingjian.engines.epidemic.model import (
    BY_SYMPTOMS,
    NEVER,
    NOT_FOUND,
    WAYS,
    Problem,
    Result,
    validate,
)


def check(problem: Problem, result: Result) -> list[Finding]:
    """Everything wrong with the log and the sums of the first run; empty when nothing is."""
    validate(problem)
    log, found = result.log, []
    persons = log.person.tolist()
    if len(set(persons)) != len(persons):
        found.append(Finding("infected_twice", "plan", len(persons), len(set(persons))))
    if len(persons) != int(result.cases[0]):
        found.append(Finding("case_sum", "plan", int(result.cases[0]), len(persons)))
    free = sum(int(day) >= problem.days for day in log.removed)
    if free != int(result.free[0]):
        found.append(Finding("free_sum", "plan", int(result.free[0]), free))
    for c in range(len(persons)):
        found += _case(problem, result, c)
    for k in range(len(problem.planned())):
        count = sum(int(by) == k for by in log.found)
        if count != int(result.found[0, k]):
            found.append(Finding("found_sum", f"round:{k}", int(result.found[0, k]), count))
        if int(result.found[0, k]) > int(result.present[0, k]):
            found.append(Finding("found_nobody", f"round:{k}", int(result.found[0, k])))
    return found


def _case(problem: Problem, result: Result, c: int) -> list[Finding]:
    """One case: infected by somebody free, infectious and near; found by a round it could be in."""
    log, people = result.log, problem.people
    element = f"case:{c}"
    found: list[Finding] = []
    day, way = int(log.day[c]), WAYS[int(log.way[c])]
    if way == "seed":
        if int(log.source[c]) != -1:
            found.append(Finding("seed_with_source", element))
    else:
        s = int(log.source[c])
        if not (int(log.begins[s]) <= day < int(log.ends[s])):
            found.append(Finding("not_infectious", element, day, int(log.begins[s])))
        if int(log.removed[s]) <= day:
            found.append(Finding("source_removed", element, day, int(log.removed[s])))
        a, b = int(log.person[s]), int(log.person[c])
        near = {"household": people.household, "place": people.place}.get(way)
        if near is not None and near[a] != near[b]:
            found.append(Finding("not_near", element))
    if int(log.begins[c]) <= day:
        found.append(Finding("no_latency", element, int(log.begins[c]), day))
    return found + _found(problem, result, c)


def _found(problem: Problem, result: Result, c: int) -> list[Finding]:
    """Whoever found the case could, and the case was removed in time."""
    log, element = result.log, f"case:{c}"
    found: list[Finding] = []
    day = int(log.day[c])
    by = int(log.found[c])
    if by == BY_SYMPTOMS:
        due = int(log.begins[c]) + problem.disease.symptom_days
        if int(log.removed[c]) > due:
            found.append(Finding("found_but_free", element, int(log.removed[c]), due))
    elif by != NOT_FOUND:
        planned = problem.planned()[by]
        if day > planned.day or int(log.removed[c]) > planned.day + planned.delay:
            found.append(Finding("found_but_free", element, int(log.removed[c]), planned.day))
        if (
            planned.areas is not None
            and int(problem.people.area[log.person[c]]) not in planned.areas
        ):
            found.append(Finding("other_area", element, by))
    elif int(log.removed[c]) != NEVER and not problem.quarantine_household:
        found.append(Finding("removed_by_nobody", element))
    return found
