"""A resident's own result, without an account: ID number and phone must both fit (R53, R76, capability 97).

The door is narrow: wrong attempts are journalled under the number asked for and under the address that asks, and
either shuts after a few. Nothing tells whether a number is known.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, Final

from yingjian.access import journal, scope, vault
from yingjian.access.actor import NOBODY, Actor
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived, uuid7
from yingjian.population import queries as population

from .queries import CURRENT, rows

REFUSED: Final = "result.lookup_refused"
# Guards of the door, not rules of the field: a number may be mistyped a few times, an address serves a whole hall.
WRONG_PER_NUMBER: Final = 5
WRONG_PER_ADDRESS: Final = 100
SHUT_FOR: Final = timedelta(minutes=15)


def own_results(
    id_type: str, id_number: str, phone: str, address: str, *, at: datetime
) -> list[dict[str, Any]]:
    """What was released for a person, newest round first, with the rounds still under way (without an outcome).

    `laboratory.lookup_not_found` (404), the same for an unknown number and for a wrong phone;
    `laboratory.lookup_shut` (429).
    """
    doors = _doors(id_type, id_number, address)
    with scope.everywhere():
        shut = _shut(doors, at)
        found = None if shut else _person(id_type, id_number, phone)
        known = [] if found is None else rows(_RESULTS, {"person": found})
    if shut:
        minutes = int(SHUT_FOR / timedelta(minutes=1))
        raise RuleBroken("laboratory.lookup_shut", status=429, minutes=minutes)
    if found is None:
        for door in doors:
            journal.record(REFUSED, {}, actor=Actor("user", door, ""), id=uuid7(at), at=at)
        raise RuleBroken("laboratory.lookup_not_found", status=404)
    return known


def _doors(id_type: str, id_number: str, address: str) -> list[uuid.UUID]:
    """Two names under which attempts are counted: keyed, so that the journal holds no number and no address."""
    text = f"{id_type}:{id_number.strip().upper()}"
    return [
        derived(NOBODY.id, f"lookup.number.{vault.index(text).hex()}"),
        derived(NOBODY.id, f"lookup.address.{vault.index(address).hex()}"),
    ]


def _shut(doors: list[uuid.UUID], at: datetime) -> bool:
    limits = (WRONG_PER_NUMBER, WRONG_PER_ADDRESS)
    return any(
        _wrong(door, at - SHUT_FOR) >= limit for door, limit in zip(doors, limits, strict=True)
    )


def _wrong(door: uuid.UUID, since: datetime) -> int:
    found = rows(
        """SELECT count(*) AS count FROM access_journal
            WHERE actor_id = %(door)s AND kind = %(kind)s AND received_at > %(since)s""",
        {"door": door, "kind": REFUSED, "since": since},
    )
    return int(found[0]["count"])


def _person(id_type: str, id_number: str, phone: str) -> uuid.UUID | None:
    try:
        number = population.id_index(id_type, id_number)
    except ValueError:
        return None
    telephone = population.phone_index(phone)
    if number is None or telephone is None:
        return None
    found = rows(
        "SELECT id FROM population_person WHERE id_index = %(id)s AND phone_index = %(phone)s",
        {"id": number, "phone": telephone},
    )
    return found[0]["id"] if found else None


# The due list holds a person's outcome, and only a release (or a settled recheck) writes it there; the result that said
# so gives the rest. Anything else a tube says is nobody's business yet: the outcome stays empty.
_RESULTS: Final = f"""
SELECT n.name AS round, d.sampled_at, coalesce(x.outcome, '') AS outcome, x.tested_at, coalesce(x.method, '') AS method,
       coalesce(x.detection_limit, '') AS detection_limit, coalesce(x.laboratory, '') AS laboratory, x.released_at,
       coalesce(x.version, 1) > 1 AS corrected
  FROM campaigns_dueperson d JOIN campaigns_round n ON n.id = d.round_id
  LEFT JOIN LATERAL (
       SELECT r.outcome, r.tested_at, r.version, r.released_at, u.method, u.detection_limit, l.name AS laboratory
         FROM sampling_swab s JOIN laboratory_result r ON r.tube_id = s.tube_id
         JOIN laboratory_laboratory l ON l.id = r.laboratory_id LEFT JOIN laboratory_run u ON u.id = r.run_id
        WHERE s.due_id = d.id AND s.voided_at IS NULL AND r.outcome = d.outcome AND {CURRENT}
        ORDER BY r.released_at DESC, r.id DESC LIMIT 1) x ON d.outcome IN ('negative', 'positive')
 WHERE d.person_id = %(person)s AND (d.sampled_at IS NOT NULL OR x.outcome IS NOT NULL)
 ORDER BY n.window_start DESC, n.id
"""  # noqa: S608 - fixed fragments
