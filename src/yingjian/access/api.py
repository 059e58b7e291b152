"""HTTP of this room: sign-in, sync, commands, devices, clocks, parked commands, journal."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import msgspec
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from ninja import Router, Schema

from yingjian.kernel.clock import now
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import uuid7

from . import accounts, actions, clocks, hubs, invitations, journal, parked, queries, scope, sync
from .actor import NOBODY, Actor
from .edges import actor_of, error_body, language, needs, request_time, user_actor
from .rules import HUB

router = Router(tags=["access"])


class SignIn(Schema):
    username: str
    password: str


class HoldOut(Schema):
    role: str
    area: str


class Me(Schema):
    id: uuid.UUID | None
    name: str
    language: str
    roles: list[HoldOut]
    areas: list[str]
    permissions: list[str]
    csrf: str


class NewUser(Schema):
    user_id: uuid.UUID
    username: str
    full_name: str
    area: str
    password: str
    roles: list[HoldOut]


class UserOut(Schema):
    user_id: uuid.UUID


class Enrol(Schema):
    token: str
    device_id: uuid.UUID
    name: str


class Enrolled(Schema):
    device_id: uuid.UUID
    secret: str


class HubKey(Schema):
    device_id: uuid.UUID
    key: str


class HubKeys(Schema):
    """The phones of a hub's area, each with what the two know each other by."""

    area: str
    devices: list[HubKey]
    as_of: datetime


class ClockList(Schema):
    items: list[queries.ClockRow]
    as_of: datetime


class DeviceOut(Schema):
    id: uuid.UUID
    name: str
    station_code: str
    area: str
    role: str
    enrolled_at: datetime
    revoked_at: datetime | None
    last_seq: int | None
    last_seen_at: datetime | None
    beat_at: datetime | None
    waiting: int | None
    stuck: int | None
    restored_at: datetime | None


class DeviceList(Schema):
    items: list[DeviceOut]
    as_of: datetime


class Swept(Schema):
    breached: int
    as_of: datetime


class Rows(Schema):
    items: list[dict[str, Any]]
    next: int | None
    as_of: datetime


class LoadKind(Schema):
    """A kind of request: up to how many busy places it is still let in, how many were turned away, whether now."""

    kind: str
    ceiling: int
    refused: int
    given_up: bool


class Load(Schema):
    """How full the web process is that answers, and what it gives up first under load, in order; the field is last."""

    places: int
    busy: int
    waiting: int
    kinds: list[LoadKind]


class Status(Schema):
    jobs_waiting: int
    time: datetime
    load: Load | None


def _me(request: HttpRequest, actor: Actor) -> Me:
    return Me(
        id=actor.id if actor.kind != "nobody" else None,
        name=actor.name,
        language=actor.language,
        roles=[HoldOut(role=hold.role, area=hold.area) for hold in actor.holds],
        areas=list(actor.areas),
        permissions=sorted(actor.permissions),
        csrf=get_token(request),
    )


@router.get("/session", auth=None, response=Me)
def who_am_i(request: HttpRequest) -> Me:
    """Who is signed in (an empty id: nobody), and the CSRF token for writes."""
    return _me(request, actor_of(request))


@router.post("/session", auth=None, response=Me)
def sign_in(request: HttpRequest, given: SignIn) -> Me | HttpResponse:
    at = request_time(request)
    if queries.locked_out(given.username, at):
        raise RuleBroken("access.locked_out", status=429)
    user = queries.user_by_password(given.username, given.password)
    if user is None:
        return _refuse_sign_in(request, given.username, at)
    actor = user_actor_everywhere(user)
    with scope.everywhere():
        login(request, user)
    journal.record("session.start", {}, actor=actor, id=uuid7(now()), at=at)
    return _me(request, actor)


def user_actor_everywhere(user: Any) -> Actor:
    """The actor of a user who has just signed in: their grants are read before any sight is set."""
    with scope.everywhere():
        return user_actor(user)


def _refuse_sign_in(request: HttpRequest, username: str, at: datetime) -> HttpResponse:
    """A refused sign-in is journalled too, so its transaction is kept although the answer is 401."""
    nobody = Actor("user", queries.failures_id(username), "")
    journal.record("session.refuse", {}, actor=nobody, id=uuid7(now()), at=at)
    error = RuleBroken("access.sign_in_refused", status=401)
    response = HttpResponse(
        msgspec.json.encode(error_body(request, error)), status=401, content_type="application/json"
    )
    response.keep = True  # type: ignore[attr-defined]
    return response


@router.delete("/session", auth=needs(None), response=Me)
def sign_out(request: HttpRequest) -> Me:
    logout(request)
    return _me(request, NOBODY)


@router.post("/users", auth=needs("administer"), response=UserOut)
def add_user(request: HttpRequest, given: NewUser) -> UserOut:
    """A user with roles in one step; the password is hashed here and never enters the journal."""
    accounts.add(
        actor=actor_of(request), at=request_time(request), user_id=given.user_id, username=given.username,
        full_name=given.full_name, area=given.area, password=given.password,
        roles=[(role.role, role.area) for role in given.roles],
    )  # fmt: skip
    return UserOut(user_id=given.user_id)


@router.post("/sync", auth=needs(None))
def take_sync(request: HttpRequest) -> HttpResponse:
    """Devices: any number of commands, each stored once, each with a verdict. Nothing good waits for something bad."""
    return _take(request, park=True)


@router.post("/commands", auth=needs(None))
def take_commands(request: HttpRequest) -> HttpResponse:
    """Users: the same, but a refused decision is told as an error and leaves nothing behind."""
    return _take(request, park=False)


