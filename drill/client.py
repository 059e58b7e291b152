"""The way into a running system: its HTTP API, as a signed-in user or as an enrolled device.

Every request tells the drill's own time (`X-Yingjian-At`), so the server must have been started with
`serve --drill`. Requests that got no answer are sent again: commands carry ids made here, so a second
arrival changes nothing.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx
import msgspec

from yingjian.kernel.ids import uuid7

AT: Final = "X-Yingjian-At"
TRIES: Final = 6
FIRST_WAIT: Final = 0.25  # seconds; doubled at each further try
ANSWER_SECONDS: Final = 300.0
COMMANDS_MAX: Final = 2_000  # below the server's own limit of commands in one request
BODY_MAX: Final = 4 * 1024 * 1024  # below the server's own limit of 8 MiB
_AGAIN: Final = frozenset({429, 502, 503, 504})
_BAD: Final = 400


class DrillError(RuntimeError):
    """The drill cannot go on; the message says what happened and where."""


class Refused(DrillError):  # noqa: N818 - the house's word for it
    """The system refused a request. `code` is the stable error code."""

    def __init__(self, what: str, status: int, body: dict[str, Any]) -> None:
        self.status, self.code, self.body = status, str(body.get("code", "")), body
        says = body.get("says", "")
        super().__init__(f"{what}: {status} {self.code} {says} {body.get('params') or ''}".strip())


class Ids:
    """UUIDv7 of the drill's own moments from a seed: one after another, for any number of threads."""

    def __init__(self, seed: int) -> None:
        self._random, self._lock = random.Random(seed), threading.Lock()

    def new(self, at: datetime) -> str:
        with self._lock:
            return str(uuid7(at, random_bits=self._random.getrandbits))


class Command(msgspec.Struct, frozen=True):
    """A command to send: what was done and when."""

    id: str
    kind: str
    at: datetime
    payload: dict[str, Any]
    seq: int | None = None


@dataclass
class Traffic:
    """What was sent and what came back, over the whole drill."""

    requests: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    commands: Counter[str] = field(default_factory=Counter)
    parked: list[dict[str, Any]] = field(default_factory=list)
    retries: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, route: str, seconds: float) -> None:
        with self.lock:
            self.requests[route] += 1
            self.seconds[route] += seconds

    def verdicts(self, commands: Sequence[Command], answers: Sequence[dict[str, Any]]) -> None:
        with self.lock:
            for command, answer in zip(commands, answers, strict=True):
                self.commands[command.kind] += 1
                if "parked" in (answer["verdict"], answer.get("first")):
                    self.parked.append(
                        {"kind": command.kind, "at": command.at.isoformat(), **answer}
                    )


