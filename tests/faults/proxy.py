"""The line between phones and server: passes, cuts, slows, doubles, holds back and garbles, by each request's fate.

A phone's requests are known by its `X-Phone`. Each request to the sync path takes the next fate of its phone; where
none is left, the line is sound. So what befalls a phone is counted in requests, not in seconds, and every line heals.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

FATES: Final = (
    "refused",  # nobody takes the connection
    "cut_up",  # cut while the phone still sends: the server has half a request
    "truncated",  # a middle box hands on half a body as if it were the whole
    "unanswered",  # stored, and the answer is lost
    "answer_cut",  # half of the answer
    "slow",  # a village's line
    "doubled",  # sent twice at once
    "repeated",  # sent again after the answer
    "late",  # the phone gives up; the request arrives later, after younger ones
    "late_twice",  # the same, two times
    "portal",  # somebody else's page, with a good conscience (200)
    "busy",  # turned away with Retry-After
    "gateway",  # 502 of a box in between
)
SYNC: Final = "/api/sync"
_PORTAL: Final = b"<html><body>Welcome to the guest network</body></html>"
_AT_ONCE: Final = 0.02


@dataclass
class Line:
    """The fates that wait for one phone, and what its requests met."""

    fates: deque[str] = field(default_factory=deque)
    early: deque[str] = field(default_factory=deque)  # before the day: enrolment, pack, roster
    met: Counter[str] = field(default_factory=Counter)

    def next(self, path: str, *, up: bool) -> str:
        """A fate is not spent on a server that is not there."""
        if not up:
            self.met["no server"] += 1
            return "refused"
        fates = self.fates if path == SYNC else self.early
        fate = fates.popleft() if fates else "sound"
        self.met[fate] += 1
        return fate


@dataclass
class Proxy:
    """`upstream` says where the server is now; it may be gone."""

    upstream: Callable[[], str]
    up: Callable[[], bool]
    delay: Callable[[], float]
    lines: defaultdict[str, Line] = field(default_factory=lambda: defaultdict(Line))
    url: str = ""
    _server: asyncio.Server | None = None
    _held: set[asyncio.Task[None]] = field(default_factory=set)
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=2**24)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        await self.quiet()
        if self._server is not None:
            self._server.close()
        for task in self._serving:
            task.cancel()

    async def quiet(self) -> None:
        """Until nothing is held back any more."""
        while self._held:
            await asyncio.gather(*self._held, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(task)  # nobody else holds on to it
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            head, body = await _request(reader)
            answer = await self._fated(head, body)
            if answer:
                writer.write(answer)
                await writer.drain()
        writer.close()

    async def _fated(self, head: bytes, body: bytes) -> bytes:
        """What the phone hears; nothing: the connection is closed."""
        path = head.split(b" ", 2)[1].decode().partition("?")[0]
        line = self.lines[_header(head, b"x-phone")]
        fate = line.next(path, up=self.up())
        match fate:
            case "refused":
                return b""
            case "portal":
                return _plain(200, _PORTAL, b"text/html")
            case "busy":
                return _plain(429, b'{"code":"access.busy"}', extra=b"Retry-After: 2\r\n")
            case "gateway":
                return _plain(502, b"Bad Gateway", b"text/plain")
            case "cut_up":
                await self._half(head, body)
                return b""
            case "truncated":
                return await self._forward(head, body[: len(body) // 2])
            case "late" | "late_twice":
                for _ in range(2 if fate == "late_twice" else 1):
                    self._later(head, body)
                return b""
        return await self._delivered(fate, head, body)

    async def _delivered(self, fate: str, head: bytes, body: bytes) -> bytes:
        if fate == "slow":
            await asyncio.sleep(self.delay())
        if fate == "doubled":
            both = await asyncio.gather(self._forward(head, body), self._forward(head, body))
            return both[1]
        answer = await self._forward(head, body)
        if fate == "repeated":
            return await self._forward(head, body)
        if fate == "unanswered":
            return b""
        return answer[: len(answer) // 2] if fate == "answer_cut" else answer

    def _later(self, head: bytes, body: bytes) -> None:
        async def deliver() -> None:
            await asyncio.sleep(_AT_ONCE + 3 * self.delay())
            await self._forward(head, body)

        task = asyncio.ensure_future(deliver())
        self._held.add(task)
        task.add_done_callback(self._held.discard)

    async def _half(self, head: bytes, body: bytes) -> None:
        """The server reads a head that promises more than ever comes."""
        with contextlib.suppress(OSError):
            _, writer = await self._open()
            writer.write(_ready(head, len(body)) + body[: len(body) // 2])
            await writer.drain()
            await asyncio.sleep(_AT_ONCE)
            writer.close()

    async def _forward(self, head: bytes, body: bytes) -> bytes:
        """The server's answer, or nothing where there is no server, or one that dies."""
        with contextlib.suppress(OSError):
            reader, writer = await self._open()
            try:
                writer.write(_ready(head, len(body)) + body)
                await writer.drain()
                return await reader.read()
            finally:
                writer.close()
        return b""

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, _, port = self.upstream().removeprefix("http://").partition(":")
        return await asyncio.open_connection(host, int(port), limit=2**24)


async def _request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(_header(head, b"content-length") or 0)
    return head, await reader.readexactly(size)


def _header(head: bytes, name: bytes) -> str:
    for row in head.split(b"\r\n")[1:]:
        told, _, value = row.partition(b":")
        if told.strip().lower() == name:
            return value.strip().decode()
    return ""


def _ready(head: bytes, size: int) -> bytes:
    """The head for one request on a connection of its own."""
    first, *rows = head.rstrip(b"\r\n").split(b"\r\n")
    dropped = (b"connection:", b"content-length:", b"transfer-encoding:", b"accept-encoding:")
    kept = [row for row in rows if not row.lower().startswith(dropped)]
    told = [first, *kept, b"Connection: close"]
    if size or first.startswith(b"POST"):
        told.append(b"Content-Length: %d" % size)
    return b"\r\n".join(told) + b"\r\n\r\n"


def _plain(
    status: int, body: bytes, kind: bytes = b"application/json", extra: bytes = b""
) -> bytes:
    return (
        b"HTTP/1.1 %d -\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n"
        % (status, kind, len(body), extra)
    ) + body
