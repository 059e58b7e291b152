"""HTTP of this room: sites and lanes, station packs, codes to print, tubes, flagged swabs."""

from __future__ import annotations

import gzip
import uuid
from datetime import date, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from yingjian.access import invitations, journal
from yingjian.access.edges import actor_of, language, needs, refused, request_time
from yingjian.kernel.clock import now
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import uuid7
from yingjian.population import own

from . import hubs, listing, phones, queries, sheets

router = Router(tags=["sampling"])
STREAMED = 256 * 1024  # bytes of a roster: above, it is sent while it is made (some 8,000 people)
Limit = Annotated[int, Query(ge=1, le=1000)]


class SiteOut(Schema):
    id: uuid.UUID
    code: str
    name: str
    area: str
    address: str
    lon: float | None
    lat: float | None
    kind: str
    state: str
    lead: str
    people_planned: int
    opens_at: datetime | None
    closes_at: datetime | None
    ready_at: datetime | None
    opened_at: datetime | None
    closed_at: datetime | None
    due: int
    sampled: int
    tubes: int
    open_tubes: int
    flagged: int
    last_swab_at: datetime | None
    stations: list[str] | None


class SiteList(Schema):
    items: list[SiteOut]
    next: str | None
    as_of: datetime


class SitePage(SiteOut):
    round_id: uuid.UUID
    lanes: list[dict[str, Any]]
    as_of: datetime


class CodeOut(Schema):
    person_id: uuid.UUID
    household_id: uuid.UUID | None
    name: str
    id_tail: str
    area: str
    mode: str
    home: bool
    site_code: str
    slot_start: datetime | None
    state: str
    token: str


class CodeList(Schema):
    items: list[CodeOut]
    next: uuid.UUID | None
    as_of: datetime


class LaneDevice(Schema):
    id: uuid.UUID
    name: str
    role: str
    enrolled_at: datetime
    revoked_at: datetime | None
    last_seq: int | None
    last_seen_at: datetime | None
    beat_at: datetime | None
    waiting: int | None
    stuck: int | None
    restored_at: datetime | None


class LaneInvitation(Schema):
    id: uuid.UUID
    role: str
    issued_at: datetime
    expires_at: datetime
    issued_by: str
    state: str


class LaneOut(Schema):
    site_id: uuid.UUID
    site_code: str
    site_name: str
    site_state: str
    station_code: str
    area: str
    state: str
    devices: list[LaneDevice]
    invitations: list[LaneInvitation]


class LaneList(Schema):
    items: list[LaneOut]
    as_of: datetime


class HubList(Schema):
    items: list[hubs.Hub]
    invitations: list[hubs.HubInvitation]
    areas: list[hubs.Area]
    as_of: datetime


class RangeOut(Schema):
    id: uuid.UUID
    station_code: str
    site_name: str
    area: str
    first: str
    last: str
    given_at: datetime
    given_by: str
    withdrawn_at: datetime | None
    withdrawn_reason: str


class RangeList(Schema):
    items: list[RangeOut]
    as_of: datetime


class PrintOut(Schema):
    id: uuid.UUID
    kind: str
    area: str
    site_code: str
    site_name: str
    station_code: str
    first: int
    last: int
    labels: int
    again: bool
    reason: str
    printed_at: datetime
    printed_by: str


class PrintList(Schema):
    items: list[PrintOut]
    as_of: datetime


class Rows(Schema):
    items: list[dict[str, Any]]
    next: None = None
    as_of: datetime


class MatterOut(Schema):
    key: str
    cursor: str
    kind: str
    sign: str
    source: str
    title: str
    says: str
    do: str
    area: str
    at: datetime
    captured_at: datetime | None
    command: str
    actor_kind: str
    sender: str
    station_code: str
    site_name: str
    tube_code: str
    person: str
    person_id: uuid.UUID | None
    round_id: uuid.UUID | None
    skew_ms: int
    decision: str | None
    reason: str | None
    decided_at: datetime | None
    decided_by: str


class MatterList(Schema):
    items: list[MatterOut]
    next: str | None
    as_of: datetime


class MatterAsked(Schema):
    kind: str = ""
    state: str = "open"
    area: str = ""
    q: str = ""


class MatterCount(Schema):
    kind: str
    open: int
    decided: int


class MatterCounts(Schema):
    items: list[MatterCount]
    as_of: datetime


class MatterLine(Schema):
    label: str
    value: str
    masked: bool


class MatterBeside(Schema):
    tube_code: str
    person: str
    person_id: uuid.UUID | None
    at: datetime | None
    site_name: str
    station_code: str
    state: str
    flags: list[str]
    people: int | None
    here: bool


