"""Reads of this room. Without `_for` they are for handlers and higher rooms; with it, for a user's sight."""

from __future__ import annotations

from .conserving import conservation
from .doors import doors_for
from .finding import (
    PAGE,
    StationBrief,
    codes_taken,
    places,
    site_ids,
    sites_not_ready,
    station_at,
    stations,
    tubes_by_code,
)
from .matters import Asked, counts_for, matter_for, matter_revealed_for, matters_for
from .packing import Roster, pack_for, roster_for, tag_of
from .reading import (
    codes_for,
    flagged_for,
    hand_overs_of,
    site_for,
    sites_for,
    swabs_of_person,
    swabs_of_tube,
    tube_trail,
    tubes_by_code_for,
)
from .revoking import revocations_for
from .showing import own_codes
from .tokens import signing_keys

__all__ = [
    "PAGE",
    "Asked",
    "Roster",
    "StationBrief",
    "codes_for",
    "codes_taken",
    "conservation",
    "counts_for",
    "doors_for",
    "flagged_for",
    "hand_overs_of",
    "matter_for",
    "matter_revealed_for",
    "matters_for",
    "own_codes",
    "pack_for",
    "places",
    "revocations_for",
    "roster_for",
    "signing_keys",
    "site_for",
    "site_ids",
    "sites_for",
    "sites_not_ready",
    "station_at",
    "stations",
    "swabs_of_person",
    "swabs_of_tube",
    "tag_of",
    "tube_trail",
    "tubes_by_code",
    "tubes_by_code_for",
]
