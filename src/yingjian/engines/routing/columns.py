"""Good routes remembered as columns, and the best of them put together: set covering by HiGHS.

A column is what one vehicle drives: its whole day, or, where a kind comes home to load again, one
trip with the interval it is out. Trips fit on so many vehicles exactly if no moment has more of them
out at once (colouring of intervals), so trips of different days are put together anew; rows for
crowded moments are added when an answer needs them. A trip that may wait is offered at several times.

Covering, not partition: a place called at twice is taken out where that saves most afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import numpy as np

from yingjian.engines.asking import Floats, Ints, Stop
from yingjian.engines.linear import LinearError, Model

ROUNDS = 4
"""Times an answer with too many trips out at once is asked for anew."""
MOMENTS = 24
"""Moments of a kind looked at from the first."""
LEAST_SHARE = 0.01
"""Smallest share of a column in the relaxed answer that is told."""
HALF = 0.5
PARTS = 4
"""Parts of a large answer put together anew after a dive in vain."""
PART = 10
"""Columns of a part."""
NOBODY: frozenset[int] = frozenset()
HAIR = 1e-6
SURE = 0.8
"""Share from which a dive takes a column for good."""
DEPTH = 60
"""Most steps of a dive."""
DIVED = 4
"""A dive looks at so many times as many columns as branch and bound does."""
_Used = dict[int, int]


@dataclass(frozen=True, slots=True)
class Column:
    """`calls`: places in order; -1 between two trips of a whole day. Out from `begins` to `back`."""

    kind: int
    calls: tuple[int, ...]
    begins: int
    back: int
    price: int

    @property
    def places(self) -> tuple[int, ...]:
        """Places only."""
        return tuple(place for place in self.calls if place >= 0)


@dataclass(frozen=True)
class Fleet:
    """What binds columns together."""

    places: int
    count: tuple[int, ...]
    """Vehicles of each kind."""
    price: tuple[int, ...]
    """Price of using one; already in the columns of kinds that are not `by_trip`."""
    by_trip: tuple[bool, ...]


@dataclass
class Pool:
    """Columns by what they are; the cost of the best solution each was seen in decides who stays."""

    most: int
    columns: dict[tuple[int, tuple[int, ...], int], Column] = field(default_factory=dict)
    seen: dict[tuple[int, tuple[int, ...], int], int] = field(default_factory=dict)
    moments: dict[int, set[int]] = field(default_factory=dict)

    def add(self, columns: Iterable[Column], cost: int) -> None:
        """Remember; `cost`: of the solution they are part of."""
        for column in columns:
            key = (column.kind, column.calls, column.begins)
            if key not in self.columns:
                self.columns[key] = column
                self.seen[key] = cost
            elif cost < self.seen[key]:
                self.seen[key] = cost

    def shrink(self) -> None:
        """No more than `most`, those of the best solutions."""
        if len(self.columns) > self.most:
            kept = sorted(self.columns, key=lambda key: (self.seen[key], key))[: self.most]
            self.columns = {key: self.columns[key] for key in kept}
            self.seen = {key: self.seen[key] for key in kept}


@dataclass(frozen=True)
class Joined:
    """`better`: the columns of the cheapest cover found (a place may be in two); None: none is known.

    `liked`: columns by their share in the relaxed answer, most first.
    """

    better: list[Column] | None
    liked: list[tuple[float, Column]]


def recombine(
    pool: Pool, fleet: Fleet, begun: list[Column], *, narrow: int, nodes: int, stop: Stop
) -> Joined:
    """The relaxed question first; then, among the `narrow` columns it rates best, whole ones.

    `begun` is what is known already; a place that no columns call at together costs more than all.
    """
    pool.add(begun, 0)
    pool.shrink()
    columns = list(pool.columns.values())
    known = {(c.kind, c.calls, c.begins) for c in begun}
    for kind, by_trip in enumerate(fleet.by_trip):
        if by_trip:
            _first_moments(pool, columns, kind)
    asked = _Question(pool, fleet, columns)
    start = [k for k, c in enumerate(columns) if (c.kind, c.calls, c.begins) in known]
    relaxed = None if stop() else asked.relaxed()
    if relaxed is None:
        return Joined(None, [])
    some = np.flatnonzero(relaxed.share > LEAST_SHARE).tolist()
    liked = sorted(((float(relaxed.share[k]), columns[k]) for k in some), key=lambda p: -p[0])
    room = asked.worth(start) - relaxed.value
    useful = np.flatnonzero(relaxed.reduced <= room)
    if len(useful) <= narrow:
        chosen = asked.whole(sorted({*useful.tolist(), *start}), start, nodes=nodes, stop=stop)
    else:
        near = np.argsort(relaxed.reduced, kind="stable")[: DIVED * narrow]
        chosen = asked.dive(sorted({*near.tolist(), *start}), asked.worth(start), stop=stop)
        if chosen is None and start:
            chosen = asked.around(start, relaxed, narrow=narrow, nodes=nodes, stop=stop)
    return Joined(None if chosen is None else [columns[k] for k in chosen], liked)


def rounded(fleet: Fleet, liked: list[tuple[float, Column]]) -> list[Column]:
    """Columns in this order while they share no place and there are vehicles for them."""
    taken: list[Column] = []
    called: set[int] = set()
    for _, column in liked:
        if called.isdisjoint(column.places):
            own = [c for c in taken if c.kind == column.kind]
            busy = [c for c in own if c.begins < column.back and column.begins < c.back]
            there = fleet.count[column.kind]
            if len(busy if fleet.by_trip[column.kind] else own) < there:
                taken.append(column)
                called.update(column.places)
    return taken


def _first_moments(pool: Pool, columns: list[Column], kind: int) -> None:
    begins = sorted(column.begins for column in columns if column.kind == kind)
    own = pool.moments.setdefault(kind, set())
    if begins:
        own |= {begins[len(begins) * i // MOMENTS] for i in range(MOMENTS)}


def _crowded(fleet: Fleet, picked: list[Column]) -> dict[int, set[int]]:
    """Moments with more trips out than vehicles, by kind."""
    found: dict[int, set[int]] = {}
    for kind, by_trip in enumerate(fleet.by_trip):
        own = [column for column in picked if column.kind == kind]
        if by_trip:
            for column in own:
                out = sum(other.begins <= column.begins < other.back for other in own)
                if out > fleet.count[kind]:
                    found.setdefault(kind, set()).add(column.begins)
    return found


@dataclass(frozen=True)
class _Relaxed:
    """`share` and `reduced` price of every column asked about."""

    value: float
    share: Floats
    reduced: Floats


@dataclass
class _Question:
    """Covers out of these columns."""

    pool: Pool
    fleet: Fleet
    columns: list[Column]

    def __post_init__(self) -> None:
        prices = np.array([column.price for column in self.columns], dtype=float)
        self.scale = max(1.0, prices.max(initial=1.0), *self.fleet.price)
        self.prices = prices / self.scale
        self.missed = 1.0 + 2 * self.fleet.places

    def worth(self, chosen: list[int]) -> float:
        """What columns cost that do not crowd, places they miss included."""
        called = {place for k in chosen for place in self.columns[k].places}
        total = float(self.prices[chosen].sum()) if chosen else 0.0
        for kind, by_trip in enumerate(self.fleet.by_trip):
            if by_trip and self.fleet.price[kind]:
                out = _most_out([self.columns[k] for k in chosen if self.columns[k].kind == kind])
                total += out * self.fleet.price[kind] / self.scale
        return total + self.missed * (self.fleet.places - len(called))

    def model(self, some: list[int], low: Floats, *, whole: bool) -> tuple[Model, Ints, _Used]:
        """The model of some columns; its variables of places left and of vehicles used."""
        model = Model()
        columns = [self.columns[k] for k in some]
        x = model.add_columns(len(some), cost=self.prices[some], low=low, high=1.0, whole=whole)
        left = model.add_columns(self.fleet.places, cost=self.missed, high=1.0)
        calls = model.add_rows(self.fleet.places, low=1.0)
        rows = np.array([place for column in columns for place in column.places], dtype=np.int64)
        model.put(calls[rows], np.repeat(x, [len(column.places) for column in columns]), 1.0)
        model.put(calls, left, 1.0)
        used = _fleet_rows(model, self.pool, self.fleet, columns, self.scale, whole=whole)
        return model, left, used

    def relaxed(self, some: list[int] | None = None, low: Floats | None = None) -> _Relaxed | None:
        """The answer with parts of columns allowed."""
        some = list(range(len(self.columns))) if some is None else some
        low = np.zeros(len(some)) if low is None else low
        try:
            answer = self.model(some, low, whole=False)[0].solve()
        except LinearError:
            return None
        if answer.reduced is None:
            return None
        return _Relaxed(answer.value, answer.x[: len(some)], answer.reduced[: len(some)])

    def around(
        self, start: list[int], relaxed: _Relaxed, *, narrow: int, nodes: int, stop: Stop
    ) -> list[int] | None:
        """Parts of what is known put together anew, one after the other; None: none gets better.

        A part grows from a column the relaxed answer likes least, by columns that share places
        with what it likes instead.
        """
        places = [frozenset(column.places) for column in self.columns]
        liked = np.flatnonzero(relaxed.share > LEAST_SHARE).tolist()
        now, better = list(start), None
        for first in sorted(start, key=lambda k: float(relaxed.share[k]))[:PARTS]:
            if stop() or first not in now:
                continue
            part, freed = [first], set(places[first])
            while len(part) < min(PART, len(now)):
                wanted = {p for k in liked if places[k] & freed for p in places[k]} - freed
                rest = [k for k in now if k not in part]
                grown = max(rest, key=lambda k: (len(places[k] & wanted) / len(places[k]), -k))
                part.append(grown)
                freed |= places[grown]
            inside = [k for k in range(len(places)) if places[k] <= freed]
            inside.sort(key=lambda k: float(relaxed.reduced[k]))
            some = sorted({*inside[: 2 * narrow], *now})
            kept = set(now) - set(part)
            found = self.whole(some, now, nodes=nodes, stop=stop, kept=kept)
            if found is not None and self.worth(found) < self.worth(now) * (1 - 1e-9):
                now = better = found
        return better

    def whole(
        self, some: list[int], start: list[int], *, nodes: int, stop: Stop,
        kept: AbstractSet[int] = NOBODY,
    ) -> list[int] | None:  # fmt: skip
        """Branch and bound over some columns, some of them `kept`; None: nothing in time."""
        begun = set(start)
        low = np.array([float(k in kept) for k in some])
        for _ in range(ROUNDS):
            model, left, used = self.model(some, low, whole=True)
            known = np.zeros(model.columns)
            known[[i for i, k in enumerate(some) if k in begun]] = 1.0
            called = {place for k in start for place in self.columns[k].places}
            known[left] = [0.0 if place in called else 1.0 for place in range(self.fleet.places)]
            for kind, column in used.items():
                known[column] = _most_out(
                    [self.columns[k] for k in start if self.columns[k].kind == kind]
                )
            try:
                answer = model.solve(start=known, nodes=nodes, relative_gap=1e-6, stop=stop)
            except LinearError:
                return None
            chosen = [some[i] for i in np.flatnonzero(answer.x[: len(some)] > HALF)]
            if not self.crowded(chosen):
                return chosen
        return None

    def dive(self, some: list[int], worth: float, *, stop: Stop) -> list[int] | None:
        """Columns taken for good a few at a time, the surest first; None: it leads nowhere better."""
        low = np.zeros(len(some))
        for _ in range(DEPTH):
            relaxed = None if stop() else self.relaxed(some, low)
            if relaxed is None or relaxed.value > worth * (1 - 1e-9):
                return None
            share = np.where(low > 0, 0.0, relaxed.share)
            part = np.flatnonzero((share > HAIR) & (share < 1 - HAIR))
            sure = np.flatnonzero(share > SURE)
            if not len(part):
                chosen = [some[i] for i in np.flatnonzero(relaxed.share > HALF)]
                if not self.crowded(chosen):
                    return chosen
                continue
            low[sure] = 1.0
            if not (share[part] > SURE).any():
                low[part[share[part].argmax()]] = 1.0
        return None

    def crowded(self, chosen: list[int]) -> bool:
        """Whether too many are out at once; such moments are looked at from then on."""
        found = _crowded(self.fleet, [self.columns[k] for k in chosen])
        for kind, moments in found.items():
            self.pool.moments[kind] |= moments
        return bool(found)


def _fleet_rows(
    model: Model, pool: Pool, fleet: Fleet, columns: list[Column], scale: float, *, whole: bool
) -> _Used:
    """No more vehicles than there are; the variable of vehicles used where using one has a price."""
    used = {}
    for kind, count in enumerate(fleet.count):
        own = np.array([k for k, c in enumerate(columns) if c.kind == kind], dtype=np.int64)
        if not len(own):
            continue
        if not fleet.by_trip[kind]:
            if len(own) > count:
                model.put(model.add_rows(1, high=float(count)), own, 1.0)
            continue
        moments = sorted(pool.moments[kind])
        priced = fleet.price[kind] > 0
        rows = model.add_rows(len(moments), high=0.0 if priced else float(count))
        begins = np.array([columns[k].begins for k in own])
        back = np.array([columns[k].back for k in own])
        at = np.array(moments)
        r, c = np.nonzero((begins[None, :] <= at[:, None]) & (at[:, None] < back[None, :]))
        model.put(rows[r], own[c], 1.0)
        if priced:
            price = fleet.price[kind] / scale
            out = model.add_columns(1, cost=price, high=float(count), whole=whole)
            model.put(rows, out, -1.0)
            used[kind] = int(out[0])
    return used


def _most_out(columns: list[Column]) -> int:
    return max((sum(o.begins <= c.begins < o.back for o in columns) for c in columns), default=0)


def once(columns: list[Column], price_of: Callable[[Column, int], int]) -> list[Column]:
    """Every place in one column only: taken out of all others, from where that saves most first.

    `price_of(column, place)`: what leaving `place` out of `column` saves.
    """
    found = list(columns)
    times: dict[int, list[int]] = {}
    for k, column in enumerate(found):
        for place in column.places:
            times.setdefault(place, []).append(k)
    for place, where in sorted(times.items()):
        while len(where) > 1:
            k = max(where, key=lambda k: (price_of(found[k], place), k))
            where.remove(k)
            old = found[k]
            calls = tuple(call for call in old.calls if call != place)
            found[k] = Column(old.kind, calls, old.begins, old.back, old.price)
    return [column for column in found if column.places]


def days(fleet: Fleet, columns: list[Column]) -> list[tuple[int, list[Column]]]:
    """Columns given to vehicles: (kind, its columns in order); trips to whoever came home last."""
    found: list[tuple[int, list[Column]]] = []
    for kind, by_trip in enumerate(fleet.by_trip):
        own = sorted((c for c in columns if c.kind == kind), key=lambda c: (c.begins, c.back))
        vehicles: list[list[Column]] = []
        for column in own:
            free = [v for v in vehicles if v[-1].back <= column.begins] if by_trip else []
            if free:
                max(free, key=lambda v: v[-1].back).append(column)
            else:
                vehicles.append([column])
        found += [(kind, vehicle) for vehicle in vehicles]
    return found
