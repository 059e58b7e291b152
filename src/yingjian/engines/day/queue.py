"""Queues, tubes and plates, compiled. Minutes throughout.

First come, first served at c lanes is the Kiefer-Wolfowitz recursion: whoever is next takes the lane
that is free first, and begins at the later of that moment and their own arrival. For one lane this
is Lindley's. Nothing is sampled here: the same inputs give the same day.
"""

from __future__ import annotations

import numpy as np

from yingjian.engines.asking import Flags, Floats, Ints
from yingjian.engines.day.model import NEVER
from yingjian.engines.jit import compiled

FINE = 64
"""Steps by which one hour's waits at one site are counted."""


ALONE = 2.0
"""One who does a lane's two jobs, register and swab, takes about so many times as long."""


@compiled
def serve(
    ptr: Ints, ready: Floats, service: Floats, lanes: Ints, opens: Floats, away: Ints,
    away_until: float, slow_ptr: Ints, slow: Floats, stock: Ints, stock_until: Floats, patience: float,
    start: Floats, end: Floats, lane: Ints,
) -> None:  # fmt: skip
    """Every site's queue. People `ptr[j]:ptr[j+1]` of site j are in order of `ready`.

    The last `away[j]` lanes open at `away_until`. Where that is all of them, whoever is left keeps one going, and each
    person takes `ALONE` times as long until then. `slow` rows are (start, end, factor). From the
    `stock[j]`-th person on nobody begins before `stock_until[j]`. Writes start, end and lane.
    Whoever would wait longer than `patience` goes home then, unswabbed: start and end are that moment, lane -1.
    """
    most = 1
    for j in range(len(lanes)):
        most = max(most, lanes[j])
    free = np.empty(most)
    for j in range(len(lanes)):
        c = lanes[j]
        alone_until = away_until if away[j] >= c else -np.inf
        for k in range(c):
            free[k] = opens[j] if k < max(1, c - away[j]) else max(opens[j], away_until)
        a, s_a, s_b, left = ptr[j], slow_ptr[j], slow_ptr[j + 1], stock[j]
        for i in range(a, ptr[j + 1]):
            best, soonest = np.uint32(0), free[0]
            for k in range(1, c):
                if free[k] < soonest:
                    best, soonest = np.uint32(k), free[k]
            begin = max(ready[i], soonest)
            if i - a >= left:
                begin = max(begin, stock_until[j])
            need = service[i] * (ALONE if begin < alone_until else 1.0)
            for s in range(s_a, s_b):
                if slow[s, 0] <= begin < slow[s, 1]:
                    if slow[s, 2] >= NEVER:
                        begin = slow[s, 1]
                    else:
                        need *= slow[s, 2]
            if begin > ready[i] + patience:
                start[i], end[i], lane[i] = ready[i] + patience, ready[i] + patience, -1
                left += 1
                continue
            start[i], end[i], lane[i] = begin, begin + need, best
            free[best] = begin + need


@compiled
def ends(ptr: Ints, start: Floats, end: Floats, finish: Floats, busy: Floats) -> None:
    """Each site's last swab (left as it is where nobody came) and the minutes its lanes worked."""
    for j in range(len(ptr) - 1):
        last, worked = -np.inf, 0.0
        for i in range(ptr[j], ptr[j + 1]):
            if end[i] > start[i]:  # who gave up has no swab
                last = max(last, end[i])
            worked += end[i] - start[i]
        busy[j] = worked
        if last > -np.inf:
            finish[j] = last


@compiled
def _next(
    lane: int, done: float, alone: bool, current: Ints, begun: Floats, tube_open: float, count: int
) -> int:  # fmt: skip
    """The tube that a swab will be put in, before it is: the lane's open one or the next, which is `count`."""
    if lane < 0:
        return -1
    if alone or current[lane] < 0 or done > begun[lane] + tube_open:
        return count
    return int(current[lane])


