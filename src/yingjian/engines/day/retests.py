"""Tubes that read positive, and what follows: a team at the members' doors, single swabs, wells kept for them.

Nothing here delays the round: its teams are not the sites', its wells are those the laboratories keep (`Labs.kept`).
So a day without anybody infected, and all of a day before its first positive result, is the same with and without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from yingjian.engines.asking import Flags, Floats, Ints
from yingjian.engines.day import dice
from yingjian.engines.day.model import Again, Day, DayError, Faults, Habits, Positives
from yingjian.engines.day.queue import plates, serve
from yingjian.engines.pooling.homes import MOST, USUAL, reads

SEALED = 1 << 40
"""Numbers of people in tubes that no lane fills begin here; no copy of anybody has one so high."""
TUBES = 1 << 44
"""Numbers of the tubes that lanes fill begin here: whether one reads positive is its own die, whoever is in it."""
NO_SPELLS = (np.zeros(2, np.int64), np.zeros((0, 3)))


@dataclass(frozen=True)
class Ill:
    """The dice of the re-tests; a die lies between 0 and 1."""

    who: Ints
    """Places in the order of arrival: of the infected, rising, then of those whose clean tube reads positive all the
    same if they are the first in it."""
    infected: int
    alarm: Flags
    """Of all of `who`: a tube that is begun with them reads positive, whoever is in it."""
    key: np.uint64
    """Of the dice of tubes."""
    again: Floats
    """Whether an infected person's single swabs read positive."""
    way: Floats
    """Of all of `who`: factor on the way of the team that is sent."""
    ride: Floats
    sealed: Ints
    """Infected in each tube that no lane fills: those of the doors, then those there already."""
    sealed_found: Ints
    """Of these, whose single swabs will read positive."""
    sealed_read: Floats
    sealed_way: Floats
    sealed_ride: Floats


@dataclass(frozen=True)
class Tubes:
    """What the re-tests need of a day played: all tubes, and those of the people of `Ill.who`."""

    site: Ints
    lab: Ints
    people: Ints
    first_swab: Floats
    result: Floats
    of: Ints
    """Below 0: not swabbed."""
    end: Floats
    """When they were swabbed."""
    single: Flags
    sealed: int
    """From this tube on no lane fills them."""


def _followed(day: Day) -> Positives:
    """What is known of the infected. Raises `DayError` on a day without any."""
    if day.positives is None:
        raise DayError("no_positives")
    return day.positives


def brings(day: Day) -> Floats:
    """By site: chance that a person brings an infection home, so that with those they infect `share` are infected."""
    positives = _followed(day)
    each = 1.0
    if day.party is not None:
        sizes = np.bincount(day.party)
        each = float(
            (sizes * (1.0 + (sizes - 1.0) * positives.how.attack))[sizes > 0].sum() / sizes.sum()
        )
    found: Floats = np.minimum(positives.share / each, 1.0)
    return found


def throw(
    day: Day, habits: Habits, faults: Faults, keys: dice.Keys, chance: Floats, ptr: Ints, person: Ints,
    arrived: Floats,
) -> Ill:  # fmt: skip
    """Who of those who come is infected, and all later dice. `chance`: `brings` of each site."""
    positives = _followed(day)
    how, key, n = positives.how, keys[dice.ILL], len(day.site)
    marks = np.empty(len(person), np.int64)
    count = dice.ill(
        key, ptr, person, np.minimum(chance * faults.positives, 1.0), 1.0 - how.specificity, marks
    )
    held = marks[:count]
    at, odd = held[held >= 0], -1 - held[held < 0]
    if day.party is not None and how.attack > 0 and len(at):
        at = _with_homes(key, person, arrived, day.party, n, how.attack, at)

    def die(who: Ints, turn: int) -> Floats:
        found = np.empty(len(who))
        dice.uniforms(key, who, turn, found)
        return found

    def road(who: Ints, kind: int) -> Floats:
        found = np.empty(len(who))
        spread = habits.ride_cv
        dice.needs(
            dice.gamma_quantiles(spread if spread > 0 else 1.0), keys[kind], who, 1.0, spread, found
        )
        return found

    sealed, found, numbers = _sealed(day, habits, faults, key)
    who = np.concatenate((at, odd[~np.isin(odd, at)]))
    return Ill(
        who=who, infected=len(at), alarm=np.isin(who, odd), key=key, again=die(person[at], 3),
        way=road(person[who], dice.TEAM), ride=road(person[who], dice.BACK),
        sealed=sealed, sealed_found=found, sealed_read=die(numbers, 2),
        sealed_way=road(numbers, dice.TEAM), sealed_ride=road(numbers, dice.BACK),
    )  # fmt: skip


