"""One door to HiGHS for models built column by column: silent, one thread, seeded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import highspy
import numpy as np
from numpy.typing import NDArray

from yingjian.engines.asking import Floats, Ints, left

Numbers = Floats | Ints | float
INFINITE = float(highspy.kHighsInf)


class LinearError(Exception):
    """HiGHS gave no answer: `status` says why (`Infeasible`, `Time limit reached`, …)."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True)
class _Heard:
    """Lets HiGHS hear a stop."""

    stop: Callable[[], bool]

    def __call__(self, event: highspy.highs.HighsCallbackEvent) -> None:
        if self.stop():
            event.interrupt()


@dataclass(frozen=True)
class Answer:
    """`bound`: no solution is better; equal to `value` for a linear model solved to the end."""

    value: float
    bound: float
    x: Floats
    dual: Floats
    """Price of each row; zeros for integer models."""
    done: bool = True
    """Solved to the end, not stopped on the way."""
    reduced: Floats | None = None
    """What one more of each column would change; None for integer models."""


@dataclass
class Model:
    """Minimise cost · x subject to row bounds. Columns and rows are added in blocks."""

    _cost: list[Floats] = field(default_factory=list)
    _low: list[Floats] = field(default_factory=list)
    _high: list[Floats] = field(default_factory=list)
    _whole: list[NDArray[np.bool_]] = field(default_factory=list)
    _row_low: list[Floats] = field(default_factory=list)
    _row_high: list[Floats] = field(default_factory=list)
    _entries: list[tuple[Ints, Ints, Floats]] = field(default_factory=list)
    columns: int = 0
    rows: int = 0

    def add_columns(
        self, count: int, *, cost: Numbers = 0.0, low: Numbers = 0.0, high: Numbers = INFINITE,
        whole: bool = False,
    ) -> Ints:  # fmt: skip
        """New variables; their indices."""
        for store, value in ((self._cost, cost), (self._low, low), (self._high, high)):
            store.append(np.broadcast_to(np.asarray(value, dtype=float), (count,)))
        self._whole.append(np.full(count, whole))
        self.columns += count
        return np.arange(self.columns - count, self.columns)

    def add_rows(self, count: int, *, low: Numbers = -INFINITE, high: Numbers = INFINITE) -> Ints:
        """New constraints; their indices."""
        for store, value in ((self._row_low, low), (self._row_high, high)):
            store.append(np.broadcast_to(np.asarray(value, dtype=float), (count,)))
        self.rows += count
        return np.arange(self.rows - count, self.rows)

    def put(self, rows: Ints, columns: Ints, values: Numbers) -> None:
        """Coefficients; the three broadcast against each other."""
        r, c, v = np.broadcast_arrays(rows, columns, np.asarray(values, dtype=float))
        self._entries.append((r.reshape(-1), c.reshape(-1), v.reshape(-1)))

    def _lp(self) -> highspy.HighsLp:
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = self.columns, self.rows
        lp.col_cost_ = np.concatenate(self._cost)
        lp.col_lower_ = np.concatenate(self._low)
        lp.col_upper_ = np.concatenate(self._high)
        lp.row_lower_ = np.concatenate(self._row_low)
        lp.row_upper_ = np.concatenate(self._row_high)
        rows, columns, values = (
            np.concatenate([entry[k] for entry in self._entries]) for k in range(3)
        )
        order = np.lexsort((rows, columns))
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = np.searchsorted(columns[order], np.arange(self.columns + 1)).astype(
            np.int32
        )
        lp.a_matrix_.index_ = rows[order].astype(np.int32)
        lp.a_matrix_.value_ = values[order]
        whole = np.concatenate(self._whole)
        if whole.any():
            kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
            lp.integrality_ = [kinds[int(flag)] for flag in whole]
        return lp

    def solve(
        self, *, nodes: int | None = None, seconds: float | None = None, relative_gap: float = 0.0,
        start: Floats | None = None, stop: Callable[[], bool] | None = None,
    ) -> Answer:  # fmt: skip
        """Raises `LinearError`. `nodes` limits branch and bound by count, so that runs repeat.

        `start`: a solution known already. `stop`: True as soon as the best so far is wanted; at its root
        HiGHS does not ask, so a stop that knows its end ends it there too.
        """
        highs = highspy.Highs()
        options: dict[str, object] = {
            "output_flag": False, "threads": 1, "random_seed": 1, "mip_rel_gap": relative_gap
        }  # fmt: skip
        if nodes is not None:
            options["mip_max_nodes"] = nodes
        seconds = min(left(stop), INFINITE if seconds is None else seconds)
        if seconds < INFINITE:
            options["time_limit"] = seconds
        for option, value in options.items():
            highs.setOptionValue(option, value)
        highs.passModel(self._lp())
        if start is not None:
            known = highspy.HighsSolution()
            known.col_value, known.value_valid = start, True
            highs.setSolution(known)
        if stop is not None:
            highs.cbMipInterrupt += _Heard(stop)
        highs.run()
        status = highs.getModelStatus()
        info = highs.getInfo()
        solution = highs.getSolution()
        whole = any(block.any() for block in self._whole)
        feasible = info.primal_solution_status == 2  # noqa: PLR2004  kSolutionStatusFeasible
        done = status == highspy.HighsModelStatus.kOptimal
        if not done and not (whole and feasible):
            raise LinearError(highs.modelStatusToString(status))
        value = float(info.objective_function_value)
        dual = np.zeros(self.rows) if whole else np.asarray(solution.row_dual, dtype=float)
        bound = float(info.mip_dual_bound) if whole else value
        reduced = None if whole else np.asarray(solution.col_dual, dtype=float)
        x = np.asarray(solution.col_value, dtype=float)
        return Answer(value, bound, x, dual, done, reduced)
