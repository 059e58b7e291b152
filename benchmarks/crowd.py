"""A megacity's site: so many people of made-up numbers called to one site of a running round, stored by COPY.

Run in the system's own environment, because its keys seal the documents:
python -m benchmarks.crowd --site CODE --people N
Prints JSON: a few of them with code, number and name, as they would stand before a phone.
"""

from __future__ import annotations

import argparse
import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import django
from psycopg import Connection

from benchmarks.rivals import superuser
from config import env

HOUSEHOLD: Final = 3
SHOWN: Final = 40
_SURNAMES: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰"
_BORN: Final = date(1935, 1, 1)
_DAYS: Final = 30_000
_PERSON: Final = (
    "id", "area", "household_id", "name", "sex", "birth_date", "id_type", "id_cipher", "id_index", "id_tail",
    "phone_tail", "registered_area", "registered_address", "address", "guardian", "source",
)  # fmt: skip
_DUE: Final = (
    "id", "round_id", "person_id", "area", "rank", "category", "mode", "home", "site_code", "state", "reason", "owner",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class One:
    """A made-up person."""

    id: uuid.UUID
    household: uuid.UUID
    name: str
    born: date
    number: str
    mode: str
    elderly: bool


def people(count: int, rng: random.Random) -> Iterator[One]:
    """Made-up people, three to a door, one in two hundred never pooled, a seventh of them old."""
    from yingjian.population.rules import id_check_char

    household = uuid.UUID(int=0)
    for n in range(count):
        if n % HOUSEHOLD == 0:
            household = uuid.UUID(int=rng.getrandbits(128), version=4)
        born = _BORN + timedelta(days=rng.randrange(_DAYS))
        # A region that was never given to a place; the serial tells apart who was born on one day.
        body = f"99{n // 1000:04d}{born:%Y%m%d}{n % 1000:03d}"
        yield One(
            uuid.UUID(int=rng.getrandbits(128), version=4), household,
            rng.choice(_SURNAMES) + "".join(rng.choices(_GIVEN, k=rng.choice((1, 2, 2)))), born,
            body + id_check_char(body), "single" if rng.random() < 1 / 200 else "pool", rng.random() < 1 / 7,
        )  # fmt: skip


def store(connection: Connection[Any], site: str, crowd: list[One]) -> date:
    """Persons, doors, categories, due list: as a roster's import and a round's freeze would leave them."""
    from yingjian.access import vault
    from yingjian.campaigns import queries as rounds
    from yingjian.population import queries as population

    row = connection.execute(
        "SELECT s.round_id, s.area, r.window_start FROM sampling_site s JOIN campaigns_round r ON r.id = s.round_id"
        " WHERE s.code = %s", [site],
    ).fetchone()  # fmt: skip
    if row is None:
        raise SystemExit(f"no site {site}")
    round_id, area, opens = row
    with connection.transaction(), connection.cursor() as cursor:
        doors = sorted({one.household for one in crowd})
        with cursor.copy("COPY population_household (id, area, no, address) FROM STDIN") as into:
            for n, door in enumerate(doors):
                into.write_row((door, area, f"crowd-{n}", ""))
        with cursor.copy(f"COPY population_person ({', '.join(_PERSON)}) FROM STDIN") as into:
            for one in crowd:
                index = population.id_index("resident_id", one.number)
                into.write_row(
                    (one.id, area, one.household, one.name, "M" if int(one.number[16]) % 2 else "F", one.born,
                     "resident_id", vault.seal(one.number), index, one.number[-4:], "", "", "", "", "", "roster")
                )  # fmt: skip
        with cursor.copy(
            "COPY population_personcategory (id, person_id, area, code, source, since) FROM STDIN"
        ) as into:
            for one in crowd:
                if one.elderly:
                    into.write_row((uuid.uuid4(), one.id, area, "elderly", "roster", opens))
        with cursor.copy(f"COPY campaigns_dueperson ({', '.join(_DUE)}) FROM STDIN") as into:
            due = rounds.due_ids(round_id, [one.id for one in crowd])
            for id, one in zip(due, crowd, strict=True):
                into.write_row(
                    (id, round_id, one.id, area, 9, "general", one.mode, False, site,
                     "due", "", "")
                )  # fmt: skip
    connection.execute("VACUUM ANALYZE")
    day: date = opens.date()
    return day


def main() -> None:
    """Store them, tell a few."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--site", required=True)
    parser.add_argument("--people", type=int, required=True)
    asked = parser.parse_args()
    django.setup()
    from yingjian.sampling import tokens
    from yingjian.sampling.reading import masked_name

    crowd = list(people(asked.people, random.Random(7)))
    with superuser(env.VAR) as connection:
        day = store(connection, asked.site, crowd)
    pooled = [one for one in crowd if one.mode == "pool" and not one.elderly]
    shown = pooled[:: max(len(pooled) // SHOWN, 1)][:SHOWN]
    print(
        json.dumps(
            [
                {"token": tokens.issue([one.id], day=day), "number": one.number, "name": masked_name(one.name)}
                for one in shown
            ]
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
