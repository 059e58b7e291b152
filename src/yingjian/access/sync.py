"""The device protocol's wire format: a batch of commands in, a verdict for each out."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec

from yingjian.kernel.errors import RuleBroken, sentence
from yingjian.kernel.ids import derived

from .actor import Actor
from .journal import UNREADABLE, CommandIn, Verdict
from .sealing import canonical_json

COMMANDS_MAX: Final = (
    5000  # bounds the memory and lock time of one request; a client sends more in several
)
BODY_MAX: Final = 8 * 1024 * 1024
SKEW_MAX_MS: Final = 2**31 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS: Final = range(
    1970, 2200
)  # no clock of any device tells another; beyond, sums of times overflow
_UNREADABLE: Final = (
    msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError,
)  # fmt: skip
# Half a character (a lone surrogate), which a browser may send of a garbled scan and JSON cannot hold.
_HALF: Final = re.compile(
    rb"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\)((?:\\\\)*)\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


class Beat(msgspec.Struct, frozen=True):
    """What a phone tells of itself beside its commands: how many wait on it after these, how many are stuck, and when
    it noticed that it had been put back from an older copy of itself.
    """

    waiting: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    stuck: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    restored_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class _Request(msgspec.Struct, frozen=True):
    commands: list[msgspec.Raw]
    sent_at: datetime | None = None
    beat: msgspec.Raw = msgspec.Raw(b"null")


class _Command(msgspec.Struct, frozen=True):
    id: uuid.UUID
    kind: str
    at: datetime
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    seq: int | None = None


def decode(
    body: bytes, *, actor: Actor, received_at: datetime
) -> tuple[list[CommandIn], Beat | None]:
    """Read a request body. A body that is no list of commands is refused whole (`access.body_unreadable`);
    a single unreadable command is kept as such and parked, the others go on. A beat nobody can read is none.
    """
    if len(body) > BODY_MAX:
        raise RuleBroken("access.body_too_large", status=413, most_bytes=BODY_MAX)
    request = _request(body)
    if len(request.commands) > COMMANDS_MAX:
        raise RuleBroken("access.too_many_commands", status=413, most=COMMANDS_MAX)
    sent = request.sent_at
    if sent is not None and sent.tzinfo is None:
        raise RuleBroken("access.body_unreadable", status=400, detail="sent_at has no offset")
    skew = 0 if sent is None else int((received_at - sent).total_seconds() * 1000)
    skew = max(-SKEW_MAX_MS, min(SKEW_MAX_MS, skew))
    return [_read(raw, actor, skew) for raw in request.commands], _beat(request.beat)


class _Language(msgspec.Struct, frozen=True):
    language: str = "zh"


def language_of(body: bytes) -> str:
    """In which language a request that came sealed wants its answer: there no header says so. Chinese first."""
    try:
        told = msgspec.json.decode(body, type=_Language).language
    except _UNREADABLE:
        return "zh"
    return "en" if told.startswith("en") else "zh"


def _beat(raw: msgspec.Raw) -> Beat | None:
    try:
        told = msgspec.json.decode(raw, type=Beat | None)
    except _UNREADABLE:
        return None
    odd = told is not None and told.restored_at is not None and told.restored_at.year not in _YEARS
    return None if odd else told


def _request(body: bytes) -> _Request:
    """The request; half characters are replaced by the mark for a broken one, so that they hold up nothing."""
    for mend in (False, True):  # mending looks at every byte: only where reading failed
        text = _HALF.sub(_whole, body) if mend else body
        try:
            return msgspec.json.decode(text, type=_Request)
        except _UNREADABLE as error:
            why = str(error)
    raise RuleBroken("access.body_unreadable", status=400, detail=why)


def _whole(found: re.Match[bytes]) -> bytes:
    return found[0] if found[2] else (found[3] or b"") + rb"\ufffd"


def _read(raw: msgspec.Raw, actor: Actor, skew: int) -> CommandIn:
    try:
        command = msgspec.json.decode(raw, type=_Command)
        payload = canonical_json(msgspec.json.decode(command.payload))
        if command.at.tzinfo is None or "\0" in command.kind:
            raise msgspec.ValidationError("at has no offset")
        if command.at.year not in _YEARS:
            raise msgspec.ValidationError("at is no time of any clock")
        if command.seq is not None and not 0 <= command.seq < 1 << 63:
            raise msgspec.ValidationError("seq out of range")
    except _UNREADABLE:
        text = bytes(raw).decode("utf-8", "replace")
        payload = msgspec.Raw(msgspec.json.encode({"raw": text}))
        return CommandIn(derived(actor.id, text), UNREADABLE, _EPOCH, payload)
    # Read and put in order once: its fingerprint and what is stored of it are made from this.
    return CommandIn(
        command.id, command.kind, command.at, msgspec.Raw(payload), command.seq, skew, canonical=True
    )  # fmt: skip


def encode(
    verdicts: Sequence[Verdict], *, language: str, at: datetime, seq: int | None = None
) -> bytes:
    """The answer: one verdict per command in the order sent, with a sentence for whatever was parked.

    `seq` is the highest number ever heard from this device: a phone that knows only lower ones was restored from a
    backup.
    """
    told = {"verdicts": [_shape(verdict, language) for verdict in verdicts], "server_time": at}
    return msgspec.json.encode(told if seq is None else {**told, "seq": seq})


def _shape(verdict: Verdict, language: str) -> dict[str, Any]:
    shaped: dict[str, Any] = {"id": verdict.command_id, "verdict": verdict.verdict}
    if verdict.first is not None:
        shaped["first"] = verdict.first
    if verdict.code is not None:
        params = dict(verdict.params or verdict.answer.get("params", {}))
        shaped |= {
            "code": verdict.code,
            "params": params,
            **sentence(verdict.code, language, params),
        }
    if verdict.answer:
        shaped["answer"] = verdict.answer
    return shaped
