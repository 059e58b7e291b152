"""A kind of command for tests of how commands arrive."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from yingjian.access import journal


class Note(msgspec.Struct, frozen=True):
    text: str


def take(batch: journal.Batch) -> list[journal.Verdict]:
    return [
        journal.parked(cmd, "access.reason_missing")
        if cmd.payload.text == "bad"
        else journal.applied(cmd)
        for cmd in batch.commands
    ]


@pytest.fixture
def notes() -> Iterator[None]:
    """`test.note`: taken by whoever may sample; parked where its text is `bad`."""
    journal.handles("test.note", Note, permission="sample")(take)
    yield
    del journal.KINDS["test.note"]
