"""The edge of the house: who is asking, what they may see, at what time, and how a refusal is told.

`ActorMiddleware` finds the actor and runs the request in one transaction with the actor's sight;
an answer of 400 or more rolls it back. `needs("permission")` is the auth of a route.
`install(api)` maps every error to one JSON shape.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Any, cast

import msgspec
from django.conf import settings
from django.contrib.auth import get_user
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DataError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import get_language_from_request
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.utils import check_csrf

from yingjian.kernel.clock import now
from yingjian.kernel.errors import RuleBroken, sentence

from . import prepared, scope, vault
from .actor import NOBODY, Actor, Hold
from .models import User

log = logging.getLogger("yingjian.edges")
DEVICE_SCHEME = "Device "
DRILL_TIME = "X-Yingjian-At"
SYNC = "/api/sync"


class Asking(HttpRequest):
    """A request after the middleware (for types only)."""

    actor: Actor


def request_time(request: HttpRequest) -> datetime:
    """The wall clock; or, on a drill server only, the time the drill says it is."""
    if settings.YINGJIAN_DRILL and (told := request.headers.get(DRILL_TIME)):
        try:
            at = datetime.fromisoformat(told)
        except ValueError:
            raise RuleBroken("access.time_malformed", status=400) from None
        if at.tzinfo is None:
            raise RuleBroken("access.time_malformed", status=400)
        return at
    return now()


def page(
    request: HttpRequest, rows: Sequence[Mapping[str, Any]], limit: int, *, key: str = "id", **more: Any
) -> dict[str, Any]:  # fmt: skip
    """A page of a list: its rows, the `key` of the last where more may follow (as many came as asked for), when."""
    following = rows[-1][key] if len(rows) == limit else None
    return {"items": rows, "next": following, **more, "as_of": request_time(request)}


def actor_of(request: HttpRequest) -> Actor:
    return cast(Asking, request).actor


def user_actor(user: User) -> Actor:
    """The actor a signed-in user is."""
    holds = tuple(Hold(role, area) for role, area in user.grants.values_list("role", "area"))
    return Actor("user", user.id, user.name, holds, language=user.language)


_DEVICE = """SELECT name, role, area, station_code FROM access_device
 WHERE id = %s::uuid AND secret_hash = %s::bytea AND revoked_at IS NULL"""


def _device_actor(credentials: str) -> Actor:
    id_text, _, secret = credentials.partition(":")
    try:
        id = uuid.UUID(id_text)
    except ValueError:
        return NOBODY
    with prepared.cursor() as cursor:
        cursor.execute(_DEVICE, [id, vault.secret_hash(secret)])
        row = cursor.fetchone()
    if row is None:
        return NOBODY
    name, role, area, station_code = row
    return Actor("device", id, name, (Hold(role, area),), station_code)


def _find_actor(request: HttpRequest) -> Actor:
    credentials = request.headers.get("Authorization", "")
    if credentials.startswith(DEVICE_SCHEME):
        return _device_actor(credentials.removeprefix(DEVICE_SCHEME))
    user = get_user(request)
    return user_actor(user) if isinstance(user, User) and user.is_active else NOBODY


class ActorMiddleware:
    """One transaction, one sight, one actor for each API request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/api/"):
            return self.get_response(request)
        try:
            with _sight(request):
                response = _in_shape(request, self.get_response(request))
                if response.status_code >= HTTPStatus.BAD_REQUEST and not getattr(
                    response, "keep", False
                ):
                    raise _Undo(response)
                return response
        except _Undo as undone:
            return undone.response
        except OperationalError:
            log.exception("database_unavailable")
            return _answer(request, RuleBroken("access.database_unavailable", status=503))


@contextmanager
def _sight(request: HttpRequest) -> Iterator[None]:
    """The transaction of a request, with its actor and what the actor may see."""
    asking = cast(Asking, request)
    if (
        "Authorization" not in request.headers
        and settings.SESSION_COOKIE_NAME not in request.COOKIES
    ):
        asking.actor = NOBODY  # a resident: who brings nothing to be known by is not looked for
        with scope.nowhere():
            yield
        return
    sync = request.path == SYNC
    with scope.everywhere(keep_plans=sync):
        actor = asking.actor = _find_actor(request)
        # What a device reports is applied with sight of everywhere; it reads nothing by that route.
        if actor.kind != "device" or not sync:
            scope.becoming(actor)
        yield


