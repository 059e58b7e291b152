"""The passes over all components: each ends everywhere before the next begins.

So an early stop leaves every component with a plan. Components share nothing but the stop, so several
are worked on at once.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from threading import Event

from yingjian.engines.asking import Stop, left
from yingjian.engines.siting import parts as each
from yingjian.engines.siting.model import Params, Progress, Watch
from yingjian.engines.siting.parts import Part

SHARES = (0.2, 0.8)
"""A short search everywhere, largest gap first, before the long one: an early stop costs less."""


@dataclass(frozen=True, slots=True)
class Run:
    """How hard to try, by which dice, until when, and who is told."""

    params: Params
    seed: int
    stop: Stop
    watch: Watch | None

    def begin(self, parts: list[Part]) -> None:
        """First plans and multipliers; the parts are then sorted, largest gap first."""
        each.first(parts, self.params, self.seed, self.stop)
        parts.sort(key=lambda part: (part.bound - part.solution.cost, int(part.net.points[0])))

    def seeds(self, parts: list[Part]) -> list[int]:
        """Each part's own dice."""
        return [(self.seed * 7919 + number) * 16 for number in range(len(parts))]

    def search(self, parts: list[Part], told: Told) -> None:
        """A search guided by the multipliers, then proofs of what is small."""
        params, seeds = self.params, self.seeds(parts)
        crew = Crew(parts, params.workers, self.stop)
        for round, share in enumerate(SHARES):

            def searched(n: int, stop: Stop, round: int = round, share: float = share) -> None:
                steps = params.least_steps + params.steps_per_point * len(parts[n].net.points)
                each.search(parts[n], params, max(1, int(share * steps)), seeds[n] + round, stop)

            crew.each(searched, partial(told, "search", round, len(SHARES)))
        crew.each(
            lambda n, stop: each.exact(parts[n], params, seeds[n] + len(SHARES), stop),
            partial(told, "proof", 0, 1),
        )

    def sweep(self, parts: list[Part], told: Told) -> None:
        """Better multipliers and more search where nothing is proven yet."""
        params, seeds = self.params, self.seeds(parts)
        crew = Crew(parts, params.workers, self.stop)
        for sweep in range(params.sweeps):

            def again(n: int, stop: Stop, sweep: int = sweep) -> None:
                each.again(parts[n], params, seeds[n] + 104_729 * (sweep + 1), sweep, stop)

            crew.each(again, partial(told, "better", sweep, params.sweeps))


class Told:
    """Tells the watcher about the parts, if there is one; `less` is no part of cost and bound."""

    def __init__(self, parts: list[Part], watch: Watch | None, less: int = 0) -> None:
        self.parts, self.watch, self.less = parts, watch, less

    def __call__(self, stage: str, turn: int, turns: int, share: float) -> None:
        """`share` of the stage's turn is through."""
        if self.watch is not None:
            cost = sum(part.solution.cost for part in self.parts) - self.less
            bound = sum(part.bound for part in self.parts) - self.less
            self.watch(Progress(stage, (turn + share) / turns, cost, bound))


@dataclass(frozen=True, slots=True)
class Crew:
    """Works on several parts at once: they share nothing, so the answer is the same on any number of
    cores. Compiled code and HiGHS let go of the interpreter.
    """

    parts: list[Part]
    workers: int
    stop: Stop

    def each(self, work: Callable[[int, Stop], None], tell: Callable[[float], None]) -> None:
        """One pass over the parts not proven. `stop` and `tell` stay in the caller's thread."""
        todo = [n for n, part in enumerate(self.parts) if not part.proven]
        if min(self.workers, len(todo)) <= 1:
            for done, n in enumerate(todo):
                if self.stop():
                    return
                work(n, self.stop)
                tell((done + 1) / len(todo))
            return
        if self.stop():  # else every pass that is left begins before the stop is asked again
            return
        over = _Over(self.stop)

        def unless(n: int) -> None:
            if not over():
                work(n, over)

        with ThreadPoolExecutor(self.workers) as pool:
            running = {pool.submit(unless, n) for n in todo}
            try:
                while running:
                    ended, running = wait(running, LISTEN, return_when=FIRST_COMPLETED)
                    for one in ended:
                        one.result()
                    tell(1 - len(running) / len(todo))
                    if self.stop():
                        over.said.set()
            finally:  # a part, or whoever listens, that fails ends the others too
                over.said.set()


class _Over:
    """The stop as the parts hear it: only the caller's thread asks the caller's."""

    def __init__(self, stop: Stop) -> None:
        self.stop, self.said = stop, Event()

    def __call__(self) -> bool:
        return self.said.is_set()

    def left(self) -> float:
        """As the caller's stop says."""
        return left(self.stop)


LISTEN = 0.2
"""Seconds between two looks at the stop while several work."""
