"""Every write is a command, stored once, answered with a verdict. Audit, idempotency and offline inbox are this table.

See docs/contract.md §1. The journal row, the state change and the outbox event commit together; a known id is answered
from the stored row; one command that fails parks alone and never takes its batch with it.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Literal, NamedTuple

import msgspec
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    OperationalError,
    connection,
    transaction,
)

from yingjian.kernel.arrays import literal
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived

from . import prepared, scope, vault
from .actor import SYSTEM, Actor
from .sealing import canonical_json, seal_personal, unseal_personal

log = logging.getLogger("yingjian.journal")
UNREADABLE = "unreadable"
RETRIES = 3
_REFUSALS = (RuleBroken, DatabaseError, ArithmeticError, LookupError, TypeError, ValueError)
"""What a handler may raise for one command's sake."""
_replaying: ContextVar[bool] = ContextVar("replaying", default=False)


class CommandIn(msgspec.Struct, frozen=True):
    """A command as it arrives: the payload is still JSON; `canonical`, where it was put into canonical form already."""

    id: uuid.UUID
    kind: str
    at: datetime
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    seq: int | None = None
    skew_ms: int = 0
    canonical: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A command whose payload was decoded to its kind's type."""

    id: uuid.UUID
    kind: str
    at: datetime
    payload: Any
    seq: int | None = None
    skew_ms: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one command. `first` is the stored verdict when this one is a duplicate."""

    command_id: uuid.UUID
    verdict: Literal["applied", "duplicate", "parked"]
    code: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, Any] = field(default_factory=dict)
    first: str | None = None
    area: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Commands of one handler, in the order they were sent."""

    actor: Actor
    received_at: datetime
    commands: Sequence[Command]


