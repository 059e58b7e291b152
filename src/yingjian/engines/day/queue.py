"""Queues, tubes and plates, compiled. Minutes throughout.

First come, first served at c lanes is the Kiefer-Wolfowitz recursion: whoever is next takes the lane
that is free first, and begins at the later of that moment and their own arrival. For one lane this
is Lindley's. Nothing is sampled here: the same inputs give the same day.
"""

from __future__ import annotations

import numpy as np

from yingjian.engines.day.model import NEVER, Flags, Floats, Ints
from yingjian.engines.jit import compiled


@compiled
def serve(
    ptr: Ints, ready: Floats, service: Floats, lanes: Ints, opens: Floats, away: Ints,
    away_until: float, slow_ptr: Ints, slow: Floats, stock: Ints, stock_until: Floats,
    start: Floats, end: Floats, lane: Ints,
) -> None:  # fmt: skip
    """Every site's queue. People `ptr[j]:ptr[j+1]` of site j are in order of `ready`.

    The last `away[j]` lanes open at `away_until`. `slow` rows are (start, end, factor). From the
    `stock[j]`-th person on nobody begins before `stock_until[j]`. Writes start, end and lane.
    """
    most = 1
    for j in range(len(lanes)):
        most = max(most, lanes[j])
    free = np.empty(most)
    for j in range(len(lanes)):
        c = lanes[j]
        for k in range(c):
            free[k] = opens[j] if k < c - away[j] else max(opens[j], away_until)
        a, s_a, s_b = ptr[j], slow_ptr[j], slow_ptr[j + 1]
        for i in range(a, ptr[j + 1]):
            best = 0
            for k in range(1, c):
                if free[k] < free[best]:
                    best = k
            begin = max(ready[i], free[best])
            if i - a >= stock[j]:
                begin = max(begin, stock_until[j])
            need = service[i]
            for s in range(s_a, s_b):
                if slow[s, 0] <= begin < slow[s, 1]:
                    if slow[s, 2] >= NEVER:
                        begin = slow[s, 1]
                    else:
                        need *= slow[s, 2]
            start[i], end[i], lane[i] = begin, begin + need, best
            free[best] = begin + need


@compiled
def in_order(ptr: Ints, ready: Floats, order: Ints) -> None:
    """Write into `order` the people of each site by rising `ready`; ties keep their order."""
    for j in range(len(ptr) - 1):
        a, b = ptr[j], ptr[j + 1]
        ranks = np.argsort(ready[a:b], kind="mergesort")
        for i in range(b - a):
            order[a + i] = a + ranks[i]


@compiled
def fill(
    ptr: Ints, end: Floats, lane: Ints, single: Flags, lanes: Ints, pool: int, tube_open: float,
    tube_site: Ints, people: Ints, first: Floats, sealed: Floats,
) -> int:  # fmt: skip
    """Put swabs into tubes lane by lane; how many tubes. People are in order of their start.

    A tube is sealed with its last swab: when full, when the next swab would come more than
    `tube_open` after its first (then at that moment), or when the lane has no one left.
    """
    most = 1
    for j in range(len(lanes)):
        most = max(most, lanes[j])
    current = np.empty(most, np.int64)
    count = 0
    for j in range(len(lanes)):
        current[:] = -1
        for i in range(ptr[j], ptr[j + 1]):
            at = current[lane[i]]
            if single[i]:
                tube_site[count], people[count], first[count], sealed[count] = j, 1, end[i], end[i]
                count += 1
                continue
            if at >= 0 and end[i] > first[at] + tube_open:
                sealed[at] = first[at] + tube_open
                at = -1
            if at < 0:
                at = count
                tube_site[at], people[at], first[at] = j, 0, end[i]
                current[lane[i]] = at
                count += 1
            people[at] += 1
            sealed[at] = end[i]
            if people[at] == pool:
                current[lane[i]] = -1
    return count


@compiled
def plates(
    ready: Floats, wells: int, free: Floats, run: float, partial_wait: float, down: Floats,
    loaded: Floats, done: Floats,
) -> int:  # fmt: skip
    """Runs of one laboratory; how many. `ready` is rising; writes when each tube's run starts, ends.

    `free`: when each instrument is free, brought forward run by run.

    A run starts as soon as an instrument is free and the plate is full, or its oldest tube has waited
    `partial_wait`. None starts while the laboratory is down (`down` rows: start, end, rising); one
    that is interrupted is repeated from the start afterwards.
    """
    n = len(ready)
    i, runs = 0, 0
    while i < n:
        k = int(np.argmin(free))
        begin = ready[i] + partial_wait
        if i + wells <= n:
            begin = min(begin, ready[i + wells - 1])
        begin = max(begin, free[k])
        finish = begin + run
        for d in range(len(down)):
            if down[d, 0] < finish and begin < down[d, 1]:
                if down[d, 0] <= begin:
                    begin = down[d, 1]
                finish = down[d, 1] + run
        j = i
        while j < n and j < i + wells and ready[j] <= begin:
            loaded[j] = begin
            done[j] = finish
            j += 1
        free[k] = finish
        i = j
        runs += 1
    return runs


@compiled
def by_hour(
    ptr: Ints, arrived: Floats, wait: Floats, people: Ints, p50: Floats, p95: Floats, most: Floats
) -> None:
    """Each site's waits by hour of arrival (order statistics of what happened, no interpolation)."""
    for j in range(len(ptr) - 1):
        a = ptr[j]
        while a < ptr[j + 1]:
            hour = min(23, max(0, int(arrived[a] // 60)))
            b = a
            while b < ptr[j + 1] and min(23, max(0, int(arrived[b] // 60))) == hour:
                b += 1
            n = b - a
            high = max(0, int(np.ceil(0.95 * n)) - 1)
            waits = np.partition(wait[a:b], high)
            people[j, hour] = n
            p95[j, hour] = waits[high]
            most[j, hour] = waits[high:].max()
            p50[j, hour] = np.partition(waits[: high + 1], (n - 1) // 2)[(n - 1) // 2]
            a = b
