"""Rows as other rooms hand them in or read them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StaffRow:
    """A person of the response. `qualified_for` lists further jobs they may take."""

    id: uuid.UUID
    institution_id: uuid.UUID
    name: str
    job: str
    area: str
    qualified_for: tuple[str, ...] = ()
    supporting: bool = False


@dataclass(frozen=True, slots=True)
class PostRow:
    """A staff member in one job over `[starts, ends)`, at a site and station or roving."""

    id: uuid.UUID
    round_id: uuid.UUID
    staff_id: uuid.UUID
    job: str
    starts: datetime
    ends: datetime
    site_code: str = ""
    station_code: str = ""


@dataclass(frozen=True, slots=True)
class FreeStaff:
    """Somebody who holds no post in a span, and what they did in the days before it."""

    id: uuid.UUID
    job: str
    area: str
    qualified_for: tuple[str, ...]
    institution_id: uuid.UUID
    worked: int
    """Minutes of posts held in the week before."""
    last_duty: datetime | None
    """End of the last of them."""
    vaccinated: datetime | None
    """End of the last one as a vaccinator (R26)."""


@dataclass(frozen=True, slots=True)
class InstitutionRow:
    """A hospital, school, police station, office…"""

    id: uuid.UUID
    name: str
    area: str


@dataclass(frozen=True, slots=True)
class StaffName:
    """What a roster is read by."""

    name: str
    institution: str