def _with_homes(
    key: np.uint64, person: Ints, arrived: Floats, party: Ints, n: int, attack: float, at: Ints
) -> Ints:
    """Those who brought it, and whom of their households they infected: these came at the same moment."""
    room = np.empty(len(person), np.int64)
    more = dice.at_home(key, person, arrived, party, n, attack, at, room)
    return np.unique(np.concatenate((at, room[:more])))


def _sealed(day: Day, habits: Habits, faults: Faults, key: np.uint64) -> tuple[Ints, Ints, Ints]:
    """Of the tubes of doors, then of those there already: (infected, found again, the number of the first in it).

    Nobody knows who is in them: everybody is infected by themselves, a tube there already is taken to be full.
    """
    positives, begun = _followed(day), day.begun
    site = [np.zeros(0, np.int64)] + [held.site for held in (day.doors, begun) if held is not None]
    heads = [np.zeros(0, np.int64)] if day.doors is None else [day.doors.people]
    if begun is not None:
        heads.append(np.full(len(begun.site), habits.pool, np.int64))
    people = np.concatenate(heads)
    numbers = SEALED + np.concatenate(([0], np.cumsum(people)))[:-1].astype(np.int64)
    share = np.minimum(positives.share * faults.positives, 1.0)[np.concatenate(site)]
    infected, found = np.zeros(len(people), np.int64), np.zeros(len(people), np.int64)
    dice.inside(key, numbers, people, share, _again(positives), infected, found)
    return infected, found, numbers


def _again(positives: Positives) -> float:
    """Chance that at least one of an infected person's single swabs reads positive."""
    return 1.0 - (1.0 - positives.how.sensitivity) ** positives.swabs


@lru_cache(maxsize=64)
def chances(sensitivity: float, dilution: float) -> tuple[float, ...]:
    """That a pool with 1, 2, … infected reads positive, as `pooling.homes` has it."""
    return tuple(
        reads(dilution, USUAL, sensitivity=sensitivity, companions=k) for k in range(MOST + 1)
    )


@dataclass(frozen=True)
class _Flagged:
    """Tubes that read positive, in order of their results."""

    tube: Ints
    way: Floats
    ride: Floats
    found: Ints
    """Members whose single swabs will read positive."""
    lone: Flags


def look_into(
    day: Day, habits: Habits, ill: Ill, tubes: Tubes, down: Callable[[int], Floats]
) -> Again:
    """The re-tests of a day played. `down`: spells in which a laboratory begins no run. Nothing is random here."""
    positives = _followed(day)
    flagged = _flagged(positives, habits, ill, tubes)
    swabbed_ill = int((tubes.of[: ill.infected] >= 0).sum() + ill.sealed.sum())
    kept = np.ones(len(flagged.tube), bool) if positives.singles else ~flagged.lone
    told_at_once = int(flagged.found[~kept].sum())
    tube, way, ride = flagged.tube[kept], flagged.way[kept], flagged.ride[kept]
    told, people = tubes.result[tube], np.maximum(tubes.people[tube], 1)
    if day.begun is not None:
        people = np.where(tubes.people[tube] == 0, habits.pool, people)
    start, swabbed, handed = _teams(day, told, people, way, ride, tubes.site[tube])
    of_pool = np.repeat(np.arange(len(tube)), people)
    going = _Going(told, people, handed, *_laboratories(positives, tubes, tube))
    single, wells = _benches(day, habits, going, of_pool, down)
    result = told.copy()
    np.maximum.at(result, of_pool, single)
    return Again(
        pools=len(flagged.tube), infected=swabbed_ill,
        confirmed=told_at_once + int(flagged.found[kept].sum()), wells=wells, tube=tube, told=told,
        people=people, called=start, swabbed=swabbed, handed=handed, result=result,
        took=single - told[of_pool], on_bench=single - handed[of_pool],
    )  # fmt: skip


