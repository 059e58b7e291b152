"""Writes of this room, inside the caller's transaction and with sight of everywhere; set-based."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from yingjian.access import clocks, outbox
from yingjian.campaigns import actions as campaigns
from yingjian.campaigns import queries as rounds
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived
from yingjian.logistics import actions as logistics

from . import field, queries, store
from .events import SiteClosed
from .states import Place
from .values import LOST, RANK, TUBE_LINE, TubeRecord

RUNNING: Final = frozenset({"mobilising", "sampling", "testing", "reconciling"})


def field_report(
    *, entries: Sequence[field.Entry], received_at: datetime, unknown: bool = False
) -> field.Outcome:
    """Store what the field reports of tubes and swabs, `unknown` when none of them is stored. A fixed number of queries
    for any number of entries.
    """
    return field.apply(entries, received_at=received_at, unknown=unknown)


def tubes_record(
    *,
    command_id: uuid.UUID,
    place: Place,
    tubes: Sequence[TubeRecord],
    at: datetime,
    received_at: datetime,
) -> field.Outcome:
    """Record whole tubes for a higher room (recheck swabs at home): the same path as the field's own commands."""
    entries = [field.Entry(command_id, "tube.record", at, place, tube) for tube in tubes]
    return field.apply(entries, received_at=received_at)


def tubes_advance(*, tube_ids: Sequence[uuid.UUID], to: str, at: datetime) -> list[uuid.UUID]:
    """Bring tubes forward to a state; one that is further stays (see `values.TUBE_LINE`). Returns those changed.

    A tube that is lost (broken, rejected, voided) makes its people due again; one found to give a result after all
    counts again. One statement, a few more when tubes were lost or came back.
    """
    if not tube_ids:
        return []
    changed = store.tubes_forward(tube_ids, to, TUBE_LINE[: RANK[to]])
    turned = [id for id, before in changed if (before in LOST) != (to in LOST)]
    if turned:
        # Held, then read: another station may be writing a swab of the same person. Usually people are held before
        # tubes; here the tubes tell whom, and in the rare crossing the server picks one side, which is tried again.
        store.due_lock(store.due_of_tubes(turned))
        due = store.due_of_tubes(turned)
        campaigns.due_sampled(at_by_due_id={id: at for id, at in due.items() if at is not None})
        campaigns.due_unsampled(due_ids=[id for id, first in due.items() if first is None], at=at)
    return [id for id, _ in changed]


def tubes_travel(*, box_ids: Sequence[uuid.UUID]) -> int:
    """The tubes of boxes that changed hands are on the way. Returns how many."""
    return store.tubes_forward_of_boxes(box_ids, "in_transit", TUBE_LINE[: RANK["in_transit"]])


# -- sites and stations --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StationOpen:
    id: uuid.UUID
    code: str


@dataclass(frozen=True, slots=True)
class SiteOpen:
    """A site of a plan with its lanes. `area` is where it stands."""

    id: uuid.UUID
    code: str
    area: str
    name: str
    stations: tuple[StationOpen, ...]
    address: str = ""
    lon: float | None = None
    lat: float | None = None
    people_planned: int = 0
    lead: str = ""
    kind: str = "fixed"
    opens_at: datetime | None = None
    closes_at: datetime | None = None


_SITES: Final = """
INSERT INTO sampling_site AS s (id, round_id, code, area, name, address, lon, lat, people_planned, lead, kind, state,
                                opens_at, closes_at)
SELECT u.id, %s, u.code, u.area, u.name, u.address, u.lon, u.lat, u.people, u.lead, u.kind, 'filed', u.opens, u.closes
  FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::float8[], %s::float8[], %s::int[],
              %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])
       AS u(id, code, area, name, address, lon, lat, people, lead, kind, opens, closes)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, address = excluded.address, lon = excluded.lon,
       lat = excluded.lat, people_planned = excluded.people_planned, lead = excluded.lead, opens_at = excluded.opens_at,
       closes_at = excluded.closes_at
 WHERE s.round_id = excluded.round_id
"""


def sites_open(*, round_id: uuid.UUID, sites: Sequence[SiteOpen], at: datetime) -> None:
    """File the sites of an approved plan with their stations; filing again changes what may change (not code or area).

    In a round that is activated already their activation clocks start. `sampling.site_code_taken` (409).
    """
    if not sites:
        return
    codes = [site.code for site in sites]
    lanes = [(station, site) for site in sites for station in site.stations]
    taken = queries.codes_taken(
        round_id, {site.code: site.id for site in sites}, {lane.code: lane.id for lane, _ in lanes}
    )
    if taken or len(set(codes)) < len(codes) or len({s.code for s, _ in lanes}) < len(lanes):
        raise RuleBroken("sampling.site_code_taken", status=409, codes=", ".join(taken[:5]))
    with connection.cursor() as cursor:
        rows = [
            (s.id, s.code, s.area, s.name, s.address, s.lon, s.lat, s.people_planned, s.lead, s.kind, s.opens_at,
             s.closes_at)
            for s in sites
        ]  # fmt: skip
        cursor.execute(_SITES, [round_id, *(list(column) for column in zip(*rows, strict=True))])
        cursor.execute(
            """INSERT INTO sampling_station (id, site_id, round_id, code, area)
               SELECT u.id, u.site, %s, u.code, u.area FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[])
                      AS u(id, site, code, area) ON CONFLICT (id) DO NOTHING""",
            [
                round_id, [lane.id for lane, _ in lanes], [site.id for _, site in lanes],
                [lane.code for lane, _ in lanes], [site.area for _, site in lanes],
            ],
        )  # fmt: skip
    if (begun := rounds.round_brief(round_id).activated_at) is not None:
        sites_mobilise(round_id=round_id, at=begun)


