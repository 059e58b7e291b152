"""Playing outbreaks: `solve(problem, params, seed, stop) → Result`.

Only infected people are followed, so a county costs what its cases cost. Spread and tests have dice
of their own: with another plan of rounds the same outbreak begins the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from yingjian.engines.asking import Floats, Ints, Stop, never
from yingjian.engines.epidemic.model import (
    BY_SYMPTOMS,
    NEVER,
    NOT_FOUND,
    NOWHERE,
    EpidemicError,
    Log,
    Params,
    Problem,
    Result,
    Round,
    validate,
)

DEFAULTS = Params()
HOUSEHOLD, PLACE, COMMUNITY = 1, 2, 3


def solve(
    problem: Problem, params: Params = DEFAULTS, *, seed: int = 0, stop: Stop = never
) -> Result:
    """Play `runs` outbreaks. Raises `EpidemicError` where the question has no meaning.

    A stop ends after the outbreak being played; the same problem, params and seed give the same.
    """
    validate(problem)
    if params.runs < 1:
        raise EpidemicError("bad_number", field="runs", value=params.runs)
    ground = _Ground(problem)
    played: list[_Outbreak] = []
    for run in range(params.runs):
        outbreak = _Outbreak(ground, seed, run)
        outbreak.play()
        played.append(outbreak)
        if stop():
            break
    return Result(
        cases=np.array([one.count for one in played]),
        free=np.array([int((one.removed[: one.count] >= problem.days).sum()) for one in played]),
        found=_stack([one.found_by for one in played]),
        present=_stack([one.present for one in played]),
        tubes=_stack([one.tubes for one in played]),
        swabs=_stack([one.swabs for one in played]),
        flagged=_stack([one.flagged for one in played]),
        tests=np.array([one.tests for one in played]),
        by_day=np.array([one.by_day() for one in played]),
        log=played[0].log(),
    )


def _stack(rows: list[list[int]]) -> Ints:
    return np.array(rows, dtype=np.int64).reshape(len(rows), -1)


class _Groups:
    """Members by group, end to end."""

    def __init__(self, of: Ints) -> None:
        self.order: Ints = np.argsort(of, kind="stable")
        ordered = of[self.order]
        top = int(ordered[-1]) + 1 if len(ordered) else 0
        self.first: Ints = np.searchsorted(ordered, np.arange(max(top, 0) + 1))

    def size(self, group: Ints) -> Ints:
        return np.asarray(self.first[group + 1] - self.first[group], dtype=np.int64)

    def members(self, group: Ints) -> tuple[Ints, Ints]:
        """(row of `group`, member) for all members of the groups."""
        size = self.size(group)
        row = np.repeat(np.arange(len(group)), size)
        within = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
        return row, self.order[self.first[group][row] + within]

    def pick(self, group: Ints, rng: np.random.Generator) -> Ints:
        """One member of each group by chance."""
        within = np.floor(rng.random(len(group)) * self.size(group)).astype(np.int64)
        return np.asarray(self.order[self.first[group] + within], dtype=np.int64)


class _Ground:
    """What all outbreaks share."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        people = problem.people
        self.n = len(people.household)
        self.households = _Groups(people.household)
        self.places = _Groups(people.place)  # nobody stands before the first: searchsorted from 0
        self.by_household: Ints = self.households.order
        self.areas = int(people.area.max()) + 1

    @cached_property
    def rank(self) -> Ints:
        """Everybody's place in the line of households."""
        found = np.empty(self.n, dtype=np.int64)
        found[self.by_household] = np.arange(self.n)
        return found


@dataclass
class _Sampled:
    """Swabs of a round: rows of cases that came, with tube and Ct."""

    case: Ints
    tube: Ints
    ct: Floats


class _History:
    """Rounds and found cases of each area, as the next round's plan knows them."""

    def __init__(self, ground: _Ground, problem: Problem) -> None:
        self.plan = problem.adaptive
        self.area = problem.people.area
        areas = np.unique(problem.people.area).tolist() if problem.adaptive else []
        before = (
            {area: problem.adaptive.history(area) for area in areas} if problem.adaptive else {}
        )
        self.rounds: dict[int, list[int]] = {area: own[0] for area, own in before.items()}
        self.cases: dict[int, list[int]] = {area: own[1] for area, own in before.items()}

    def due(self, day: int) -> tuple[int, ...]:
        """Areas whose round is today; what a round found counts from its result."""
        plan = self.plan
        assert plan is not None  # noqa: S101  asked only where the plan is adaptive
        return tuple(
            area for area, rounds in self.rounds.items() if plan.due(rounds, self.cases[area], day)
        )

    def note(self, outbreak: _Outbreak, number: int, areas: tuple[int, ...] | None) -> None:
        """Remember a round just taken."""
        if self.plan is None or areas is None:
            return
        for area in areas:
            self.rounds[area].append(number)
        c = outbreak.count
        hit = outbreak.person[:c][outbreak.found[:c] == number]
        for area in np.unique(self.area[hit]).tolist():
            self.cases[area].append(number)


