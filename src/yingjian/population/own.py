"""A resident without an account: ID number and phone must both fit (R53, R76, capability 97).

The door is narrow: wrong attempts are journalled under the number asked for and under the address that asks, and
either shuts after a few, whatever is asked behind it. Nothing tells whether a number is known.

A city asks here at once, so the door costs two statements that the server keeps planned: the sight, and everything
that is to be known.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from yingjian.access import journal, prepared, scope, vault
from yingjian.access.actor import NOBODY, Actor
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived, uuid7

from . import queries

REFUSED: Final = "result.lookup_refused"
# Guards of the door, not rules of the field: a number may be mistyped a few times, an address serves a whole hall.
WRONG_PER_NUMBER: Final = 5
WRONG_PER_ADDRESS: Final = 100
SHUT_FOR: Final = timedelta(minutes=15)

_WRONG: Final = """(SELECT count(*) FROM access_journal
 WHERE actor_id = %s::uuid AND kind = %s::text AND received_at > %s::timestamptz)"""
_AT_DOOR: Final = f"""SELECT {_WRONG}, {_WRONG},
 (SELECT id FROM population_person WHERE id_index = %s::bytea AND phone_index = %s::bytea)"""  # noqa: S608 - fixed


def resident(id_type: str, id_number: str, phone: str, address: str, *, at: datetime) -> uuid.UUID:
    """The person to whom both belong. From here to its end the transaction sees everywhere and keeps its plans.

    `population.lookup_not_found` (404), the same for an unknown number and for a wrong phone; `population.lookup_shut`
    (429). The refused attempt is journalled: the transaction is to be kept.
    """
    doors = _doors(id_type, id_number, address)
    since, (number, telephone) = at - SHUT_FOR, _indexes(id_type, id_number, phone)
    scope.becoming_everywhere()
    with prepared.cursor() as cursor:
        counted = [told for door in doors for told in (door, REFUSED, since)]
        cursor.execute(_AT_DOOR, [*counted, number, telephone])
        of_number, of_address, person = cursor.fetchone()
    if of_number >= WRONG_PER_NUMBER or of_address >= WRONG_PER_ADDRESS:
        minutes = int(SHUT_FOR / timedelta(minutes=1))
        raise RuleBroken("population.lookup_shut", status=429, minutes=minutes)
    if person is None:
        for door in doors:
            journal.record(REFUSED, {}, actor=Actor("user", door, ""), id=uuid7(at), at=at)
        raise RuleBroken("population.lookup_not_found", status=404)
    return uuid.UUID(str(person))


def _doors(id_type: str, id_number: str, address: str) -> list[uuid.UUID]:
    """Two names under which attempts are counted: keyed, so that the journal holds no number and no address."""
    text = f"{id_type}:{id_number.strip().upper()}"
    return [
        derived(NOBODY.id, f"lookup.number.{vault.index(text).hex()}"),
        derived(NOBODY.id, f"lookup.address.{vault.index(address).hex()}"),
    ]


def _indexes(id_type: str, id_number: str, phone: str) -> tuple[bytes | None, bytes | None]:
    """What a person is found by; nothing for a document of no known kind."""
    try:
        return queries.id_index(id_type, id_number), queries.phone_index(phone)
    except ValueError:
        return None, None