def sites_mobilise(*, round_id: uuid.UUID, at: datetime) -> None:
    """A round was activated: the activation clocks of its sites start (R21, R42, R85)."""
    campaigns.site_clocks(
        round_id=round_id, sites=queries.sites_not_ready(round_id), activated_at=at
    )


_STEPS: Final = {
    "site.ready": """UPDATE sampling_site SET ready_at = least(ready_at, %(at)s),
                            state = CASE state WHEN 'filed' THEN 'ready' ELSE state END WHERE id = %(id)s""",
    "site.open": """UPDATE sampling_site SET opened_at = least(opened_at, %(at)s),
                           closed_at = CASE WHEN closed_at < %(at)s THEN NULL ELSE closed_at END,
                           state = CASE WHEN closed_at >= %(at)s THEN state ELSE 'open' END WHERE id = %(id)s""",
    "site.close": """UPDATE sampling_site SET closed_at = greatest(closed_at, %(at)s), state = 'closed'
                      WHERE id = %(id)s""",
}
_STOPS: Final = {"site.ready": ("site_ready",), "site.open": ("site_ready",), "site.close": ()}
_STARTS: Final = {
    "site.ready": (),
    "site.open": ("disposer_notice",),
    "site.close": ("waste_recovery", "terminal_disinfection"),
}


def site_step(*, kind: str, place: Place, at: datetime) -> None:
    """A site became ready, opened or closed: its state, and the clocks that end or begin with it (R21, R87, R88)."""
    with connection.cursor() as cursor:
        cursor.execute(_STEPS[kind], {"at": at, "id": place.site_id})
    for code in _STOPS[kind]:
        clocks.stop(code, [place.site_id], at=at)
    for code in _STARTS[kind]:
        campaigns.start_clocks(
            round_id=place.round_id, code=code, subjects=[(place.site_id, place.site_code, place.area)], at=at
        )  # fmt: skip
    if kind == "site.close":
        event = derived(place.site_id, f"closed.{at.isoformat()}")
        outbox.publish(SiteClosed(id=event, at=at, round_id=place.round_id, site_id=place.site_id))


def waste_gone(*, round_id: uuid.UUID, site_codes: Sequence[str], at: datetime) -> None:
    """A site's waste was handed over: its recovery clock stops (R87)."""
    clocks.stop("waste_recovery", queries.site_ids(round_id, site_codes), at=at)


def stations_hold(*, places: Sequence[Place], alone: bool) -> None:
    """Hold these stations until the transaction ends; `alone`, where racks are counted. Before any other lock."""
    if places:
        store.stations_hold({place.station_id for place in places}, alone=alone)


@dataclass(frozen=True, slots=True)
class Rack:
    """A count of tubes in a rack at shift close (R65)."""

    id: uuid.UUID
    place: Place
    at: datetime
    tubes: int
    by: str


def racks_count(*, racks: Sequence[Rack]) -> dict[uuid.UUID, int]:
    """Store counts of racks against the tubes the system knows at each station at that time; a difference is owned.

    Returns the system's count by rack count.
    """
    if not racks:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO sampling_rackcount (id, round_id, station_id, area, at, tubes_counted, tubes_system, by)
               SELECT u.id, u.round, u.station, u.area, u.at, u.tubes,
                      (SELECT count(*) FROM sampling_tube t WHERE t.station_id = u.station AND t.opened_at <= u.at
                          AND t.purpose = 'screening'
                          AND (t.boxed_at IS NULL OR t.boxed_at > u.at)
                          AND (t.ended_at IS NULL OR t.ended_at > u.at)), u.by
                 FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::timestamptz[], %s::int[], %s::text[])
                      AS u(id, round, station, area, at, tubes, by)
                   ON CONFLICT (id) DO NOTHING RETURNING id, tubes_system""",
            [
                [r.id for r in racks], [r.place.round_id for r in racks], [r.place.station_id for r in racks],
                [r.place.area for r in racks], [r.at for r in racks], [r.tubes for r in racks], [r.by for r in racks],
            ],
        )  # fmt: skip
        system = dict(cursor.fetchall())
    logistics.discrepancies_open(
        found=[
            logistics.Difference(
                "rack_count", "rack_count", r.id, r.place.station_code, r.place.area, r.place.round_id,
                system[r.id], r.tubes, r.at,
            )
            for r in racks
            if r.id in system and system[r.id] != r.tubes
        ]
    )  # fmt: skip
    return system