def _flagged(positives: Positives, habits: Habits, ill: Ill, tubes: Tubes) -> _Flagged:
    """Which tubes read positive, and with which dice they are looked into."""
    how, lone = positives.how, tubes.single | (habits.pool == 1)
    at = np.flatnonzero(tubes.of[: ill.infected] >= 0)
    of, first, mine, inside = np.unique(
        tubes.of[at], return_index=True, return_inverse=True, return_counts=True
    )
    lead = at[first]
    chance = _chance(how.sensitivity, how.dilution, inside, lone[lead])
    read = np.empty(len(of))
    dice.uniforms(ill.key, of + TUBES, 2, read)
    found = np.bincount(mine, ill.again[at] <= _again(positives), len(of)).astype(np.int64)
    odd = np.flatnonzero(ill.alarm & (tubes.of >= 0))
    begins = tubes.end[odd] == tubes.first_swab[tubes.of[odd]]
    odd = odd[begins]
    hit = (read <= chance) | np.isin(of, tubes.of[odd])
    odd = odd[~np.isin(tubes.of[odd], of)]
    late = tubes.sealed + np.arange(len(ill.sealed))
    late_lone = tubes.people[late] == 1
    late_chance = _chance(how.sensitivity, how.dilution, np.maximum(ill.sealed, 1), late_lone)
    late_hit = (ill.sealed > 0) & (ill.sealed_read <= late_chance)
    late_hit |= ill.sealed_read > how.specificity
    tube = np.concatenate((of[hit], tubes.of[odd], late[late_hit]))
    order = np.lexsort((tube, tubes.result[tube]))
    named = np.concatenate((lead[hit], odd))
    return _Flagged(
        tube=tube[order],
        way=np.concatenate((ill.way[named], ill.sealed_way[late_hit]))[order],
        ride=np.concatenate((ill.ride[named], ill.sealed_ride[late_hit]))[order],
        found=np.concatenate((found[hit], np.zeros(len(odd), np.int64), ill.sealed_found[late_hit]))[order],
        lone=np.concatenate((lone[named], late_lone[late_hit]))[order],
    )  # fmt: skip


def _chance(sensitivity: float, dilution: float, infected: Ints, alone: Flags) -> Floats:
    pooled = np.array(chances(sensitivity, dilution))[np.minimum(infected, MOST + 1) - 1]
    found: Floats = np.where(alone, sensitivity, pooled)
    return found


def _teams(
    day: Day, told: Floats, people: Ints, way: Floats, ride: Floats, site: Ints
) -> tuple[Floats, Floats, Floats]:
    """(sent, all swabbed, at the laboratory) of each pool: whoever is flagged first takes the team that is free first.

    A team is free again when it has handed its tubes over.
    """
    positives = _followed(day)
    count = len(told)
    there = positives.how.way * way + positives.how.each * people
    straight = day.sites.ride if positives.ride is None else positives.ride
    need = there + straight[site] * ride
    start, end, lane = np.empty(count), np.empty(count), np.empty(count, np.int64)
    teams = max(1, min(count, count if positives.teams is None else positives.teams))
    serve(
        np.array([0, count]), told, need, np.array([teams]), np.zeros(1), np.zeros(1, np.int64), 0.0,
        *NO_SPELLS, np.full(1, 2**62), np.zeros(1), np.inf, start, end, lane,
    )  # fmt: skip
    return start, start + there, end


@dataclass(frozen=True)
class _Going:
    """Single swabs on their way. Arrays over pools `(q,)`."""

    told: Floats
    people: Ints
    handed: Floats
    lab: Ints
    """Where the tube itself was read."""
    to: Ints
    """`(q, swabs)` where each of a member's swabs goes."""
    original_to: Ints


