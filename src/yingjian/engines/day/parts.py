"""A day's sites shared out among threads. What is compiled lets go of the interpreter, so they do run at once.

Threads of our own and not the compiler's parallel loops: those end the whole process when two threads of a server
enter them together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np

from yingjian.engines.asking import Ints

Found = TypeVar("Found")
MOST = 8
Part = tuple[int, int]
"""Sites from, and up to."""


def cores() -> int:
    """Threads worth beginning on this machine."""
    return max(1, min(MOST, len(os.sched_getaffinity(0))))


def parts_of(ptr: Ints, parts: int) -> list[Part]:
    """Runs of sites with about as many people each; `ptr` as everywhere in the twin."""
    m = len(ptr) - 1
    marks = np.searchsorted(ptr, np.arange(1, parts) * (int(ptr[-1]) / parts))
    edges = [0, *np.clip(marks, 0, m).tolist(), m]
    return [(a, b) for a, b in pairwise(edges) if a < b]


def each(parts: list[Part], work: Callable[[int, int], None]) -> None:
    """`work(from, up to)` of every part, at once where there are several."""
    if len(parts) == 1:
        work(*parts[0])
        return
    with ThreadPoolExecutor(len(parts)) as pool:
        for _ in pool.map(lambda part: work(*part), parts):
            pass


def in_turn(
    count: int, work: Callable[[int], Found], threads: int, stop: Callable[[], bool]
) -> Iterator[Found]:
    """`work(0)`, `work(1)`, … in order, some of them at once; a stop ends it after what is under way (at least one)."""
    if threads <= 1:
        for number in range(count):
            yield work(number)
            if stop():
                return
        return
    with ThreadPoolExecutor(threads) as pool:
        ahead = [pool.submit(work, number) for number in range(min(threads, count))]
        begun = len(ahead)
        while ahead:
            yield ahead.pop(0).result()
            if stop():
                for late in ahead:
                    late.cancel()
                return
            if begun < count:
                ahead.append(pool.submit(work, begun))
                begun += 1
