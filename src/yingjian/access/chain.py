"""The journal seals itself: blocks of rows under an SM3 hash chain, made by a background job off the hot path.

Rows are ordered by the transaction that wrote them. Only transactions older than every running
one are sealed (`pg_snapshot_xmin`), so no row can appear later inside a sealed stretch and writers
never wait for the sealer. A database restored into another cluster starts its transaction ids
anew; then sealing goes on with the rows after the last sealed `seq`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from django.db import connections, transaction

GENESIS = b"\0" * 32
CHUNK = 500
"""Rows held at a time. A tube's row is some 4 KiB: with thousands of them a minute the sealer grew with the load."""
_LOCK = 0x59_4A_53_45  # "YJSE": one sealer at a time

_ROWS = """
SELECT seq, txid, command_id, kind, actor_kind, actor_id, device_seq, area, captured_at, skew_ms, received_at, payload,
       fingerprint, verdict, code, answer
  FROM access_journal
 WHERE txid >= %s AND txid < %s AND seq > %s
 ORDER BY txid, seq
"""


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What `verify` found: blocks and rows proven, rows not yet sealed, and the first block that does not match."""

    blocks: int
    entries: int
    unsealed: int
    broken: int | None


def _row_bytes(row: tuple[Any, ...]) -> bytes:
    parts = []
    for value in row:
        if value is None:
            parts.append(b"-")
        elif isinstance(value, (bytes, memoryview)):
            parts.append(bytes(value))
        elif isinstance(value, datetime):
            parts.append(str(int(value.timestamp() * 1_000_000)).encode())
        else:
            parts.append(str(value).encode())
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _rows(using: str, from_txid: int, to_txid: int, after_seq: int) -> Iterator[tuple[Any, ...]]:
    with transaction.atomic(using=using), connections[using].chunked_cursor() as cursor:
        cursor.execute(_ROWS, [from_txid, to_txid, after_seq])
        while rows := cursor.fetchmany(CHUNK):
            yield from rows


def _digest(
    using: str, previous: bytes, from_txid: int, to_txid: int, after_seq: int
) -> tuple[bytes, int, int]:
    """Digest, number of rows and highest seq of one stretch."""
    digest = hashes.Hash(hashes.SM3())
    digest.update(previous)
    digest.update(f"{from_txid}:{to_txid}:{after_seq}".encode())
    entries, last = 0, 0
    for row in _rows(using, from_txid, to_txid, after_seq):
        digest.update(_row_bytes(row))
        entries, last = entries + 1, max(last, row[0])
    return digest.finalize(), entries, last


def seal(*, at: datetime, using: str = "default") -> int:
    """Seal everything that can be sealed into one new block; returns the number of rows sealed (0: nothing to seal)."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT set_config('yingjian.areas', '*', true), pg_try_advisory_xact_lock(%s)", [_LOCK]
        )
        if not cursor.fetchone()[1]:
            return 0
        cursor.execute(
            """SELECT (SELECT system_identifier::text FROM pg_control_system()),
                      pg_snapshot_xmin(pg_current_snapshot())::text::bigint"""
        )
        cluster, horizon = cursor.fetchone()
        cursor.execute(
            "SELECT no, cluster, to_txid, last_seq, digest FROM access_journalblock ORDER BY no DESC LIMIT 1"
        )
        last = cursor.fetchone()
        no, start, after_seq, previous = 1, 0, 0, GENESIS
        if last is not None:
            no, previous = last[0] + 1, bytes(last[4])
            same = last[1] == cluster
            start = last[2] if same else 0
            cursor.execute(
                "SELECT coalesce(max(last_seq), 0) FROM access_journalblock WHERE cluster <> %s",
                [cluster],
            )
            after_seq = cursor.fetchone()[0]
        if horizon <= start:
            return 0
        digest, entries, last_seq = _digest(using, previous, start, horizon, after_seq)
        if entries:
            cursor.execute(
                """INSERT INTO access_journalblock
                     (no, cluster, from_txid, to_txid, entries, last_seq, previous, digest, sealed_at, after_seq)
                   VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
                [no, cluster, start, horizon, entries, last_seq, previous, digest, at, after_seq],
            )
        return entries


def check(*, using: str = "owner") -> ChainReport:
    """Recompute every block from its rows."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT no, from_txid, to_txid, entries, previous, digest, after_seq FROM access_journalblock ORDER BY no"
        )
        blocks = cursor.fetchall()
        cursor.execute("SELECT count(*) FROM access_journal")
        total = cursor.fetchone()[0]
    expected, proven, broken = GENESIS, 0, None
    for position, (no, start, end, entries, previous, digest, after_seq) in enumerate(
        blocks, start=1
    ):
        found, count, _ = _digest(using, expected, start, end, after_seq)
        if (
            no != position
            or bytes(previous) != expected
            or found != bytes(digest)
            or count != entries
        ):
            broken = no
            break
        expected, proven = found, proven + count
    return ChainReport(len(blocks), proven, total - proven, broken)