def _laboratories(positives: Positives, tubes: Tubes, tube: Ints) -> tuple[Ints, Ints, Ints]:
    """Of these tubes: where it was read, where each of a member's swabs goes, where it goes itself."""
    lab, site = tubes.lab[tube], tubes.site[tube]
    to = np.repeat(lab[:, None], positives.swabs, axis=1)
    return (
        lab, to if positives.to is None else positives.to[site],
        lab if positives.original_to is None else positives.original_to[site],
    )  # fmt: skip


def _benches(
    day: Day, habits: Habits, going: _Going, of_pool: Ints, down: Callable[[int], Floats]
) -> tuple[Floats, int]:
    """(when each member's last single result is out, wells used). A tube read elsewhere comes with the swabs."""
    positives, labs, to = _followed(day), day.labs, going.to
    assert labs.kept is not None  # noqa: S101  validated
    found, wells = np.full(len(of_pool), -np.inf), 0
    member = np.arange(len(of_pool))
    stays = going.original_to == going.lab
    known = np.where(stays, going.told, going.handed)
    places = np.concatenate((to.ravel(), going.original_to if positives.original else to[:0, 0]))
    for k in np.unique(places).tolist():
        share = (to == k).sum(axis=1)
        who = np.repeat(member, share[of_pool])
        ready = (going.handed + labs.receive[k] * going.people * share)[of_pool[who]]
        if positives.original:
            pools = np.flatnonzero(going.original_to == k)
            who = np.concatenate((np.full(len(pools), -1), who))
            ready = np.concatenate((known[pools], ready))
        order = np.argsort(ready, kind="stable")
        ready, who = ready[order], who[order]
        loaded, done = np.empty(len(who)), np.empty(len(who))
        benches = 1 if labs.kept_benches is None else int(labs.kept_benches[k])
        plates(
            ready, int(labs.kept[k]), np.full(benches, float(labs.opens[k])), float(positives.how.run),
            float(positives.how.wait), down(k), loaded, done,
        )  # fmt: skip
        single = who >= 0
        np.maximum.at(found, who[single], done[single] + habits.review)
        wells += len(who)
    return found, wells


def validate(day: Day, faults: Faults) -> None:
    """Raise `DayError` for re-tests without meaning."""
    positives = day.positives
    if not 0 <= faults.positives < np.inf:
        raise DayError("bad_number", field="faults")
    if positives is None:
        return
    if positives.share.shape != day.sites.lanes.shape:
        raise DayError("bad_shape", field="positives.share")
    how = positives.how
    shares = (*positives.share.tolist(), how.attack, how.sensitivity, how.specificity)
    if not all(0 <= share <= 1 for share in shares):
        raise DayError("bad_number", field="positives.share")
    lengths = (how.way, how.each, how.wait)
    if not all(0 <= minutes < np.inf for minutes in lengths) or not 0 < how.run < np.inf:
        raise DayError("bad_number", field="positives.how")
    if (
        how.dilution < 1
        or positives.swabs < 1
        or not (positives.teams is None or positives.teams >= 1)
    ):
        raise DayError("bad_number", field="positives")
    if day.labs.kept is None or (day.labs.kept < 1).any():
        raise DayError("no_kept_wells")
    _destinations(day, positives)


def _destinations(day: Day, positives: Positives) -> None:
    """Raise `DayError` for single swabs that go nowhere."""
    m, k = len(day.sites.lanes), len(day.labs.wells)
    for name, places, shape in (
        ("positives.to", positives.to, (m, positives.swabs)),
        ("positives.original_to", positives.original_to, (m,)),
    ):
        if places is not None and places.shape != shape:
            raise DayError("bad_shape", field=name)
        if places is not None and ((places < 0) | (places >= k)).any():
            raise DayError("unknown_index", field=name)
    ride = positives.ride
    if ride is not None and ride.shape != (m,):
        raise DayError("bad_shape", field="positives.ride")
    if ride is not None and not (np.isfinite(ride) & (ride >= 0)).all():
        raise DayError("bad_number", field="positives.ride")
