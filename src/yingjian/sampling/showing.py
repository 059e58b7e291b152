"""The codes a resident's own phone shows (展示码): made once, kept on the phone, shown without a server (design §4).

Whoever knows a person's ID number and phone gets that person's code, and a family's, when somebody of the household has
no phone of their own (a child, an old person) or was registered with the same one. Who has another phone fetches it
with that. Names are masked: a phone is looked at over shoulders.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings

from yingjian.access import prepared

from . import tokens
from .reading import masked_name

_WHO: Final = """
WITH own AS (SELECT id, household_id, phone_index FROM population_person WHERE id = %s::uuid),
who AS (SELECT id FROM own UNION
        SELECT h.id FROM own JOIN population_person h ON h.household_id = own.household_id
         WHERE h.phone_index IS NULL OR h.phone_index = own.phone_index)
SELECT p.id, p.name, p.id_tail, (
       SELECT max(r.until) FROM sampling_revocation r
        WHERE r.mark = left(encode(sha256('revoked person:'::bytea || uuid_send(p.id)), 'hex'), 16)
          AND r.at <= %s::timestamptz AND r.lifted_at IS NULL) AS struck_until
  FROM who JOIN population_person p ON p.id = who.id
 ORDER BY p.id <> %s::uuid, p.birth_date NULLS LAST, p.id
"""


def own_codes(person: uuid.UUID, *, at: datetime) -> list[dict[str, Any]]:
    """The person's code and, where there is one, the family's: text, whom it stands for, the day of issue.

    `struck`: a code of this day is no longer good (see `revoking`); from the day after a new one is. More than seven
    people of one phone make more than one family code.
    """
    with prepared.cursor() as cursor:
        cursor.execute(_WHO, [person, at, person])
        people = cursor.fetchall()
    day = at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    groups = [people[:1]]
    if len(people) > 1:
        most = tokens.FAMILY_MAX
        groups += [people[start : start + most] for start in range(0, len(people), most)]
    return [_code(group, day) for group in groups]


def _code(people: list[tuple[uuid.UUID, str, str, date | None]], day: date) -> dict[str, Any]:
    return {
        "token": tokens.issue([id for id, *_ in people], day=day),
        "people": [{"name": masked_name(name), "id_tail": tail} for _, name, tail, _ in people],
        "issued": day,
        "struck": any(until is not None and day <= until for *_, until in people),
    }