def _take(request: HttpRequest, *, park: bool) -> HttpResponse:
    actor, at = actor_of(request), request_time(request)
    commands, beat = sync.decode(request.body, actor=actor, received_at=at)
    verdicts = journal.submit(actor=actor, received_at=at, commands=commands, park=park)
    seq = parked.heard(actor, commands, at=at) if actor.kind == "device" else None
    if beat is not None and actor.kind == "device":
        actions.device_beat(device_id=actor.id, beat=beat, at=at)
    body = sync.encode(verdicts, language=language(request), at=at, seq=seq)
    return HttpResponse(body, content_type="application/json")


@router.post("/devices/enrol", auth=None, response=Enrolled)
def enrol(request: HttpRequest, given: Enrol) -> Enrolled:
    """Trade a one-time invitation for a device secret. Asking again with the same device id hears the same secret."""
    at = request_time(request)
    with scope.everywhere():
        secret = actions.device_enrol(
            at=at, token=given.token, device_id=given.device_id, name=given.name
        )
    actor = Actor("device", given.device_id, given.name)
    journal.record("device.enrol", {}, actor=actor, id=uuid7(now()), at=at)
    return Enrolled(device_id=given.device_id, secret=secret)


@router.get("/hub/keys", auth=needs("forward"), response=HubKeys)
def hub_keys(request: HttpRequest) -> Any:
    """For a hub: the devices of its area, and by what it and each of them know each other (decision 18)."""
    hub = hubs.hub_of(actor_of(request))
    return {"area": hub.home_area, "devices": hubs.keys_for(hub), "as_of": request_time(request)}


@router.post("/hub/forward", auth=needs("forward"))
def hub_forward(request: HttpRequest) -> HttpResponse:
    """For a hub: what phones sealed and it kept, in order; each is answered sealed for its phone, or with a code."""
    hub, at = hubs.hub_of(actor_of(request)), request_time(request)
    answers = hubs.forward(hub, request.body, at=at)
    told = msgspec.json.encode({"answers": answers, "server_time": at})
    return HttpResponse(told, content_type="application/json")


@router.get("/devices", auth=needs("invite_device"), response=DeviceList)
def devices(request: HttpRequest) -> Any:
    """Every enrolled device in sight, and when it was last heard of."""
    return {"items": queries.devices_for(actor_of(request)), "as_of": request_time(request)}


@router.get("/devices/invitations/{token_id}", auth=needs("invite_device"), response=dict[str, str])
def invitation(request: HttpRequest, token_id: uuid.UUID) -> dict[str, str]:
    """The token to show, for an invitation in the actor's sight that can still be taken up; with the link a phone opens
    (`link`), or the line to type at the laptop that becomes a hub (`line`).
    """
    token, text, role = _invitation(request, token_id)
    return {"token": token, "line" if role == HUB else "link": text}


@router.get("/devices/invitations/{token_id}/qr.svg", auth=needs("invite_device"))
def invitation_code(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """The same as a picture to hold a phone against. It is a key: no cache keeps it."""
    answer = HttpResponse(
        invitations.picture(_invitation(request, token_id)[1]), content_type="image/svg+xml"
    )
    answer["Cache-Control"] = "no-store"
    return answer


def _invitation(request: HttpRequest, id: uuid.UUID) -> tuple[str, str, str]:
    """Its token, what its QR says, and the role it is for."""
    found = queries.invitation_open(actor_of(request), id, at=request_time(request))
    token, home = actions.invitation_token(id), request.build_absolute_uri("/")
    text = invitations.taken_up(home, token, role=found.role, station_code=found.station_code)
    return token, text, found.role


@router.get("/clocks", auth=needs("see_round"), response=ClockList)
def list_clocks(
    request: HttpRequest, round: uuid.UUID | None = None, state: str | None = None, limit: int = 200
) -> Any:
    at = request_time(request)
    if state not in {None, "running", "late", "met", "breached"}:
        raise RuleBroken("access.state_unknown", state=str(state)[:16])
    rows = queries.clocks_for(
        actor_of(request), at=at, round_id=round, state=state, limit=min(max(limit, 1), 1000)
    )
    return {"items": rows, "as_of": at}


@router.post("/clocks/sweep", auth=needs("maintain"), response=Swept)
def sweep_clocks(request: HttpRequest) -> Swept:
    """Mark late clocks now (a job does so every minute; a drill does so at its own time)."""
    at = request_time(request)
    with scope.everywhere():
        return Swept(breached=len(clocks.sweep(at=at)), as_of=at)


@router.get("/parked", auth=needs("maintain"), response=Rows)
def parked_list(request: HttpRequest, after: int = 0, limit: int = 200) -> Rows:
    rows = queries.parked_for(
        actor_of(request), after=max(after, 0), limit=min(max(limit, 1), 1000)
    )
    return Rows(items=rows, next=rows[-1]["seq"] if rows else None, as_of=request_time(request))


@router.get("/journal", auth=needs("audit"), response=Rows)
def read_journal(request: HttpRequest, after: int = 0, limit: int = 200) -> Rows:
    rows = queries.journal_for(
        actor_of(request), after=max(after, 0), limit=min(max(limit, 1), 1000)
    )
    return Rows(items=rows, next=rows[-1]["seq"] if rows else None, as_of=request_time(request))


@router.get("/status", auth=needs(None), response=Status)
def status(request: HttpRequest) -> Status:
    """How much news is still on its way to other rooms (the drill waits for zero), and what is given up under load."""
    told = getattr(request, "load", None)  # the gate's, where one stands in front
    load = None if told is None else Load(**told())
    return Status(jobs_waiting=queries.jobs_waiting(), time=request_time(request), load=load)
