"""Commands of this room. One handler takes everything a station reports, a batch in a fixed number of queries."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from yingjian.access import journal
from yingjian.access.actor import Actor
from yingjian.campaigns import queries as rounds
from yingjian.logistics import actions as logistics
from yingjian.logistics import values as boxes

from . import actions, field, queries, revoking, rules
from .states import Place
from .values import (
    BoxAdd,
    BoxOpen,
    BoxSeal,
    CodeRevoke,
    CodesRevoke,
    KeyRevoke,
    RackCount,
    RevocationLift,
    SiteStep,
    SwabAdd,
    SwabMove,
    SwabVoid,
    TubeEnd,
    TubeLock,
    TubeOpen,
    TubeRecord,
    TubeSeal,
)  # fmt: skip

_BOX = (BoxOpen, BoxAdd, BoxSeal)
_FLAGS_ANSWERED = 40


@dataclass(frozen=True, slots=True)
class _Placed:
    """A command with its place and its time by the server's clock; or the reason why it has none."""

    command: journal.Command
    place: Place | None
    at: datetime
    skewed: bool = False
    refusal: journal.Verdict | None = None


@journal.handles("tube.open", TubeOpen, permission="sample")
@journal.handles("swab.add", SwabAdd, permission="sample")
@journal.handles("swab.void", SwabVoid, permission="sample")
@journal.handles("swab.move", SwabMove, permission="sample")
@journal.handles("tube.lock", TubeLock, permission="sample")
@journal.handles("tube.seal", TubeSeal, permission="sample")
@journal.handles("tube.void", TubeEnd, permission="sample")
@journal.handles("tube.break", TubeEnd, permission="sample")
@journal.handles("tube.record", TubeRecord, permission="sample")
@journal.handles("box.open", BoxOpen, permission="sample")
@journal.handles("box.add", BoxAdd, permission="sample")
@journal.handles("box.seal", BoxSeal, permission="sample")
@journal.handles("rack.count", RackCount, permission="sample")
@journal.handles("site.ready", SiteStep, permission="sample")
@journal.handles("site.open", SiteStep, permission="sample")
@journal.handles("site.close", SiteStep, permission="sample")
def field_commands(batch: journal.Batch) -> list[journal.Verdict]:
    """Tubes and swabs first, then boxes, counts, sites: within a kind the order does not matter (see `rules`)."""
    counting = any(isinstance(command.payload, RackCount) for command in batch.commands)
    placed, unknown = _places(batch, alone=counting)
    good = [one for one in placed if one.place is not None]
    outcome = actions.field_report(
        entries=_entries(batch, good), received_at=batch.received_at, unknown=unknown
    )
    filled = _fill_boxes(good, batch.received_at)
    racks = actions.racks_count(
        racks=[_rack(one) for one in good if isinstance(one.command.payload, RackCount)]
    )
    for one in good:
        if isinstance(one.command.payload, SiteStep) and one.place is not None:
            actions.site_step(kind=one.command.kind, place=one.place, at=one.at)
    return [_verdict(one, outcome, filled, racks) for one in placed]


# -- where and when ------------------------------------------------------------------------------


def _station_code(batch: journal.Batch, command: journal.Command) -> str:
    """A device stands where it is enrolled, whatever its payload says; a user names the station."""
    if batch.actor.kind == "device":
        return batch.actor.station_code
    return getattr(command.payload, "station_code", None) or batch.actor.station_code


def _places(batch: journal.Batch, *, alone: bool) -> tuple[list[_Placed], bool]:
    """The commands with their places, held (`alone` by who counts there); and whether nothing is stored yet of what
    they tell of.
    """
    codes = {command.id: _station_code(batch, command) for command in batch.commands}
    by_code: dict[str, list[queries.StationBrief]] = {}
    for station in queries.stations(sorted(set(codes.values()) - {""}), hold=not alone):
        by_code.setdefault(station.code, []).append(station)
    known = _known_places(batch.commands)
    placed = [
        _place(batch, command, by_code.get(codes[command.id], []), known)
        for command in batch.commands
    ]
    held = {station.place.station_id for each in by_code.values() for station in each}
    others = [one.place for one in placed if one.place and one.place.station_id not in held]
    actions.stations_hold(
        places=[one.place for one in placed if one.place] if alone else others, alone=alone
    )
    return placed, not known