class MatterOption(Schema):
    decision: str
    title: str
    effect: str


class MatterPage(MatterOut):
    sent: list[MatterLine]
    beside: list[MatterBeside]
    options: list[MatterOption]
    outcome: list[MatterLine]
    revealed: bool
    retried_as: uuid.UUID | None


class MatterReveal(Schema):
    reason: str


@router.get("/rounds/{uuid:round_id}/sites", auth=needs("see_round"), response=SiteList)
def site_list(
    request: HttpRequest, round_id: uuid.UUID, *, after: str = "", limit: Limit = queries.PAGE
) -> SiteList:
    """Sites of a round in the asker's sight, by code, with counts of people and tubes."""
    rows = queries.sites_for(actor_of(request), round_id, after=after, limit=limit)
    following = rows[-1]["code"] if len(rows) == limit else None
    items = [SiteOut(**row) for row in rows]
    return SiteList(items=items, next=following, as_of=request_time(request))


@router.get("/rounds/{uuid:round_id}/devices", auth=needs("invite_device"), response=LaneList)
def lane_devices(
    request: HttpRequest, round_id: uuid.UUID, *, site: Annotated[str, Query(max_length=32)] = ""
) -> Any:
    """Lanes of a round with their phones: none, invited, enrolled; when each was last heard of."""
    at = request_time(request)
    return {"items": phones.lanes_for(actor_of(request), round_id, at=at, site=site), "as_of": at}


@router.get("/hubs", auth=needs("invite_device"), response=HubList)
def hub_list(request: HttpRequest) -> HubList:
    """Hubs at sites, invitations for them, and the areas the asker may invite one for."""
    at = request_time(request)
    found = hubs.hubs_for(actor_of(request), at=at)
    return HubList(items=found.items, invitations=found.invitations, areas=found.areas, as_of=at)


@router.get("/rounds/{uuid:round_id}/invitations.pdf", auth=needs("invite_device"))
def enrolment_sheets(
    request: HttpRequest,
    round_id: uuid.UUID,
    *,
    site: Annotated[str, Query(max_length=32)] = "",
    station: Annotated[str, Query(max_length=32)] = "",
) -> HttpResponse:
    """A page for each lane with an open invitation, to be printed; journalled, because each page is a key."""
    data = phones.sheets(
        actor_of(request), round_id, at=request_time(request), id=uuid7(now()), language=language(request),
        link=partial(invitations.link, request.build_absolute_uri("/")), site=site, station=station,
    )  # fmt: skip
    answer = HttpResponse(data, content_type="application/pdf")
    answer["Content-Disposition"] = 'inline; filename="enrol.pdf"'
    answer["Cache-Control"] = "no-store"
    return answer


@router.get("/rounds/{uuid:round_id}/ranges", auth=needs("invite_device"), response=RangeList)
def range_list(request: HttpRequest, round_id: uuid.UUID) -> Any:
    """Ranges of tube codes given out to the lanes of a round."""
    return {"items": sheets.ranges_for(actor_of(request), round_id), "as_of": request_time(request)}


@router.get("/rounds/{uuid:round_id}/prints", auth=needs("invite_device"), response=PrintList)
def print_list(request: HttpRequest, round_id: uuid.UUID, *, limit: Limit = 200) -> Any:
    """The log of label prints and reprints: who, when, which, why again."""
    found = sheets.prints_for(actor_of(request), round_id, limit=limit)
    return {"items": found, "as_of": request_time(request)}


@router.get("/prints/{uuid:print_id}/labels.pdf", auth=needs("invite_device"))
def print_file(request: HttpRequest, print_id: uuid.UUID) -> HttpResponse:
    """The labels of a print that was written down (`labels.print`); each fetch is journalled."""
    data = sheets.sheet(
        actor_of(request),
        print_id,
        language=language(request),
        at=request_time(request),
        id=uuid7(now()),
    )
    answer = HttpResponse(data, content_type="application/pdf")
    answer["Content-Disposition"] = 'inline; filename="labels.pdf"'
    return answer


@router.get("/sites/{uuid:site_id}", auth=needs("see_round"), response=SitePage)
def site_page(request: HttpRequest, site_id: uuid.UUID) -> SitePage:
    """One site with its lanes and their tubes by state."""
    found = queries.site_for(actor_of(request), site_id)
    return SitePage(**found, as_of=request_time(request))


