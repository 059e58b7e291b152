"""Answers kept in the memory of one process: no record, gone with it, computed again by whoever finds none."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime, timedelta
from threading import Lock
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")
QUARTER: Final = timedelta(minutes=15)


class Kept(Generic[Key, Answer]):
    """The last `most` answers; the first one kept goes first. A server's threads may share it."""

    def __init__(self, most: int) -> None:
        self._most, self._by, self._lock = most, OrderedDict[Key, Answer](), Lock()

    def get(self, key: Key) -> Answer | None:
        """The answer, if it is still kept."""
        return self._by.get(key)

    def put(self, key: Key, answer: Answer) -> Answer:
        """Keep an answer, in place of an older one to the same question."""
        with self._lock:
            self._by[key] = answer
            while len(self._by) > self._most:
                self._by.popitem(last=False)
        return answer


def same_quarter(one: datetime, other: datetime) -> bool:
    """Whether two moments lie in the same quarter of an hour."""
    first, second = (at.timestamp() // QUARTER.total_seconds() for at in (one, other))
    return first == second
