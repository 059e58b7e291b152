"""The list of a home-visit team: whom a station's site visits at the door, with the address (R29).

Unlike the roster it can be read without anybody's code, because a team must find the door. So a phone asks for it by
itself, who was given it is journalled, and it holds what a visit needs: masked names and no numbers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from yingjian.access.actor import Actor

from . import packing
from .reading import masked_name

_DOORS: Final = """
SELECT d.person_id, p.name, coalesce(nullif(p.address, ''), h.address, '') AS address, d.area, d.mode, d.state
  FROM campaigns_dueperson d JOIN population_person p ON p.id = d.person_id
  LEFT JOIN population_household h ON h.id = p.household_id
 WHERE d.round_id = %(round)s AND d.site_code = %(site)s AND d.home AND d.state <> 'excused'
 ORDER BY d.area, address, d.person_id
"""


def doors_for(actor: Actor, code: str, *, at: datetime) -> list[dict[str, Any]]:
    """Everybody of a station's site who is visited at home and not excused, by village and address.

    `key` is the person's hash in the station's roster: by it a phone knows whom it has swabbed.
    `sampling.station_unknown` (404).
    """
    place, key = packing.station_and_key(actor, code, at)
    rows = packing.rows(_DOORS, {"round": place.round_id, "site": place.site_code})
    return [
        {
            "key": packing.keyed(key, b"person" + person.bytes)[: packing.HASH].hex(),
            "name": masked_name(name), "address": address, "area": area, "single": mode == "single",
            "done": state in {"sampled", "resulted"},
        }
        for person, name, address, area, mode, state in rows
    ]  # fmt: skip
