"""What a hub answers to phones: a small WSGI application beside the store, without Django and without PostgreSQL.

Whoever asks must be a phone of the area (its proof is made with a key that only the county gave out); what it brings is
sealed and stays so. The phone's page comes from the county's address, so every answer may be read across origins.
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from yingjian.access import envelopes
from yingjian.kernel.clock import now

from .page import page
from .store import Store

log = logging.getLogger("yingjian.hub")
SEALED_MAX: Final = 8 * 1024 * 1024 + envelopes.SHORTEST  # a sealed body of the sync path
DISK_LEAST: Final = 200 * 1024 * 1024  # below, nothing more is taken: the phone keeps it as before
DEVICE: Final = "HTTP_X_YINGJIAN_DEVICE"
AFTER: Final = "HTTP_X_YINGJIAN_AFTER"
PROOF: Final = "HTTP_X_YINGJIAN_PROOF"
_CORS: Final = [
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "GET, POST"),
    (
        "Access-Control-Allow-Headers",
        "Content-Type, X-Yingjian-Device, X-Yingjian-After, X-Yingjian-Proof",
    ),
    ("Access-Control-Allow-Private-Network", "true"),
    ("Access-Control-Max-Age", "86400"),
]
_STATUS: Final = {
    200: "200 OK", 204: "204 No Content", 400: "400 Bad Request", 401: "401 Unauthorized", 404: "404 Not Found",
    413: "413 Content Too Large", 503: "503 Service Unavailable",
}  # fmt: skip
Environ = dict[str, Any]
Start = Callable[[str, list[tuple[str, str]]], Any]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    kind: str = "application/json"


def _json(status: int, told: Any) -> Answer:
    return Answer(status, json.dumps(told).encode())


def _refused(status: int, code: str) -> Answer:
    return _json(status, {"code": code})


class Relay:
    """The application. `clock` says the hub's time."""

    def __init__(self, store: Store, clock: Callable[[], datetime] = now) -> None:
        self.store = store
        self.clock = clock

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        try:
            answer = self._answer(environ)
        except (sqlite3.Error, OSError):
            log.exception("the hub's store failed")
            answer = _refused(503, "hub.store_failed")
        headers = [("Content-Type", answer.kind), ("Content-Length", str(len(answer.body)))]
        start(_STATUS[answer.status], [*headers, ("Cache-Control", "no-store"), *_CORS])
        return [answer.body]

    def _answer(self, environ: Environ) -> Answer:
        asked = (environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/"))
        match asked:
            case ("OPTIONS", _):
                return Answer(204, b"")
            case ("GET", "/healthz"):
                return _json(200, {"ok": True})
            case ("GET", "/api/hub"):
                told = self.store.told
                return _json(200, {"hub": told("id"), "name": told("name"), "area": told("area")})
            case ("POST", "/api/hub/keep"):
                return self._keep(environ)
            case ("GET", "/" | "/hub"):
                return Answer(200, page(self.store, self.clock()), "text/html; charset=utf-8")
        return _refused(404, "hub.not_found")

    def _keep(self, environ: Environ) -> Answer:
        size = environ.get("CONTENT_LENGTH") or "0"
        if not size.isdigit() or int(size) > SEALED_MAX:
            return _refused(413, "hub.too_large")
        sealed = environ["wsgi.input"].read(int(size))
        if len(sealed) != int(size):
            return _refused(400, "hub.cut_off")
        try:
            device, after = uuid.UUID(environ.get(DEVICE, "")), int(environ.get(AFTER, "0"))
        except ValueError:
            return _refused(400, "hub.unreadable")
        key = self.store.key_of(device)
        if key is None:
            return _refused(401, "hub.device_unknown")
        shown = envelopes.proof(key, "keep", str(after).encode(), sealed)
        if not hmac.compare_digest(shown, environ.get(PROOF, "")):
            return _refused(401, "hub.proof_wrong")
        if sealed:
            try:
                if envelopes.device_of(sealed) != device:
                    return _refused(400, "hub.unreadable")
            except envelopes.UnreadableError:
                return _refused(400, "hub.unreadable")
            if shutil.disk_usage(self.store.file.parent).free < DISK_LEAST:
                return _refused(503, "hub.disk_full")
            self.store.keep(device, sealed, at=self.clock())
        return self._told(device, key, after, sealed)

    def _told(self, device: uuid.UUID, key: bytes, after: int, sealed: bytes) -> Answer:
        """That the disk has it, with the hub's own proof; and what the county has said to this phone meanwhile."""
        self.store.had(device, upto=after)
        answers = [
            {"no": no, "sealed": base64.b64encode(body).decode()}
            for no, body in self.store.answers(device, after=after)
        ]
        return _json(200, {"kept": envelopes.proof(key, "kept", sealed), "answers": answers})