def _known_places(commands: Sequence[journal.Command]) -> Mapping[uuid.UUID, Place]:
    """Where things stand that commands speak of: a void from the console needs no station, the swab has one."""

    def named(attribute: str) -> list[uuid.UUID]:
        return sorted(
            {id for c in commands if (id := getattr(c.payload, attribute, None)) is not None}
        )

    inside = [
        swab.swab_id
        for c in commands
        if isinstance(c.payload, TubeRecord)
        for swab in c.payload.swabs
    ]
    return queries.places(
        tubes=named("tube_id") + named("to_tube_id"), swabs=named("swab_id") + inside,
        sites=named("site_id"), boxes=named("box_id"),
    )  # fmt: skip


def _areas(payload: Any, known: Mapping[uuid.UUID, Place]) -> list[str]:
    """Areas of everything a command would change: nobody reaches into another town's tubes and boxes by their ids."""
    if not known:
        return []
    ids = [getattr(payload, name, None) for name in ("tube_id", "swab_id", "to_tube_id", "box_id")]
    if isinstance(payload, TubeRecord):
        ids += [swab.swab_id for swab in payload.swabs]
    return [known[id].area for id in ids if id is not None and id in known]


def _place(
    batch: journal.Batch,
    command: journal.Command,
    stations: Sequence[queries.StationBrief],
    known: Mapping[uuid.UUID, Place],
) -> _Placed:
    payload = command.payload
    if isinstance(payload, SiteStep):
        return _site_place(batch, command, known.get(payload.site_id))
    mine = next(
        (
            known[id]
            for name in ("tube_id", "swab_id", "to_tube_id")
            if (id := getattr(payload, name, None)) is not None and id in known
        ),
        None,
    )
    opening = isinstance(payload, TubeOpen | TubeRecord)
    if stations:
        windows = [(station.window_start, station.window_end) for station in stations]
        station = stations[rules.at_round(windows, command.at)]
        place = station.place if mine is None or opening else mine
        preset_id = station.preset_id
    elif mine is not None:
        place, preset_id = mine, rounds.round_brief(mine.round_id).preset_id
    else:
        code = _station_code(batch, command)
        return _refused(command, "sampling.station_unknown", station=code[:32])
    for area in (place.area, *_areas(payload, known)):
        if not batch.actor.may("sample", area):
            return _refused(command, "access.outside_area", area=area)
    skewed = rules.skew_beyond(command.skew_ms, _skew_limit(preset_id))
    at = rules.shifted(command.at, command.skew_ms) if skewed else command.at
    return _Placed(command, place, at, skewed)


def _skew_limit(preset_id: uuid.UUID) -> timedelta | None:
    minutes = rounds.preset_by_id(preset_id).operations.clock_skew.minutes
    return None if minutes is None else timedelta(minutes=minutes)


def _site_place(batch: journal.Batch, command: journal.Command, place: Place | None) -> _Placed:
    if place is None:
        return _refused(command, "sampling.site_unknown")
    if not batch.actor.may("sample", place.area):
        return _refused(command, "access.outside_area", area=place.area)
    return _Placed(command, place, command.at)


def _refused(command: journal.Command, code: str, /, **params: object) -> _Placed:
    return _Placed(command, None, command.at, refusal=journal.parked(command, code, **params))


# -- to actions ----------------------------------------------------------------------------------


def _entries(batch: journal.Batch, placed: Sequence[_Placed]) -> list[field.Entry]:
    device = batch.actor.id if batch.actor.kind == "device" else None
    return [
        field.Entry(
            one.command.id, one.command.kind, one.at, one.place, one.command.payload, device, one.skewed,
            one.command.skew_ms if one.skewed else 0,
        )
        for one in placed
        if one.place is not None and isinstance(one.command.payload, field.FieldPayload)
    ]  # fmt: skip


def _fill_boxes(placed: Sequence[_Placed], received_at: datetime) -> boxes.BoxChanges:
    facts = [
        _box_fact(one, one.place)
        for one in placed
        if one.place is not None and isinstance(one.command.payload, _BOX)
    ]
    changes = logistics.boxes_fold(facts=facts, at=received_at)
    if facts:
        moved = [(line.box_id, line.tube_code) for line in changes.lines_changed]
        field.link_lines(box_ids=sorted({fact.box_id for fact in facts}), codes=[], moved=moved)
    return changes


def _box_fact(one: _Placed, place: Place) -> boxes.BoxFact:
    where = boxes.Where(place.round_id, place.area, place.site_code, place.station_code)
    match one.command.payload:
        case BoxOpen() as given:
            return boxes.BoxOpened(given.box_id, one.at, where, given.code.strip())
        case BoxAdd() as given:
            codes = tuple(code.strip() for code in given.tube_codes)
            return boxes.BoxFilled(given.box_id, one.at, where, codes)
        case given:
            return boxes.BoxSealed(given.box_id, one.at, where, given.seal_no.strip(), given.count)


