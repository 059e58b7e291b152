"""Half-open `[start, end)` time ranges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start` up to but not including `end`; `end` after `start`."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError("a span ends after it starts")

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def holds(self, at: datetime) -> bool:
        return self.start <= at < self.end

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end