@router.get("/stations/{code}/pack", auth=needs("sample"))
def station_pack(request: HttpRequest, code: str) -> HttpResponse:
    """What a station needs for a day without a network: rules, keys, codes. `own`: the asking device's station."""
    at = request_time(request)
    pack = queries.pack_for(actor_of(request), code, at=at)
    tag = queries.tag_of(pack)
    body = msgspec.json.encode({**pack, "as_of": at})
    return _tagged(request, tag, body, "application/json")


@router.get("/stations/{code}/roster", auth=needs("sample"))
def station_roster(
    request: HttpRequest, code: str, *, have: Annotated[str, Query(max_length=2048)] = ""
) -> HttpResponseBase:
    """The station's people as keyed hashes with their marks (binary, see `packing`); `have` asks for what differs."""
    given = queries.roster_for(actor_of(request), code, have=have, at=request_time(request))
    if given.size < STREAMED or request.headers.get("If-None-Match") == given.tag:
        answer = _tagged(request, given.tag, given.body, "application/octet-stream")
        if given.slight and answer.content and "gzip" in request.headers.get("Accept-Encoding", ""):
            answer.content = gzip.compress(answer.content, 1)
            answer["Content-Encoding"], answer["Vary"] = "gzip", "Accept-Encoding"
        return answer
    # A site of a city: its documents are opened while the first of them are on their way.
    flowing = StreamingHttpResponse(given.parts, content_type="application/octet-stream")
    flowing["ETag"], flowing["Cache-Control"] = given.tag, "private, no-cache"
    flowing["Content-Length"] = str(given.size)
    return flowing


class Door(Schema):
    key: str
    name: str
    address: str
    area: str
    single: bool
    done: bool


class DoorList(Schema):
    items: list[Door]
    next: None = None
    as_of: datetime


@router.get("/stations/{code}/doors", auth=needs("sample"), response=DoorList)
def station_doors(request: HttpRequest, code: str) -> DoorList:
    """Whom a station's home-visit team visits, with addresses; who was given the list is journalled."""
    actor, at = actor_of(request), request_time(request)
    doors = queries.doors_for(actor, code, at=at)
    told = {"station": code[:32], "doors": len(doors)}
    journal.record("doors.give", told, actor=actor, id=uuid7(now()), at=at)
    return DoorList(items=[Door(**door) for door in doors], as_of=at)


def _tagged(request: HttpRequest, tag: str, body: bytes, kind: str) -> HttpResponse:
    """Nothing but the tag, where the asker has this state already."""
    if request.headers.get("If-None-Match") == tag:
        answer = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
    else:
        answer = HttpResponse(body, content_type=kind)
    answer["ETag"], answer["Cache-Control"] = tag, "private, no-cache"
    return answer


@router.get("/rounds/{uuid:round_id}/codes", auth=needs("see_persons"), response=CodeList)
def code_list(
    request: HttpRequest,
    round_id: uuid.UUID,
    *,
    site: Annotated[str, Query(min_length=1, max_length=32)],
    after: uuid.UUID | None = None,
    limit: Limit = 1000,
) -> HttpResponse:
    """Signed codes of the people called to a site, for printing; who fetched them is journalled.

    A county fetches 300,000 of them before a round, so rows go out as they are read.
    """
    actor, at = actor_of(request), request_time(request)
    day = timezone.localtime(at).date()
    rows = queries.codes_for(actor, round_id, site=site, day=day, after=after, limit=limit)
    told = {"round_id": str(round_id), "site": site, "codes": len(rows)}
    journal.record("codes.issue", told, actor=actor, id=uuid7(now()), at=at)
    following = rows[-1]["person_id"] if len(rows) == limit else None
    body = msgspec.json.encode({"items": rows, "next": following, "as_of": at})
    return HttpResponse(body, content_type="application/json")


class OwnCodesAsked(Schema):
    """Who asks: the number on the document, and the phone given when registering."""

    id_number: Annotated[str, Field(max_length=64)]
    phone: Annotated[str, Field(max_length=32)]
    id_type: Annotated[str, Field(max_length=16)] = "resident_id"


class OwnCodePerson(Schema):
    name: str
    id_tail: str


class OwnCode(Schema):
    """A code to be kept on the phone. `struck`: revoked, another can be had from tomorrow."""

    token: str
    people: list[OwnCodePerson]
    issued: date
    struck: bool


class OwnCodes(Schema):
    items: list[OwnCode]
    as_of: datetime


@router.post("/codes/own", auth=None, response=OwnCodes)
def own_codes(request: HttpRequest, asked: OwnCodesAsked) -> Any:
    """A resident's own code and the family's, by ID number and phone; the phone keeps them and shows them offline."""
    at, address = request_time(request), str(request.META.get("REMOTE_ADDR", ""))
    try:
        person = own.resident(asked.id_type, asked.id_number, asked.phone, address, at=at)
    except RuleBroken as refusal:
        return refused(request, refusal)
    return {"items": queries.own_codes(person, at=at), "as_of": at}


