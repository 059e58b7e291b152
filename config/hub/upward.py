"""The hub's way up: enrolment, the keys of the area's phones, and what was kept, handed in until the county has it.

At least once: a request is let go of only on the county's word for it. The county's journal makes that once each.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

import httpx

from yingjian.kernel.clock import now

from .store import Request, Settled, Store

AT_ONCE: Final = 20  # requests in one forwarding; the county's own limit
BYTES_AT_ONCE: Final = 4 * 1024 * 1024
PAUSE: Final = 5.0  # seconds between looks while there is a line
LONGEST: Final = 60.0
WITHOUT_LINE: Final = 10.0  # asking whether the line is back costs nobody anything
VERSION: Final = version("yingjian")
KEYS_EVERY: Final = timedelta(minutes=5)
TRIES_ALONE: Final = 3
_LATER: Final = {
    HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT,
}  # fmt: skip
_OUT: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}

Say = Callable[[str], object]


class HubError(RuntimeError):
    """The hub cannot do this; the message says why and what to do."""


def client(url: str) -> httpx.Client:
    """The line to the county; also through a proxy where the environment names one."""
    return httpx.Client(base_url=url, timeout=httpx.Timeout(60.0, connect=10.0))


def _told(answer: httpx.Response) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        found = answer.json()
        if isinstance(found, dict):
            return found
    return {}


def _ready(answer: httpx.Response, what: str) -> dict[str, Any]:
    told = _told(answer)
    if answer.status_code != HTTPStatus.OK:
        says = told.get("says") or told.get("code") or f"status {answer.status_code}"
        raise HubError(f"the county refuses {what}: {says} {told.get('do', '')}".strip())
    return told


def enrol(store: Store, line: httpx.Client, *, token: str, device: str, name: str) -> None:
    """Trade an invitation for the hub's own secret. Asking again with the same id hears it again."""
    body = {"token": token, "device_id": device, "name": name}
    told = _ready(line.post("/api/devices/enrol", json=body), "the enrolment")
    store.tell(id=device, secret=str(told["secret"]), name=name)


def invite(line: httpx.Client, *, username: str, password: str, token_id: str, command_id: str, area: str,
           station: str) -> str:  # fmt: skip
    """As a user who may invite devices: an invitation for a hub of this area. Returns its token."""
    session = _ready(line.get("/api/session"), "to be asked")
    signed = line.post(
        "/api/session", json={"username": username, "password": password},
        headers={"X-CSRFToken": session["csrf"], "Referer": str(line.base_url)},
    )  # fmt: skip
    csrf = str(_ready(signed, "the sign-in")["csrf"])
    at = now().isoformat()
    payload = {
        "token_id": token_id,
        "station_code": station,
        "area": area,
        "role": "hub",
        "hours": 1,
    }
    command = {"id": command_id, "kind": "device.invite", "at": at, "payload": payload}
    headers = {"X-CSRFToken": csrf, "Referer": str(line.base_url)}
    sent = line.post("/api/commands", json={"commands": [command]}, headers=headers)
    _ready(sent, "the invitation")
    told = _ready(line.get(f"/api/devices/invitations/{token_id}"), "the invitation")
    line.request("DELETE", "/api/session", headers=headers)
    return str(told["token"])


ANSWER_DAYS: Final = 14.0
"""Answers that no phone fetched are let go of after so many days."""