class Link:
    """One HTTP connection pool to one server."""

    def __init__(
        self, url: str, traffic: Traffic, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url, self.traffic = url, traffic
        self.http = httpx.Client(
            base_url=f"{url}/api", timeout=ANSWER_SECONDS, transport=transport,
            headers={"Accept-Language": "zh"}, trust_env=False,
        )  # fmt: skip

    def close(self) -> None:
        self.http.close()

    def send(self, method: str, path: str, *, at: datetime, **given: Any) -> httpx.Response:
        """Send, again where no answer came; raises `Refused` for an answer of 400 or more."""
        headers = {AT: at.isoformat(), **given.pop("headers", {})}
        wait, began = FIRST_WAIT, time.monotonic()
        for left in reversed(range(TRIES)):
            try:
                answer = self.http.request(method, path, headers=headers, **given)
            except httpx.TransportError as error:
                if not left:
                    raise DrillError(
                        f"{method} {path}: no answer from {self.url} ({error})"
                    ) from error
            else:
                if answer.status_code not in _AGAIN or not left:
                    break
            with self.traffic.lock:
                self.traffic.retries += 1
            time.sleep(wait)
            wait *= 2
        self.traffic.note(f"{method} {_route(path)}", time.monotonic() - began)
        if answer.status_code >= _BAD:
            raise Refused(f"{method} {path}", answer.status_code, _body(answer))
        return answer


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {"says": answer.text[:400]}
    return body if isinstance(body, dict) else {"says": str(body)[:400]}


def _route(path: str) -> str:
    """The path without ids and codes, for counting."""
    parts = path.partition("?")[0].split("/")
    return "/".join("*" if any(c.isdigit() for c in part) else part for part in parts)


def packets(commands: Iterable[Command]) -> Iterable[tuple[list[Command], bytes]]:
    """Commands in bodies that the server takes: neither too many nor too large."""
    held: list[Command] = []
    raw: list[bytes] = []
    size = 0
    for command in commands:
        text = msgspec.json.encode(command)
        if held and (len(held) == COMMANDS_MAX or size + len(text) > BODY_MAX):
            yield held, b",".join(raw)
            held, raw, size = [], [], 0
        held.append(command)
        raw.append(text)
        size += len(text)
    if held:
        yield held, b",".join(raw)


def body(raw: bytes, *, at: datetime) -> bytes:
    """What one request carries: the commands of a packet, and when it left."""
    return b'{"commands":[' + raw + b'],"sent_at":' + msgspec.json.encode(at) + b"}"


class Sender:
    """Somebody who may send commands: a user or a device."""

    path = ""

    def __init__(self, link: Link) -> None:
        self.link = link

    def headers(self) -> dict[str, str]:
        raise NotImplementedError

    def post(self, path: str, *, at: datetime, **given: Any) -> dict[str, Any]:
        answer = self.link.send("POST", path, at=at, headers=self.headers(), **given)
        return dict(answer.json())

    def get(self, path: str, *, at: datetime, **params: Any) -> Any:
        return self.link.send(
            "GET", path, at=at, headers=self.headers(), params=params or None
        ).json()

    def download(self, path: str, *, at: datetime, **params: Any) -> bytes:
        answer = self.link.send("GET", path, at=at, headers=self.headers(), params=params or None)
        return answer.content

    def items(self, path: str, *, at: datetime, **params: Any) -> list[dict[str, Any]]:
        """Every item of a paginated list."""
        found: list[dict[str, Any]] = []
        params = {"limit": 1000, **params}
        while True:
            page = self.get(path, at=at, **params)
            found += page["items"]
            if page.get("next") is None:
                return found
            params["after"] = page["next"]

    def send(self, commands: Sequence[Command], *, at: datetime) -> list[dict[str, Any]]:
        """Send commands; one verdict each, in order. Parked ones are kept in `traffic.parked`."""
        verdicts: list[dict[str, Any]] = []
        for held, raw in packets(commands):
            answer = self.post(self.path, at=at, content=body(raw, at=at))
            verdicts += answer["verdicts"]
            self.link.traffic.verdicts(held, answer["verdicts"])
        return verdicts


class User(Sender):
    """A signed-in user. Signing in keeps the session cookie in a connection pool of the user's own."""

    path = "/commands"

    def __init__(self, link: Link, ids: Ids) -> None:
        super().__init__(link)
        self.ids = ids
        self.csrf = ""
        self.id = ""

    def headers(self) -> dict[str, str]:
        return {"X-CSRFToken": self.csrf, "Content-Type": "application/json"} if self.csrf else {}

    def sign_in(self, username: str, password: str, *, at: datetime) -> User:
        given = {"username": username, "password": password}
        me = self.link.send("POST", "/session", at=at, json=given).json()
        self.csrf, self.id = str(me["csrf"]), str(me["id"])
        return self

    def upload(
        self, path: str, *, at: datetime, files: dict[str, Any], **data: Any
    ) -> dict[str, Any]:
        headers = {"X-CSRFToken": self.csrf}
        answer = self.link.send("POST", path, at=at, headers=headers, files=files, data=data)
        return dict(answer.json())

    def command(self, kind: str, /, *, at: datetime, **payload: Any) -> dict[str, Any]:
        """One command; its verdict's answer. A parked command is an error here."""
        made = Command(self.ids.new(at), kind, at, payload)
        verdict = self.send([made], at=at)[0]
        if verdict["verdict"] == "parked":
            raise DrillError(f"{kind} was parked: {verdict.get('code')} {verdict.get('params')}")
        return dict(verdict.get("answer") or {})

    def batch(self, kind: str, payloads: Iterable[dict[str, Any]], *, at: datetime) -> None:
        """Many commands of one kind at one moment."""
        self.send([Command(self.ids.new(at), kind, at, payload) for payload in payloads], at=at)


class Device(Sender):
    """An enrolled station device: it speaks the sync protocol and nothing else."""

    path = "/sync"

    def __init__(self, link: Link, device_id: str, secret: str) -> None:
        super().__init__(link)
        self._auth = f"Device {device_id}:{secret}"
        self._seq = 0

    def headers(self) -> dict[str, str]:
        return {"Authorization": self._auth, "Content-Type": "application/json"}

    def sync(self, commands: Sequence[Command], *, at: datetime) -> list[dict[str, Any]]:
        """Send commands with this device's own running number."""
        return self.send(self.numbered(commands), at=at)

    def numbered(self, commands: Sequence[Command]) -> list[Command]:
        """The commands with this device's next running numbers."""
        numbered = []
        for command in commands:
            self._seq += 1
            numbered.append(msgspec.structs.replace(command, seq=self._seq))
        return numbered

    @classmethod
    def enrol(cls, link: Link, *, token: str, name: str, ids: Ids, at: datetime) -> Device:
        """Trade a one-time invitation for a secret."""
        device_id = ids.new(at)
        given = {"token": token, "device_id": device_id, "name": name}
        answer = link.send("POST", "/devices/enrol", at=at, json=given).json()
        return cls(link, device_id, str(answer["secret"]))


def settle(user: User, *, at: datetime, seconds: float = 600.0) -> float:
    """Wait until no news is on its way between rooms any more; the real seconds it took.

    Raises `DrillError` when news is still waiting after `seconds`.
    """
    began = time.monotonic()
    pause = 0.02
    while (waiting := int(user.get("/status", at=at)["jobs_waiting"])) > 0:
        if time.monotonic() - began > seconds:
            raise DrillError(f"{waiting} pieces of news still wait after {seconds:.0f} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)
    return time.monotonic() - began
