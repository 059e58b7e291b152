"""Troubles somebody names for a plan's day: what becomes of it, all of them at once.

As they come in, as they are kept, and as the twin's faults. Minutes count from midnight. A vehicle or a site that a
date does not have is left out on that date.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from ninja import Schema
from pydantic import ConfigDict, Field, model_validator

from yingjian.engines.day.model import NEVER, Faults, Gone, Short, Slow
from yingjian.engines.day.planned import PlannedDay
from yingjian.kernel.errors import RuleBroken

if TYPE_CHECKING:
    from yingjian.engines.day.rehearsal import Case

RUNS: Final = 40
"""Days played with the troubles and as often without: the same dice."""
Minute = Annotated[int, Field(ge=0, le=2 * 1440)]
Name = Annotated[str, Field(min_length=1, max_length=80)]


class _Trouble(Schema):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Spell(_Trouble):
    """From one minute to another (`planning.trouble_times`, 422)."""

    start: Minute
    end: Minute

    @model_validator(mode="after")
    def forwards(self) -> Self:
        if self.end <= self.start:
            raise RuleBroken("planning.trouble_times", status=422)
        return self


class Slower(Spell):
    """Rain, heat: everybody takes `percent` of the usual time."""

    percent: Annotated[int, Field(ge=100, le=1000)] = 200


class Still(Spell):
    """Sites where nobody can be swabbed: no power, no network where it is needed."""

    sites: Annotated[list[Name], Field(min_length=1, max_length=500)]


class Away(Spell):
    """A vehicle or a laboratory that cannot be used."""

    name: Name


class Few(_Trouble):
    """A site has so many tubes and no more before a minute."""

    site: Name
    tubes: Annotated[int, Field(ge=0, le=100_000)]
    until: Minute


class Troubles(_Trouble):
    """What shall go wrong. `absent`: percent of the lanes without anybody; `turnout`: percent of those expected;
    `patience`: minutes after which people in the queue go home; `infected`: times as many as expected.
    """

    absent: Annotated[int, Field(ge=0, le=95)] = 0
    turnout: Annotated[int, Field(ge=1, le=1000)] = 100
    patience: Annotated[int, Field(ge=1, le=1440)] | None = None
    infected: Annotated[int, Field(ge=1, le=1000)] = 1
    slower: Slower | None = None
    still: Still | None = None
    vehicle: Away | None = None
    laboratory: Away | None = None
    few: Few | None = None

    @model_validator(mode="after")
    def named(self) -> Self:
        if not self.model_dump(exclude_defaults=True):
            raise RuleBroken("planning.trouble_none", status=422)
        return self

    def known(self, days: Sequence[PlannedDay]) -> None:
        """Raise `planning.trouble_unknown` (409) for a name that no date of the plan has."""
        sites = {site.code for day in days for site in day.sites}
        vehicles = {name for day in days for name in day.vehicles}
        labs = {name for day in days for name in day.labs}
        asked: list[tuple[Iterable[str], set[str]]] = [
            (self.still.sites if self.still else [], sites),
            ([self.few.site] if self.few else [], sites),
            ([self.vehicle.name] if self.vehicle else [], vehicles),
            ([self.laboratory.name] if self.laboratory else [], labs),
        ]
        for names, there in asked:
            for name in names:
                if name not in there:
                    raise RuleBroken("planning.trouble_unknown", status=409, name=name)

    def cases(self, planned: PlannedDay) -> list[Case]:
        """All of them as one case of a date; none where nothing of them is there that day."""
        from yingjian.engines.day.rehearsal import (
            Case,
        )  # the compiler costs 190 MB: only who rehearses

        parts = [*self._people(), *self._places(planned), *self._means(planned)]
        if not parts:
            return []
        together = [{"code": code, "params": params} for code, params, _ in parts]
        return [Case("own", _joined(fault for *_, fault in parts), {"together": together})]

    def _people(self) -> list[tuple[str, dict[str, Any], Faults]]:
        found = []
        if self.absent:
            found.append(("absent", {"share": self.absent}, Faults(absent=self.absent / 100)))
        if self.turnout != 100:  # noqa: PLR2004 - as planned
            found.append(("turnout", {"share": self.turnout}, Faults(turnout=self.turnout / 100)))
        if self.patience:
            gone = Faults(patience=float(self.patience))
            found.append(("patience", {"minutes": self.patience}, gone))
        if self.infected > 1:
            many = Faults(positives=float(self.infected))
            found.append(("positives", {"times": self.infected}, many))
        if self.slower:
            spell, share = self.slower, self.slower.percent
            slow = Slow(spell.start, spell.end, share / 100)
            told = {"start": spell.start, "end": spell.end, "share": share}
            found.append(("slower", told, Faults(slow=(slow,))))
        return found

    def _places(self, planned: PlannedDay) -> list[tuple[str, dict[str, Any], Faults]]:
        place = {site.code: j for j, site in enumerate(planned.sites)}
        named = {site.code: f"{site.name}({site.code})" for site in planned.sites}
        found = []
        if self.still and (struck := [code for code in self.still.sites if code in place]):
            spell = self.still
            slow = Slow(spell.start, spell.end, math.inf, tuple(place[code] for code in struck))
            told = {
                "sites": "、".join(named[code] for code in struck),
                "start": spell.start,
                "end": spell.end,
            }
            found.append(("still", told, Faults(slow=(slow,))))
        if self.few and self.few.site in place:
            few = self.few
            short = Short(place[few.site], few.tubes, few.until)
            told = {"site": named[few.site], "tubes": few.tubes, "end": few.until}
            found.append(("few", told, Faults(short=(short,))))
        return found

    def _means(self, planned: PlannedDay) -> list[tuple[str, dict[str, Any], Faults]]:
        found = []
        if self.vehicle and self.vehicle.name in planned.vehicles:
            away = self.vehicle
            gone = Gone(planned.vehicles.index(away.name), away.start, away.end)
            told = {"vehicle": away.name, "start": away.start, "end": away.end}
            found.append(("vehicle", told, Faults(vehicles=(gone,))))
        if self.laboratory and planned.labs_known and self.laboratory.name in planned.labs:
            away = self.laboratory
            gone = Gone(planned.labs.index(away.name), away.start, away.end)
            told = {"lab": away.name, "start": away.start, "end": away.end}
            found.append(("laboratory", told, Faults(labs=(gone,))))
        return found


def _joined(parts: Iterable[Faults]) -> Faults:
    each = list(parts)
    return Faults(
        slow=tuple(slow for part in each for slow in part.slow),
        vehicles=tuple(gone for part in each for gone in part.vehicles),
        labs=tuple(gone for part in each for gone in part.labs),
        short=tuple(few for part in each for few in part.short),
        absent=max(part.absent for part in each),
        positives=max((part.positives for part in each), default=1.0),
        patience=min((part.patience for part in each), default=NEVER),
        turnout=next((part.turnout for part in each if part.turnout != 1.0), 1.0),
    )