@compiled
def fill(
    ptr: Ints, end: Floats, lane: Ints, single: Flags, lanes: Ints, pool: int, tube_open: float,
    tube_site: Ints, people: Ints, first: Floats, sealed: Floats, sought: Ints, of: Ints,
) -> int:  # fmt: skip
    """Put swabs into tubes lane by lane; how many tubes. People are in order of their start; lane -1: not swabbed.

    A tube is sealed with its last swab: when full, when the next swab would come more than
    `tube_open` after its first (then at that moment), or when the lane has no one left.
    Writes into `of` in which tube those `sought` are (places in the queue, rising); -1: in none.
    """
    most = 1
    for j in range(len(lanes)):
        most = max(most, lanes[j])
    current, inside = np.empty(most, np.int64), np.empty(most, np.int64)
    begun, last = np.empty(most), np.empty(most)
    count, seen = 0, 0
    seek = sought[0] if len(sought) else -1
    for j in range(len(lanes)):
        current[:] = -1
        for i in range(ptr[j], ptr[j + 1]):
            if i == seek:
                of[seen] = _next(lane[i], end[i], single[i], current, begun, tube_open, count)
                seen += 1
                seek = sought[seen] if seen < len(sought) else -1
            if lane[i] < 0:
                continue
            mine, done = np.uint32(lane[i]), end[i]
            if single[i]:
                tube_site[count], people[count], first[count], sealed[count] = j, 1, done, done
                count += 1
                continue
            at = current[mine]
            if at >= 0 and done > begun[mine] + tube_open:
                people[at], sealed[at] = inside[mine], begun[mine] + tube_open
                at = -1
            if at < 0:
                at = count
                tube_site[at], first[at] = j, done
                current[mine], begun[mine], inside[mine] = at, done, 0
                count += 1
            inside[mine] += 1
            last[mine] = done
            if inside[mine] == pool:
                people[at], sealed[at] = pool, done
                current[mine] = -1
        for k in range(lanes[j]):  # nobody left
            if current[k] >= 0:
                people[current[k]], sealed[current[k]] = inside[k], last[k]
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
def pick(room: Floats, n: int, rank: int) -> float:
    """The `rank`-th smallest (from 0) of the first `n`, exactly, without sorting; their order is lost."""
    low, high = 0, n - 1
    while low < high:
        middle = room[(low + high) // 2]
        i, k = low, high
        while i <= k:
            while room[i] < middle:
                i += 1
            while room[k] > middle:
                k -= 1
            if i <= k:
                room[i], room[k] = room[k], room[i]
                i += 1
                k -= 1
        if rank <= k:
            high = k
        elif rank >= i:
            low = i
        else:
            break
    return float(room[rank])


@compiled
def ranked(
    values: Floats, rank: int, zero: int, step: float, count: Ints, room: Floats
) -> float:  # fmt: skip
    """The `rank`-th smallest of values counted by steps, of which `zero` are 0: only its step is looked at again."""
    if rank < zero:
        return 0.0
    b, held, top = 0, 0, np.float64(len(count) - 1)
    while rank >= count[b]:
        rank -= count[b]
        b += 1
    if b == 0:
        rank -= zero
    for value in values:
        if np.uint32(max(min(value * step, top), 0.0)) == b and value > 0.0:
            room[held] = value
            held += 1
    return pick(room, held, rank)


@compiled
def shares(
    values: Floats, limit: float, step: float, count: Ints, room: Floats, out: Floats
) -> None:
    """Median, 95th percentile (order statistics, exact), largest, and how many are over `limit`.

    Values are counted by steps (`count`, the last takes all that are longer); only those of the step that holds the
    wanted one are looked at again.
    """
    n, top = len(values), np.float64(len(count) - 1)
    out[:] = np.nan
    out[3] = 0.0
    if not n:
        return
    count[:] = 0
    most, over, zero = values[0], 0, 0
    for value in values:
        most = max(most, value)
        over += value > limit
        zero += value <= 0.0
        count[np.uint32(max(min(value * step, top), 0.0))] += 1
    out[2], out[3] = most, over
    for k in range(2):
        rank = max(0, int(np.ceil((0.5, 0.95)[k] * n)) - 1)
        out[k] = ranked(values, rank, zero, step, count, room)


@compiled
def by_hour(
    ptr: Ints, arrived: Floats, wait: Floats, people: Ints, p50: Floats, p95: Floats, most: Floats
) -> None:
    """Each site's waits by hour of arrival (order statistics of what happened, no interpolation)."""
    widest = 0
    for j in range(len(ptr) - 1):
        widest = max(widest, ptr[j + 1] - ptr[j])
    room, count = np.empty(widest), np.empty(FINE, np.int64)
    for j in range(len(ptr) - 1):
        a = ptr[j]
        while a < ptr[j + 1]:
            hour = min(23, max(0, int(arrived[a] // 60)))
            until = np.inf if hour == 23 else 60.0 * (hour + 1)  # noqa: PLR2004
            b, longest, waited = a, wait[a], 0
            while b < ptr[j + 1] and arrived[b] < until:
                longest = max(longest, wait[b])
                if wait[b] > 0:
                    waited += 1
                b += 1
            n = b - a
            people[j, hour], most[j, hour], p50[j, hour], p95[j, hour] = n, longest, 0.0, 0.0
            if waited:
                step = (len(count) - 1) / longest
                count[:] = 0
                for i in range(a, b):
                    count[np.uint32(wait[i] * step)] += 1
                p50[j, hour] = ranked(wait[a:b], (n - 1) // 2, n - waited, step, count, room)
                high = max(0, int(np.ceil(0.95 * n)) - 1)
                p95[j, hour] = ranked(wait[a:b], high, n - waited, step, count, room)
            a = b