Handler = Callable[[Batch], Sequence[Verdict]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A registered command kind. `decision`: a refusal is an answer, not a stored fact (except from devices)."""

    name: str
    payload: type[msgspec.Struct]
    permission: str
    decision: bool
    handler: Handler


KINDS: dict[str, Kind] = {}


def handles(
    name: str, payload: type[msgspec.Struct], *, permission: str, decision: bool = False
) -> Callable[[Handler], Handler]:
    """Register a handler for a command kind (in a room's `commands.py`)."""

    def register(handler: Handler) -> Handler:
        if name in KINDS:
            raise ValueError(f"{name} has a handler already")
        KINDS[name] = Kind(name, payload, permission, decision, handler)
        return handler

    return register


def applied(command: Command, *, area: str | None = None, **answer: Any) -> Verdict:
    return Verdict(command.id, "applied", answer=answer, area=area)


def parked(command: Command | CommandIn, code: str, /, **params: Any) -> Verdict:
    return Verdict(command.id, "parked", code, params)


def is_replaying() -> bool:
    """True while `verify` rebuilds the projections: nothing may be published then."""
    return _replaying.get()


@contextmanager
def replaying() -> Iterator[None]:
    token = _replaying.set(True)
    try:
        yield
    finally:
        _replaying.reset(token)


def submit(
    *, actor: Actor, received_at: datetime, commands: Sequence[CommandIn], park: bool
) -> list[Verdict]:
    """Store and apply commands once each; answer one verdict per command, in order.

    With `park` every refusal becomes a parked row. Without it a refused decision raises its `RuleBroken` and nothing of
    this call is kept. Deadlocks and races on the same id are retried; the retry finds the other's row.

    Nearly always everything is applied, so handlers first run without savepoints of their own; where one refuses, all
    of it is undone and done again with them.
    """
    with suppress(*_REFUSALS), scope.everywhere():
        return _Submission(actor, received_at, park, savepoints=False).run(commands)
    for left in reversed(range(RETRIES)):
        try:
            with scope.everywhere():
                return _Submission(actor, received_at, park).run(commands)
        except (OperationalError, IntegrityError):
            if not left:
                raise
    raise AssertionError("unreachable")


def is_known(id: uuid.UUID) -> bool:
    """Whether a command with this id was stored."""
    with scope.everywhere(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM access_journal WHERE command_id = %s", [id])
        return cursor.fetchone() is not None


class Request(NamedTuple):
    """Commands that came in together, and from whom."""

    actor: Actor
    received_at: datetime
    commands: Sequence[CommandIn]


def reapply(requests: Sequence[Request], *, keep_plans: bool = False) -> list[list[Verdict]]:
    """Apply stored commands again, into whatever schema the connection points at (replay only).

    What was applied once is expected to be applied again, so several requests share a transaction and no savepoint is
    set; where that proves wrong, all of it is undone and each request is done as it was the first time. `keep_plans`:
    as when devices sent them.
    """
    if not is_replaying():
        raise AssertionError("commands are applied again only while replaying")
    with suppress(*_REFUSALS), scope.everywhere(keep_plans=keep_plans):
        return [
            _Submission(actor, received_at, park=True, savepoints=False).again(commands)
            for actor, received_at, commands in requests
        ]
    verdicts = []
    for actor, received_at, commands in requests:
        with scope.everywhere(keep_plans=keep_plans):
            verdicts.append(_Submission(actor, received_at, park=True).again(commands))
    return verdicts


def submit_system(
    kind: str, payload: Mapping[str, Any], *, id: uuid.UUID, at: datetime, received_at: datetime
) -> Verdict:
    """Submit one command of the system itself; raises what the handler raises."""
    command = CommandIn(id, kind, at, msgspec.Raw(msgspec.json.encode(payload)))
    return submit(actor=SYSTEM, received_at=received_at, commands=[command], park=False)[0]


def record(
    kind: str,
    payload: Mapping[str, Any],
    *,
    actor: Actor,
    id: uuid.UUID,
    at: datetime,
    area: str | None = None,
) -> None:
    """Append an audit row for something that is not a command to a handler (a look, an export, a sign-in)."""
    command = CommandIn(id, kind, at, msgspec.Raw(msgspec.json.encode(payload)))
    row = _Row(command, _canonical(command), Verdict(id, "applied", area=area))
    with scope.everywhere():
        _insert(actor, at, [row])


@dataclass(slots=True)
class _Row:
    command: CommandIn
    canonical: bytes
    verdict: Verdict | None = None
    decoded: Command | None = None
    kind: Kind | None = None
    fresh: bool = True


def _canonical(command: CommandIn) -> bytes:
    """Deterministic JSON of what a client may not change when it sends a command again."""
    payload = command.payload
    if not command.canonical:
        payload = msgspec.Raw(canonical_json(msgspec.json.decode(payload)))
    at = None if command.kind == UNREADABLE else command.at
    return msgspec.json.encode([command.kind, at, payload])


@dataclass(slots=True)
class _Submission:
    actor: Actor
    received_at: datetime
    park: bool
    savepoints: bool = True

    def run(self, commands: Sequence[CommandIn]) -> list[Verdict]:
        rows = [_Row(command, _canonical(command)) for command in commands]
        self._answer_known(rows)
        for row in rows:
            if row.verdict is None:
                self._decode(row)
        waiting = [row for row in rows if row.verdict is None]
        for handler, group in groupby(waiting, key=_handler_of):
            self._apply(handler, list(group))
        _insert(self.actor, self.received_at, [row for row in rows if row.fresh])
        return [row.verdict for row in rows if row.verdict is not None]

    def again(self, commands: Sequence[CommandIn]) -> list[Verdict]:
        """Apply commands that were applied before, without asking whether they are known and without storing them."""
        rows = [_Row(command, b"") for command in commands]
        for row in rows:
            self._decode(row)
        waiting = [row for row in rows if row.verdict is None]
        for handler, group in groupby(waiting, key=_handler_of):
            self._apply(handler, list(group))
        return [row.verdict for row in rows if row.verdict is not None]

    def _answer_known(self, rows: Sequence[_Row]) -> None:
        """Answer replays from the journal, and repeats inside this very request from their first appearance."""
        with prepared.cursor() as cursor:
            cursor.execute(_KNOWN, [literal("uuid", (row.command.id for row in rows))])
            known = {found[0]: found[1:] for found in cursor.fetchall()}
        seen: dict[uuid.UUID, bytes] = {}
        for row in rows:
            id = row.command.id
            if id in known:
                stored, verdict, code, answer = known[id]
                if bytes(stored) == vault.fingerprint(row.canonical):
                    row.verdict = Verdict(
                        id, "duplicate", code, answer=msgspec.json.decode(answer), first=verdict
                    )
                    row.fresh = False
                else:
                    self._keep_changed(row)
            elif id in seen:
                if seen[id] == row.canonical:
                    row.verdict, row.fresh = Verdict(id, "duplicate"), False
                else:
                    self._keep_changed(row)
            else:
                seen[id] = row.canonical

    def _keep_changed(self, row: _Row) -> None:
        """The same id with other content: the second is kept under an id of its own, so that nothing is lost."""
        original = row.command.id
        row.command = msgspec.structs.replace(
            row.command, id=derived(original, row.canonical.hex())
        )
        row.verdict = Verdict(original, "parked", "access.id_reused")
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM access_journal WHERE command_id = %s", [row.command.id])
            row.fresh = cursor.fetchone() is None

    def _decode(self, row: _Row) -> None:
        command = row.command
        kind = KINDS.get(command.kind)
        if command.kind == UNREADABLE:
            self._refuse(row, RuleBroken("access.command_unreadable"))
        elif kind is None:
            self._refuse(row, RuleBroken("access.kind_unknown", kind=command.kind[:48]))
        elif not self.actor.may(kind.permission):
            self._refuse(
                row, RuleBroken("access.not_permitted", status=403, permission=kind.permission)
            )
        else:
            try:
                payload = msgspec.json.decode(command.payload, type=kind.payload)
            except (msgspec.ValidationError, msgspec.DecodeError) as error:
                self._refuse(
                    row, RuleBroken("access.payload_malformed", detail=str(error), kind=kind.name)
                )
            else:
                row.kind = kind
                # In one zone, as the replay reads it back: what a handler makes of it must not depend on the sender.
                at = command.at.astimezone(UTC)
                row.decoded = Command(
                    command.id, kind.name, at, payload, command.seq, command.skew_ms
                )

    def _refuse(self, row: _Row, error: RuleBroken) -> None:
        """Park; or, for a user's own request, raise."""
        if not self.park:
            raise error
        row.verdict = Verdict(row.command.id, "parked", error.code, error.params)

    def _apply(self, handler: Handler, rows: Sequence[_Row]) -> None:
        commands = [row.decoded for row in rows if row.decoded is not None]
        try:
            with transaction.atomic(savepoint=self.savepoints):
                received_at = self.received_at.astimezone(UTC)
                verdicts = handler(Batch(self.actor, received_at, commands))
        except OperationalError:
            raise  # deadlock or lost server: the whole submission is tried again
        except _REFUSALS as error:
            if not self.savepoints:
                raise
            if len(rows) > 1:
                for row in rows:
                    self._apply(handler, [row])
            else:
                self._failed(rows[0], error)
            return
        if [verdict.command_id for verdict in verdicts] != [command.id for command in commands]:
            raise AssertionError(f"{handler.__name__} must answer every command in order")
        for row, verdict in zip(rows, verdicts, strict=True):
            row.verdict = verdict

    def _failed(self, row: _Row, error: Exception) -> None:
        told = error if isinstance(error, RuleBroken) else _meaning(error, row.command.kind)
        # Mostly a date of the sender's; a fault of ours must not hide behind it.
        if isinstance(error, OverflowError):
            log.warning("number_ran_over", exc_info=error, extra={"kind": row.command.kind})
        if told is not None:
            if not self.park and row.kind is not None and row.kind.decision:
                raise told
            row.verdict = Verdict(row.command.id, "parked", told.code, told.params)
            return
        log.error(
            "command_failed",
            exc_info=error,
            extra={"command_id": str(row.command.id), "kind": row.command.kind},
        )
        row.verdict = Verdict(
            row.command.id, "parked", "access.handler_failed", {"error": type(error).__name__}
        )


def _meaning(error: Exception, kind: str) -> RuleBroken | None:
    """What the database or the calendar refused, in words; None for what nobody foresaw."""
    match error:
        case IntegrityError():
            return RuleBroken("access.already_recorded", status=409, kind=kind)
        case DataError():
            return RuleBroken(
                "access.payload_malformed", kind=kind, detail="a value cannot be stored"
            )
        case OverflowError():
            return RuleBroken("access.payload_malformed", kind=kind, detail="a time out of range")
    return None


def _handler_of(row: _Row) -> Handler:
    if row.kind is None:
        raise AssertionError("a waiting row has a kind")
    return row.kind.handler


prepared.grows("access_journal", 16)
_KNOWN = """SELECT command_id, fingerprint, verdict, code, answer FROM access_journal
 WHERE command_id = ANY(%s::uuid[])"""
_INSERT = """
INSERT INTO access_journal (command_id, kind, actor_kind, actor_id, device_seq, area, captured_at, skew_ms, received_at,
                            payload, fingerprint, verdict, code, answer)
SELECT c.id, c.kind, %(actor_kind)s, %(actor_id)s::uuid, c.seq, c.area, c.at, c.skew, %(received_at)s::timestamptz,
       c.payload, c.fingerprint, c.verdict, c.code, c.answer
  FROM unnest(%(ids)s::uuid[], %(kinds)s::text[], %(seqs)s::bigint[], %(areas)s::text[], %(ats)s::timestamptz[],
              %(skews)s::int[], %(payloads)s::text[], %(fingerprints)s::bytea[], %(verdicts)s::text[],
              %(codes)s::text[], %(answers)s::text[])
       WITH ORDINALITY AS c(id, kind, seq, area, at, skew, payload, fingerprint, verdict, code, answer, position)
 ORDER BY c.position
"""


def _insert(actor: Actor, received_at: datetime, rows: Sequence[_Row]) -> None:
    if not rows or is_replaying():
        return
    verdicts = [row.verdict for row in rows if row.verdict is not None]
    with prepared.cursor() as cursor:
        cursor.execute(
            _INSERT,
            {
                "actor_kind": actor.kind,
                "actor_id": actor.id,
                "received_at": received_at,
                "ids": literal("uuid", (row.command.id for row in rows)),
                "kinds": literal("text", (row.command.kind[:48] for row in rows)),
                "seqs": literal("bigint", (row.command.seq for row in rows)),
                "areas": literal(
                    "text",
                    (
                        actor.home_area if verdict.area is None else verdict.area
                        for verdict in verdicts
                    ),
                ),
                "ats": literal("timestamptz", (row.command.at for row in rows)),
                "skews": literal("int", (row.command.skew_ms for row in rows)),
                "payloads": literal("text", map(_payload, rows)),
                "fingerprints": literal(
                    "bytea", (vault.fingerprint(row.canonical) for row in rows)
                ),
                "verdicts": literal("text", (verdict.verdict for verdict in verdicts)),
                "codes": literal("text", (verdict.code for verdict in verdicts)),
                "answers": literal("text", map(_answer, verdicts)),
            },
        )


def _payload(row: _Row) -> str:
    return seal_personal(row.command.payload, canonical=row.command.canonical)


def _answer(verdict: Verdict) -> str:
    params = {"params": verdict.params} if verdict.params else {}
    return msgspec.json.encode({**verdict.answer, **params}).decode()


def unsealed(payload: str) -> bytes:
    """A stored payload as it arrived, for replay only."""
    return unseal_personal(payload)
