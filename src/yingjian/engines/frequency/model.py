"""What frequency is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from yingjian.engines.asking import EngineError, Stop
from yingjian.engines.epidemic.model import Adaptive, Round
from yingjian.engines.epidemic.model import Problem as Outbreak


class FrequencyError(EngineError):
    """The question makes no sense. `code` is stable: `no_plans`, `same_name`, `bad_number`."""


@dataclass(frozen=True)
class Plan:
    """Rounds on fixed days, or by the history of each area (R7, R8); one of the two."""

    name: str
    rounds: tuple[Round, ...] = ()
    adaptive: Adaptive | None = None


@dataclass(frozen=True)
class Problem:
    """`outbreak` without rounds of its own; the plans; tubes the laboratories test in a day."""

    outbreak: Outbreak
    plans: tuple[Plan, ...]
    tubes_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Params:
    """Outbreaks played for each plan."""

    runs: int = 100


@dataclass(frozen=True, slots=True)
class Held:
    """A round of a plan over the outbreaks; triples as in `Expected`. Rounds by history: those of a day."""

    day: int
    found: tuple[float, float, float]
    found_mean: float
    present_mean: float
    """Infected and not yet found when the swabs were taken, in the areas called."""
    tubes_mean: float
    swabs_mean: float


@dataclass(frozen=True, slots=True)
class Expected:
    """One plan. Triples are the 5th, 50th and 95th percentile over the outbreaks."""

    name: str
    cases: tuple[float, float, float]
    cases_mean: float
    free_mean: float
    """Infected people at large on the last day."""
    found_mean: float
    tubes_mean: float
    tests_mean: float
    busiest_day: int
    """Most tubes of one day in any outbreak."""
    fits: bool
    """Whether the laboratories manage the busiest day."""
    over: float
    """Share of outbreaks that end with nobody infected at large."""
    swabs_mean: float
    curve: tuple[tuple[float, float, float], ...]
    """Infected by the end of each day."""
    rounds: tuple[Held, ...]
    """Rounds in which anybody was swabbed in any outbreak."""


@dataclass(frozen=True)
class Result:
    """The table in the order asked; `best`: index of the plan with fewest cases among those that fit.

    None when no plan fits: then the one that needs least on its busiest day is `least`.
    """

    table: list[Expected]
    best: int | None
    least: int
    runs: int


def validate(problem: Problem, params: Params) -> None:
    """Raise `FrequencyError`; the outbreak itself is checked where it is played."""
    if not problem.plans:
        raise FrequencyError("no_plans")
    names = [plan.name for plan in problem.plans]
    if len(set(names)) != len(names):
        raise FrequencyError("same_name")
    if params.runs < 1 or (problem.tubes_per_day is not None and problem.tubes_per_day < 0):
        raise FrequencyError("bad_number", field="runs")


__all__ = [
    "Expected",
    "FrequencyError",
    "Held",
    "Params",
    "Plan",
    "Problem",
    "Result",
    "Stop",
    "validate",
]
