"""Who acts: a signed-in user, an enrolled device, or the system itself."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from .permissions import granted

ActorKind = Literal["user", "device", "system", "nobody"]


@dataclass(frozen=True)
class Hold:
    """A role held over an area (a region prefix; the empty prefix is everywhere)."""

    role: str
    area: str


@dataclass(frozen=True)
class Actor:
    kind: ActorKind
    id: uuid.UUID
    name: str
    holds: tuple[Hold, ...] = ()
    station_code: str = ""
    language: str = "zh-hans"

    @cached_property
    def areas(self) -> tuple[str, ...]:
        """The smallest set of prefixes that covers what this actor may see."""
        found: list[str] = []
        for area in sorted({hold.area for hold in self.holds}):
            if not any(area.startswith(wider) for wider in found):
                found.append(area)
        return tuple(found)

    @property
    def home_area(self) -> str:
        return self.areas[0] if self.areas else ""

    def may(self, permission: str, area: str | None = None) -> bool:
        """Whether some role of this actor grants `permission`, in `area` when one is given."""
        return any(
            permission in granted(hold.role) and (area is None or area.startswith(hold.area))
            for hold in self.holds
        )

    @property
    def permissions(self) -> frozenset[str]:
        return frozenset().union(*(granted(hold.role) for hold in self.holds))


SYSTEM: Final = Actor("system", uuid.UUID(int=0), "system", (Hold("system", ""),))
NOBODY: Final = Actor("nobody", uuid.UUID(int=0), "", ())