class _Outbreak:
    """One outbreak, its cases in arrays that grow."""

    def __init__(self, ground: _Ground, seed: int, run: int) -> None:
        self.ground = ground
        self.problem = ground.problem
        self.spread = np.random.default_rng([seed, run, 0])
        self.dice = np.random.default_rng([seed, run, 1])
        self.case_of: Ints = np.full(ground.n, -1, dtype=np.int64)
        self.count = 0
        size = 64
        self.person, self.day, self.source, self.way = (np.zeros(size, np.int64) for _ in range(4))
        self.begins, self.ends, self.removed, self.found = (
            np.zeros(size, np.int64) for _ in range(4)
        )
        self.latent, self.peak = np.zeros(size), np.zeros(size)
        self.held: Ints = np.full(ground.n, NEVER, dtype=np.int64)
        self.found_by: list[int] = []
        self.present: list[int] = []
        self.tubes: list[int] = []
        self.swabs: list[int] = []
        self.flagged: list[int] = []
        self.tests = 0

    def play(self) -> None:
        problem = self.problem
        seeds = self.spread.permutation(self.ground.n)[: problem.seeds]
        self._infect(
            seeds, np.full(len(seeds), -1), np.zeros(len(seeds), np.int64), -problem.seed_days
        )
        planned = problem.planned()
        counts = [(0, 0, 0, 0)] * len(planned)
        history = _History(self.ground, problem)
        for day in range(-problem.seed_days, problem.days):
            for k in [k for k, own in enumerate(planned) if own.day == day]:
                areas = history.due(day) if problem.adaptive else planned[k].areas
                if areas is None or areas:
                    counts[k] = self._round(k, replace(planned[k], areas=areas), day)
                    history.note(self, k, areas)
            self._meet(day)
        by = self.found[: self.count]
        self.found_by = [int((by == k).sum()) for k in range(len(planned))]
        for present, tubes, flagged, swabs in counts:
            self.present.append(present)
            self.tubes.append(tubes)
            self.flagged.append(flagged)
            self.swabs.append(swabs)

    def by_day(self) -> Ints:
        """Infected by the end of each day from 0."""
        days = np.maximum(self.day[: self.count], 0)
        return np.cumsum(np.bincount(days, minlength=self.problem.days))

    def log(self) -> Log:
        """The cases played."""
        c = self.count
        return Log(
            self.person[:c], self.day[:c], self.source[:c], self.way[:c], self.begins[:c],
            self.ends[:c], self.removed[:c], self.found[:c],
        )  # fmt: skip

    # --- spread ---

    def _meet(self, day: int) -> None:
        """Everybody infectious and free meets household, place and community."""
        c = self.count
        active = np.flatnonzero(
            (self.begins[:c] <= day) & (day < self.ends[:c]) & (self.removed[:c] > day)
        )
        if not len(active):
            return
        disease, people, ground = self.problem.disease, self.problem.people, self.ground
        row, member = ground.households.members(people.household[self.person[active]])
        hit = self.spread.random(len(member)) < disease.household
        met = [(member[hit], active[row[hit]], HOUSEHOLD)]
        at_place = active[people.place[self.person[active]] != NOWHERE]
        times = self.spread.poisson(disease.place, len(at_place))
        source = np.repeat(at_place, times)
        met.append(
            (ground.places.pick(people.place[self.person[source]], self.spread), source, PLACE)
        )
        source = np.repeat(active, self.spread.poisson(disease.community, len(active)))
        met.append((self.spread.integers(0, ground.n, len(source)), source, COMMUNITY))
        for person, by, way in met:
            self._infect(person, by, np.full(len(person), way), day)

    def _infect(self, person: Ints, source: Ints, way: Ints, day: int) -> None:
        """Those who are susceptible and not held become cases; the first to meet them counts."""
        able = (self.case_of[person] < 0) & (self.held[person] > day)
        person, source, way = person[able], source[able], way[able]
        person, first = np.unique(person, return_index=True)
        new = len(person)
        if not new:
            return
        self._room(new)
        disease, at = self.problem.disease, slice(self.count, self.count + new)
        shape = (disease.latent / disease.latent_sd) ** 2 if disease.latent_sd else 0.0
        latent = (
            self.spread.gamma(shape, disease.latent / shape, new) if shape else
            np.full(new, disease.latent)
        )  # fmt: skip
        self.person[at], self.day[at] = person, day
        self.source[at], self.way[at] = source[first], way[first]
        self.latent[at] = latent
        self.peak[at] = self.spread.normal(disease.peak_ct, disease.peak_sd, new)
        begins = day + np.maximum(1, np.ceil(latent)).astype(np.int64)
        self.begins[at] = begins
        self.ends[at] = begins + max(1, round(disease.infectious))
        self.removed[at], self.found[at] = NEVER, NOT_FOUND
        self.case_of[person] = np.arange(self.count, self.count + new)
        self.count += new
        ill = np.flatnonzero(self.spread.random(new) < disease.symptoms) + at.start
        for case in ill.tolist():
            self._remove(
                np.array([case]), int(self.begins[case]) + disease.symptom_days, BY_SYMPTOMS
            )

    def _room(self, new: int) -> None:
        while self.count + new > len(self.person):
            for name in ("person", "day", "source", "way", "begins", "ends", "removed", "found",
                         "latent", "peak"):  # fmt: skip
                old = getattr(self, name)
                setattr(self, name, np.concatenate((old, np.zeros_like(old))))

    # --- rounds ---

    def _round(self, number: int, planned: Round, day: int) -> tuple[int, int, int, int]:
        """Swab, pool, test, re-test singly; (present, tubes, flagged, swabs)."""
        people, test, ground = self.problem.people, self.problem.test, self.ground
        scope = self.held > day
        if planned.areas is not None:
            called = np.zeros(max(ground.areas, *planned.areas) + 1, dtype=bool)
            called[list(planned.areas)] = True
            scope &= called[people.area]
        c = self.count
        mine = np.flatnonzero(scope[self.person[:c]] & (self.removed[:c] > day))
        present = int((self.removed[mine] > day).sum())
        come = scope & (self.dice.random(ground.n) < planned.share)
        line = np.cumsum(come[ground.by_household])
        swabs = int(line[-1])
        tubes = -(-swabs // planned.size)
        sampled = mine[come[self.person[mine]]]
        tube = (line[ground.rank[self.person[sampled]]] - 1) // planned.size
        found_in = _Sampled(sampled, tube, self._ct(sampled, day))
        found_in.ct[self.dice.random(len(sampled)) < test.swab_fails] = np.inf
        flagged, found = self._read(found_in, planned.size)
        clean = tubes - len(np.unique(found_in.tube))
        false = int(self.dice.binomial(clean, test.false_positive)) if clean > 0 else 0
        self.tests += tubes + (len(flagged) + false) * (planned.size if planned.size > 1 else 0)
        self._remove(found, day + planned.delay, number)
        return present, tubes, len(flagged) + false, swabs

    def _ct(self, case: Ints, day: int) -> Floats:
        """Ct in a swab: a line down to the peak, a slower one back; infinite outside."""
        disease = self.problem.disease
        since = day - self.day[case] - self.latent[case]
        up = np.clip(since / disease.rise, 0.0, 1.0)
        down = np.clip((since - disease.rise) / disease.fall, 0.0, 1.0)
        depth = disease.edge_ct - self.peak[case]
        ct = disease.edge_ct - depth * np.where(since <= disease.rise, up, 1.0 - down)
        gone = (since < 0) | (since > disease.rise + disease.fall)
        return np.where(gone, np.inf, ct)

    def _read(self, swabs: _Sampled, size: int) -> tuple[Ints, Ints]:
        """(tubes that read positive, cases found): the tube's virus is the sum, thinned by its size."""
        test = self.problem.test
        tubes, row = np.unique(swabs.tube, return_inverse=True)
        if not len(tubes):
            return tubes, swabs.case
        amount = np.bincount(row, weights=np.exp2(-swabs.ct), minlength=len(tubes))
        with np.errstate(divide="ignore"):
            pooled = -np.log2(amount) + np.log2(test.thinned(size))
        positive = self.dice.random(len(tubes)) < self._sensitivity(pooled)
        suspect = positive[row]
        if size > 1:
            again = self.dice.random(len(swabs.case)) < self._sensitivity(swabs.ct)
            suspect = suspect & again
        return tubes[positive], swabs.case[suspect]

    def _sensitivity(self, ct: Floats) -> Floats:
        test = self.problem.test
        with np.errstate(over="ignore"):
            found = 1.0 / (1.0 + np.exp((ct - test.limit_ct) / test.slope))
        return np.asarray(found)

    def _remove(self, case: Ints, day: int, found: int) -> None:
        """Found cases, and their households where the rule says so, meet nobody from `day`.

        Found by two, a case counts for whichever removes it first.
        """
        later = self.removed[case] > day
        case = case[later]
        self.found[case] = found
        person = self.person[case]
        if self.problem.quarantine_household and len(person):
            households = np.unique(self.problem.people.household[person])
            _, person = self.ground.households.members(households)
        self.held[person] = np.minimum(self.held[person], day)
        cases = self.case_of[person]
        cases = cases[cases >= 0]
        self.removed[cases] = np.minimum(self.removed[cases], day)