class RevocationOut(Schema):
    """A code, a person's codes or a key that is no longer good. `mark` is what phones know it by: it names nobody."""

    id: uuid.UUID
    kind: str
    mark: str
    person_id: uuid.UUID | None
    name: str
    id_tail: str
    until: date | None
    area: str
    area_name: str
    at: datetime
    by: str
    reason: str
    lifted_at: datetime | None
    lifted_by: str
    lifted_reason: str


class RevocationList(Schema):
    items: list[RevocationOut]
    next: uuid.UUID | None
    keys: list[str]
    as_of: datetime


@router.get("/codes/revoked", auth=needs("maintain"), response=RevocationList)
def revocation_list(
    request: HttpRequest, *, after: uuid.UUID | None = None, limit: Limit = queries.PAGE
) -> RevocationList:
    """Codes and keys no longer good, the newest first, also those restored; and the keys codes are signed with."""
    rows = queries.revocations_for(actor_of(request), after=after, limit=limit)
    following = rows[-1]["id"] if len(rows) == limit else None
    items = [RevocationOut(**row) for row in rows]
    keys = queries.signing_keys()
    return RevocationList(items=items, next=following, keys=keys, as_of=request_time(request))


@router.get("/tubes/{code}", auth=needs("see_round"), response=Rows)
def tube_page(request: HttpRequest, code: str) -> Rows:
    """Every binding of a printed tube code in the asker's sight, with its swabs (masked) and its way."""
    found = queries.tubes_by_code_for(actor_of(request), code)
    return Rows(items=found, as_of=request_time(request))


@router.get("/rounds/{uuid:round_id}/flagged", auth=needs("see_persons"), response=Rows)
def flagged_list(
    request: HttpRequest, round_id: uuid.UUID, *, flag: str | None = None, limit: Limit = 200
) -> Rows:
    """Swabs with flags: the information maintainer's work list."""
    found = queries.flagged_for(actor_of(request), round_id, flag=flag, limit=limit)
    return Rows(items=found, as_of=request_time(request))


@router.get("/matters", auth=needs("maintain"), response=MatterList)
def matter_list(
    request: HttpRequest, *, asked: Query[MatterAsked], after: str = "", limit: Limit = 100
) -> MatterList:
    """What waits for the information maintainer: parked commands, and facts stored with a flag to be judged."""
    rows = queries.matters_for(
        actor_of(request), queries.Asked(**asked.dict()), language=language(request), after=after, limit=limit,
    )  # fmt: skip
    following = rows[-1]["cursor"] if len(rows) == limit else None
    items = [MatterOut(**row) for row in rows]
    return MatterList(items=items, next=following, as_of=request_time(request))


@router.get("/matters/counts", auth=needs("maintain"), response=MatterCounts)
def matter_counts(request: HttpRequest, *, area: str = "") -> MatterCounts:
    """How many matters of each kind are open and decided."""
    found = queries.counts_for(actor_of(request), area=area)
    items = [MatterCount(kind=kind, **counts) for kind, counts in found.items()]
    return MatterCounts(items=items, as_of=request_time(request))


@router.get("/matters.xlsx", auth=needs("maintain"))
def matter_export(request: HttpRequest, *, asked: Query[MatterAsked]) -> HttpResponse:
    """The same list as an Excel file; journalled as `export.make`."""
    data = listing.workbook(
        actor_of(request), queries.Asked(**asked.dict()), language=language(request), at=request_time(request),
        id=uuid7(now()),
    )  # fmt: skip
    answer = HttpResponse(data, content_type=listing.CONTENT_TYPE)
    answer["Content-Disposition"] = 'attachment; filename="matters.xlsx"'
    return answer


@router.get("/matters/{key}", auth=needs("maintain"), response=MatterPage)
def matter_page(request: HttpRequest, key: str) -> dict[str, Any]:
    """One matter: who, where, when, what was sent (masked), what may be decided, what a decision has brought."""
    return queries.matter_for(actor_of(request), key, language=language(request))


@router.post("/matters/{key}/reveal", auth=needs("maintain"), response=MatterPage)
def matter_reveal(request: HttpRequest, key: str, given: MatterReveal) -> dict[str, Any]:
    """The same with personal data in full; who looked, and why, is journalled."""
    return queries.matter_revealed_for(
        actor_of(request), key, reason=given.reason, language=language(request), at=request_time(request),
        id=uuid7(now()),
    )  # fmt: skip