@dataclass(slots=True)
class Upward:
    """Hands in what is kept, in order. `step` says how long to wait before the next one (seconds)."""

    store: Store
    line: httpx.Client
    say: Say
    clock: Callable[[], datetime] = now
    answer_days: float = ANSWER_DAYS
    _failures: int = 0
    _size: int = AT_ONCE
    _alone: int = 0
    _keys_at: datetime | None = None

    def step(self) -> float:
        """One look: the keys where they are old, then what waits (or a mere sign of life)."""
        try:
            if self._keys_at is None or self.clock() - self._keys_at >= KEYS_EVERY:
                asked = self.line.get("/api/hub/keys", headers=self._who())
                if asked.status_code != HTTPStatus.OK:
                    return self._not_taken(asked, [])
                self._know(_told(asked))
            waiting = self.store.waiting(most=self._size, most_bytes=BYTES_AT_ONCE)
            answer = self._hand_in(waiting)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return self._down(type(error).__name__, WITHOUT_LINE)
        if answer.status_code != HTTPStatus.OK:
            return self._not_taken(answer, waiting)
        return self._taken(waiting, _told(answer))

    def _who(self) -> dict[str, str]:
        return {"Authorization": f"Device {self.store.told('id')}:{self.store.told('secret')}"}

    def _know(self, told: dict[str, Any]) -> None:
        devices = told.get("devices")
        if not isinstance(devices, list):
            return
        self.store.know({str(one["device_id"]): bytes.fromhex(one["key"]) for one in devices})
        self.store.tell(area=str(told.get("area", "")))
        if self._keys_at is None:
            self.say(
                f"phones    {len(devices)} phones of area {told.get('area', '')} are known here"
            )
        self._keys_at = self.clock()
        self.store.forget(before=self._keys_at - timedelta(days=self.answer_days))

    def _hand_in(self, waiting: Sequence[Request]) -> httpx.Response:
        counts = self.store.counts()
        body = {
            "sent_at": self.clock().astimezone(UTC).isoformat(),
            "requests": [
                {"kept_at": one.kept_at.isoformat(), "sealed": base64.b64encode(one.sealed).decode()}
                for one in waiting
            ],
            "beat": {
                "waiting": counts.kept - len(waiting), "stuck": counts.stuck,
                "address": self.store.told("address"), "version": VERSION,
            },
        }  # fmt: skip
        return self.line.post("/api/hub/forward", json=body, headers=self._who())

    def _taken(self, waiting: Sequence[Request], told: dict[str, Any]) -> float:
        answers = told.get("answers")
        if not isinstance(answers, list) or len(answers) != len(waiting):
            return self._down("an answer that is not the county's")
        self.store.settle(
            [
                Settled(
                    one.no,
                    base64.b64decode(answer["sealed"]) if answer.get("sealed") else None,
                    answer.get("code") or "hub.no_answer",
                )
                for one, answer in zip(waiting, answers, strict=True)
            ],
            at=self.clock(),
        )
        self._failures = self._alone = 0
        self._size = min(AT_ONCE, self._size * 2)
        self._up()
        if waiting:
            self._count(sum(not answer.get("sealed") for answer in answers), len(waiting))
        return 0.0 if waiting else PAUSE

    def _count(self, refused: int, handed: int) -> None:
        counts = self.store.counts()
        self.say(
            f"forwarded {handed - refused} requests, {refused} refused; {counts.kept} still kept here"
        )

    def _not_taken(self, answer: httpx.Response, waiting: Sequence[Request]) -> float:
        """The county is there, and does not take this request: later, or in smaller parts, or this one never."""
        code = str(_told(answer).get("code") or f"http_{answer.status_code}")
        if answer.status_code in _OUT:
            self.store.tell(line="out")
            self.say(
                f"shut out  the county does not know this hub any more ({code}); what is kept here stays"
            )
            return LONGEST
        if answer.status_code in _LATER or not waiting:
            asked = answer.headers.get("Retry-After", "")
            wait = self._down(code)
            return max(float(asked), 1.0) if asked.isdigit() else wait
        if len(waiting) > 1:
            self._size = (len(waiting) + 1) // 2
            return 1.0
        self._alone += 1
        if self._alone >= TRIES_ALONE:
            self._alone = 0
            self.store.settle([Settled(waiting[0].no, None, code)], at=self.clock())
            self.say(f"stuck     one request is refused again and again ({code}); it stays here")
            return 0.0
        return self._down(code)

    def _up(self) -> None:
        if self.store.told("line") != "up":
            self.say("line      the county answers")
        self.store.tell(line="up", heard_at=self.clock().astimezone(UTC).isoformat())

    def _down(self, why: str, longest: float = LONGEST) -> float:
        """Wait longer each time; what is kept is kept."""
        if self.store.told("line") != "down":
            self.say(f"line      no word from the county ({why}); phones' requests are kept here")
            self.store.tell(line="down")
        wait = min(longest, 2.0**self._failures)
        self._failures = min(self._failures + 1, 10)
        return wait