def _in_shape(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The one shape also for what the framework refuses before any route is reached (404, 405)."""
    told = response.get("Content-Type", "").startswith("application/json")
    if response.status_code < HTTPStatus.BAD_REQUEST or told:
        return response
    missing = response.status_code == HTTPStatus.NOT_FOUND
    code = "access.not_found" if missing else "access.refused"
    return _answer(request, RuleBroken(code, status=response.status_code))


class _Undo(Exception):  # noqa: N818 - a way out of the transaction, not an error
    """Leaves the request's transaction by rolling it back; the answer is sent all the same."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


class Needs:
    """Auth of a route: signed in (or an enrolled device) with a permission; `None` asks for the sign-in only."""

    def __init__(self, permission: str | None) -> None:
        self.permission = permission

    def __call__(self, request: HttpRequest) -> Actor:
        actor = actor_of(request)
        if actor.kind == "nobody":
            raise RuleBroken("access.sign_in_required", status=401)
        if (
            actor.kind == "user"
            and request.method not in {"GET", "HEAD", "OPTIONS"}
            and check_csrf(request)
        ):
            raise RuleBroken("access.page_expired", status=403)
        if self.permission is not None and not actor.may(self.permission):
            raise RuleBroken("access.not_permitted", status=403, permission=self.permission)
        return actor


def needs(permission: str | None) -> Needs:
    return Needs(permission)


def language(request: HttpRequest) -> str:
    """`zh` or `en`: what the page asked for (`Accept-Language`), Chinese first."""
    return "en" if get_language_from_request(request).startswith("en") else "zh"


def error_body(request: HttpRequest, error: RuleBroken) -> dict[str, Any]:
    """The one shape of every refusal."""
    return {
        "code": error.code,
        **sentence(error.code, language(request), error.params),
        "params": error.params,
    }


def refused(request: HttpRequest, error: RuleBroken) -> HttpResponse:
    """A refusal that was written down: its transaction is kept although the answer is an error."""
    response = _answer(request, error)
    response.keep = True  # type: ignore[attr-defined]
    return response


def _answer(request: HttpRequest, error: RuleBroken) -> HttpResponse:
    return HttpResponse(
        msgspec.json.encode(error_body(request, error)),
        status=error.status,
        content_type="application/json",
    )


def _invalid(error: ValidationError) -> RuleBroken:
    wrong = [
        {
            "where": ".".join(str(part) for part in item.get("loc", ())),
            "why": str(item.get("msg", "")),
        }
        for item in error.errors
    ]
    return RuleBroken(
        "access.input_malformed", status=422, wrong=wrong, where=wrong[0]["where"] if wrong else ""
    )


def _http(error: HttpError) -> RuleBroken:
    unreadable = error.status_code == HTTPStatus.BAD_REQUEST
    code = "access.input_unreadable" if unreadable else "access.refused"
    return RuleBroken(code, status=error.status_code)


def _unexpected(request: HttpRequest, error: Any) -> HttpResponse:
    incident = uuid.uuid4().hex[:12]
    log.error("unexpected incident=%s path=%s", incident, request.path, exc_info=error)
    return _answer(request, RuleBroken("access.unexpected", status=500, incident=incident))


def install(api: NinjaAPI) -> None:
    """Map every error that can leave a route to the one JSON shape, once."""
    fixed: list[tuple[type[Exception], Callable[[Any], RuleBroken]]] = [
        (RuleBroken, lambda error: error),
        (ValidationError, _invalid),
        (HttpError, _http),
        (Http404, lambda _: RuleBroken("access.not_found", status=404)),
        (PermissionDenied, lambda _: RuleBroken("access.refused", status=403)),
        (DataError, lambda _: RuleBroken("access.input_unstorable", status=422)),
        (RequestDataTooBig, lambda _: RuleBroken("access.body_too_large", status=413)),
        (OperationalError, lambda _: RuleBroken("access.database_unavailable", status=503)),
    ]
    for kind, shape in fixed:
        api.add_exception_handler(kind, _teller(shape))
    api.add_exception_handler(Exception, _unexpected)


def _teller(shape: Callable[[Any], RuleBroken]) -> Callable[[HttpRequest, Any], HttpResponse]:
    return lambda request, error: _answer(request, shape(error))