def _rack(one: _Placed) -> actions.Rack:
    given = one.command.payload
    if one.place is None:
        raise AssertionError("a rack is counted at a place")
    return actions.Rack(given.count_id, one.place, one.at, given.tubes, given.by)


# -- answers -------------------------------------------------------------------------------------


def _verdict(
    one: _Placed,
    outcome: field.Outcome,
    filled: boxes.BoxChanges,
    racks: Mapping[uuid.UUID, int],
) -> journal.Verdict:
    """Applied, with the flags the device should show."""
    if one.refusal is not None or one.place is None:
        return one.refusal or journal.parked(one.command, "sampling.station_unknown", station="")
    answer: dict[str, object] = {}
    payload = one.command.payload
    box_id: uuid.UUID | None = getattr(payload, "box_id", None)
    if box_id is not None and (box := filled.boxes.get(box_id)) is not None:
        answer = {"flags": list(box.flags)}
    elif isinstance(payload, RackCount):
        answer = {"system": racks.get(payload.count_id, payload.tubes)}
    elif not isinstance(payload, SiteStep):
        answer = _field_answer(payload, outcome)
    if one.skewed:
        answer["clock_skew"] = True
    return journal.applied(
        one.command, area=one.place.area, **{k: v for k, v in answer.items() if v}
    )


def _field_answer(payload: msgspec.Struct, outcome: field.Outcome) -> dict[str, object]:
    swab = outcome.changes.swabs.get(getattr(payload, "swab_id", None))  # type: ignore[arg-type]
    tube_id = getattr(payload, "tube_id", None) or (swab.tube_id if swab else None)
    tube = outcome.changes.tubes.get(tube_id) if tube_id else None
    answer: dict[str, object] = {}
    if tube is not None:
        answer |= {"tube": list(tube.flags), "people": tube.people}
    if swab is not None:
        answer["flags"] = list(swab.flags)
    elif isinstance(payload, TubeRecord):
        marked = {
            str(one.swab_id): list(flags)
            for one in payload.swabs
            if (flags := outcome.changes.swabs[one.swab_id].flags)
        }
        answer["swabs"] = dict(sorted(marked.items())[:_FLAGS_ANSWERED])
    return answer


# -- codes ---------------------------------------------------------------------------------------


@journal.handles("codes.revoke", CodesRevoke, permission="maintain", decision=True)
@journal.handles("code.revoke", CodeRevoke, permission="maintain", decision=True)
@journal.handles("key.revoke", KeyRevoke, permission="administer", decision=True)
@journal.handles("revocation.lift", RevocationLift, permission="maintain", decision=True)
def codes_no_longer_good(batch: journal.Batch) -> list[journal.Verdict]:
    """Rare decisions, one by one."""
    return [
        journal.applied(command, area=_revoke(batch.actor, command.payload, batch.received_at))
        for command in batch.commands
    ]


def _revoke(actor: Actor, given: Any, at: datetime) -> str:
    told: dict[str, Any] = {
        "actor": actor, "id": given.revocation_id, "reason": given.reason.strip(), "at": at,
    }  # fmt: skip
    match given:
        case CodesRevoke():
            return revoking.revoke_person(**told, person_id=given.person_id)
        case CodeRevoke():
            return revoking.revoke_code(**told, token=given.token)
        case KeyRevoke():
            return revoking.revoke_key(**told, key_id=given.key_id)
    return revoking.lift(**told)


# -- system --------------------------------------------------------------------------------------


class SitesMobilise(msgspec.Struct, frozen=True):
    round_id: uuid.UUID


class TubesTravel(msgspec.Struct, frozen=True):
    box_ids: list[uuid.UUID]


class WasteGone(msgspec.Struct, frozen=True):
    round_id: uuid.UUID
    site_codes: list[str]


@journal.handles("sites.mobilise", SitesMobilise, permission="system", decision=True)
@journal.handles("tubes.travel", TubesTravel, permission="system", decision=True)
@journal.handles("site.waste_gone", WasteGone, permission="system", decision=True)
def news_from_below(batch: journal.Batch) -> list[journal.Verdict]:
    """What this room does when something happens in the rooms below (see `subscribers`)."""
    for command in batch.commands:
        match command.payload:
            case SitesMobilise() as given:
                actions.sites_mobilise(round_id=given.round_id, at=command.at)
            case TubesTravel() as given:
                actions.tubes_travel(box_ids=given.box_ids)
            case WasteGone() as given:
                actions.waste_gone(
                    round_id=given.round_id, site_codes=given.site_codes, at=command.at
                )
    return [journal.applied(command, area="") for command in batch.commands]
