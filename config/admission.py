"""Back-pressure: how many requests of which kind a web process works on at once (capability 96, failure 4).

A process works on so many requests together, and lets about twice as many wait for a moment. What the field sends may
take every place; what people ask for may take fewer, by the preset's order of what is given up first
(`operations.degrade_order`: decoration first, a resident's own code last). So a flood of look-ups finds its ceiling
while places are still free for registration. Whoever is turned away hears `access.busy` (429) and when to come again;
nothing was read, so nothing is lost: a device keeps what it has until it has a verdict for it.

Two more limits keep memory and fairness: bodies being worked on together, and one request of a device at a time.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from yingjian.access import edges
from yingjian.access.sync import BODY_MAX
from yingjian.campaigns import preset_files
from yingjian.kernel.errors import RuleBroken

FIELD: Final = "field"
DESK: Final = "desk"
# Reads a preset may order to be given up, by address; all else a user does is `desk`.
READS: Final[Mapping[str, re.Pattern[str]]] = {
    "own_result": re.compile(r"^/api/results/lookup$"),
    "own_code": re.compile(r"^/api/codes/own$"),
    "statistics": re.compile(r"^/api/rounds/[^/]+/(overview|figures|reports|drift)\b"),
}
_FIELD: Final = frozenset({"/api/sync", "/api/hub/forward"})
BODIES: Final = 4  # as many bodies of the largest size may be worked on together
PATIENCE: Final = 2.0  # seconds a request may wait inside for a place
WAIT_LEAST: Final = (
    1  # seconds until a client may come again; spread, so that they do not come together
)
WAIT_SPREAD: Final = 4


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """This request is not admitted now; `wait` seconds are asked for."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.wait = wait


def ceilings(places: int, given_up: Sequence[str]) -> dict[str, int]:
    """Up to how many places taken a kind of request still gets one: `given_up` first to last, the desk, the field.

    The field may take all, the desk all but one, what is given up first about half; nobody less than one.

    >>> ceilings(8, ["large_screen", "statistics", "own_result"])
    {'large_screen': 4, 'statistics': 5, 'own_result': 6, 'desk': 7, 'field': 8}
    """
    places = max(places, 1)
    room, half, steps = max(places - 1, 1), places // 2, len(given_up)
    found = {name: max(half + (room - half) * n // steps, 1) for n, name in enumerate(given_up)}
    return {**found, DESK: room, FIELD: places}


@dataclass
class Gate:
    """Who is inside and who waits. `places` to work, as many `seats` to wait `patience` seconds, `given_up` first to
    last, `bytes_most` of bodies at once.
    """

    places: int
    given_up: Sequence[str] = ()
    seats: int = 0
    patience: float = PATIENCE
    bytes_most: int = BODIES * BODY_MAX
    busy: int = 0
    waiting: int = 0
    bytes: int = 0
    devices: set[str] = field(default_factory=set)
    refused: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._free = threading.Condition()
        self._places = ceilings(self.places, self.given_up)
        self._seats = ceilings(self.seats, self.given_up) if self.seats else {}

    def told(self) -> dict[str, Any]:
        """How full it is in here, and who is turned away: kinds in the order in which they are given up."""
        with self._free:
            return {
                "places": self.places,
                "busy": self.busy,
                "waiting": self.waiting,
                "kinds": [
                    {
                        "kind": kind,
                        "ceiling": ceiling,
                        "refused": self.refused.get(kind, 0),
                        "given_up": self.busy >= ceiling,
                    }
                    for kind, ceiling in self._places.items()
                ],
            }

    @contextmanager
    def admitted(self, kind: str, *, size: int = 0, device: str = "") -> Iterator[None]:
        """Hold a place for one request. Raises `Refused` where there is none, or none gets free in time.

        A body alone in the house is admitted whatever its size: the edge behind refuses what is too large with
        a sentence of its own.
        """
        with self._free:
            if (device and device in self.devices) or not self._enter(kind, size):
                self.refused[kind] = self.refused.get(kind, 0) + 1
                raise Refused(WAIT_LEAST + crc32(f"{device}{self.busy}".encode()) % WAIT_SPREAD)
            self.busy += 1
            self.bytes += size
            if device:
                self.devices.add(device)
        try:
            yield
        finally:
            with self._free:
                self.busy -= 1
                self.bytes -= size
                self.devices.discard(device)
                self._free.notify_all()

    def _enter(self, kind: str, size: int) -> bool:
        """Whether there is a place, now or after a moment in the waiting room."""

        def fits() -> bool:
            light = self.bytes == 0 or self.bytes + size <= self.bytes_most
            return light and self.busy < self._places.get(kind, self._places[DESK])

        if fits():
            return True
        if self.waiting >= self._seats.get(kind, self._seats.get(DESK, 0)):
            return False
        self.waiting += 1
        try:
            return self._free.wait_for(fits, timeout=self.patience)
        finally:
            self.waiting -= 1


def kind_of(request: HttpRequest) -> str:
    """What a request is for, by its address."""
    if request.path in _FIELD:
        return FIELD
    return next((name for name, path in READS.items() if path.match(request.path)), DESK)


class AdmissionMiddleware:
    """The gate in front of everything that takes a database connection."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.gate = Gate(settings.YINGJIAN_THREADS, degrade_order(), seats=settings.YINGJIAN_SEATS)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/api/"):
            return self.get_response(request)
        request.load = self.gate.told  # type: ignore[attr-defined]
        kind = kind_of(request)
        told = request.headers.get("Authorization", "") if kind == FIELD else ""
        device = told.removeprefix(edges.DEVICE_SCHEME).partition(":")[0]
        try:
            with self.gate.admitted(kind, size=_size(request), device=device):
                return self.get_response(request)
        except Refused as refused:
            error = RuleBroken("access.busy", status=429, seconds=refused.wait)
            return JsonResponse(
                edges.error_body(request, error),
                status=error.status,
                headers={"Retry-After": str(refused.wait)},
            )


def _size(request: HttpRequest) -> int:
    told = request.headers.get("Content-Length", "")
    return int(told) if told.isascii() and told.isdigit() else 0


def degrade_order() -> list[str]:
    """What is given up first to last where no plan says otherwise: the base preset's order."""
    path = Path(settings.YINGJIAN_PRESETS) / f"{preset_files.BASE}.yaml"
    return list(_order(path, path.stat().st_mtime_ns))


@lru_cache(maxsize=1)
def _order(path: Path, changed: int) -> tuple[str, ...]:
    """Read once; `changed` has it read again when the file is another."""
    base, _ = preset_files.read_text(path.read_text(encoding="utf-8"), path.name)
    return tuple(str(name) for name in base["operations"]["degrade_order"]["value"])
