"""What every engine's question and answer share: kinds of arrays, the caller's stop, questions without meaning, and
what judges find.

An engine's own error is an `EngineError`, so that a caller who asks several catches one; its `code` is stable and has a
sentence in both languages, its `params` name the field, the row and the value that make no sense.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Stop = Callable[[], bool]
"""True as soon as the caller wants the best answer so far."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a judge finds wrong with an answer. `code` is stable; `measured` against `limit`, if there is one."""

    code: str
    element: str
    measured: float = 0.0
    limit: float = 0.0


@dataclass(frozen=True, slots=True)
class Until:
    """A stop by a clock in seconds."""

    clock: Callable[[], float]
    end: float

    def __call__(self) -> bool:
        return self.clock() > self.end

    def left(self) -> float:
        """Seconds until it comes by itself."""
        return max(0.0, self.end - self.clock())


def left(stop: Stop | None) -> float:
    """Seconds until a stop comes by itself, infinite where it does not know: for work that cannot ask it."""
    known = getattr(stop, "left", None)
    return math.inf if known is None else float(known())


def never() -> bool:
    """A stop that never comes."""
    return False


class EngineError(Exception):
    """A question makes no sense. `code` is stable; `params` say where."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(f"{code} {params}" if params else code)
        self.code = code
        self.params = params


def shaped(
    error: type[EngineError], arrays: Iterable[tuple[str, NDArray[Any], tuple[int, ...]]]
) -> None:
    """Each `(name, array, shape)` has its shape. Raises `error("bad_shape")`."""
    for name, array, shape in arrays:
        if array.shape != shape:
            raise error("bad_shape", field=name, wanted=shape if len(shape) > 1 else shape[0])


def whole(
    error: type[EngineError], name: str, array: NDArray[Any], *, least: int, most: int
) -> None:
    """Whole numbers from `least` to `most`. Raises `error("bad_number")` with the first row that is none."""
    if array.dtype.kind != "i":
        raise error("bad_number", field=name)
    bad = (array < least) | (array > most)
    if bad.any():
        raise error("bad_number", field=name, row=int(np.argwhere(bad)[0, 0]))


def within(error: type[EngineError], numbers: Iterable[tuple[str, float, float, float]]) -> None:
    """Each `(name, value, least, most)` lies between its bounds; NaN does not. Raises `error("bad_number")`."""
    for name, value, least, most in numbers:
        if not least <= value <= most:
            raise error("bad_number", field=name, value=value)
