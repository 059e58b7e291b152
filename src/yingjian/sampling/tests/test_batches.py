"""The same facts in one batch, or cut and shuffled, end as the same rows: what a fold must know is loaded for it."""

from __future__ import annotations

from random import Random
from typing import Any, Final

import pytest
from django.db import connection, transaction

from yingjian.access import scope
from yingjian.access.journal import CommandIn
from yingjian.access.tests.factories import new_id
from yingjian.sampling import conserving
from yingjian.sampling.tests.factories import Field, a_field, added, opened, recorded, send, told

pytestmark = pytest.mark.django_db

TUBES: Final = 6
CODES: Final = 4  # fewer than tubes: some are used twice
FACTS: Final = 40
_ROWS: Final = (
    """SELECT (to_jsonb(t) - 'binding')::text FROM sampling_tube t ORDER BY id""",
    """SELECT (to_jsonb(s) - 'received_at')::text FROM sampling_swab s ORDER BY id""",
    """SELECT (to_jsonb(l) - 'id')::text FROM logistics_boxline l ORDER BY box_id, tube_code""",
    """SELECT d.person_id::text || d.state || coalesce(d.sampled_at::text, '') FROM campaigns_dueperson d
        ORDER BY d.person_id""",
    """SELECT kind || subject_id || expected || '/' || actual FROM logistics_discrepancy WHERE resolved_at IS NULL
        ORDER BY kind, subject_id""",
)


def story(field: Field, rng: Random) -> list[CommandIn]:
    """What could be told of some tubes and people, sense or nonsense, in no order.

    Only codes used once go into the box: of two tubes with one code, the manifest names the one known first.
    """
    codes = [field.code() for _ in range(CODES)]
    tubes, swabs = [new_id() for _ in range(TUBES)], [new_id() for _ in range(12)]
    box = new_id()

    def one() -> CommandIn:
        n, at = rng.randrange(TUBES), rng.randint(0, 30)
        tube, code = tubes[n], codes[n % CODES]
        whole = [rng.choice(field.people) for _ in range(rng.randint(0, 3))]
        made: list[Any] = [
            lambda: opened(code, tube, at=at),
            lambda: added(tube, rng.choice(field.people), swab=rng.choice(swabs), at=at),
            lambda: recorded(code, whole, tube=tube, at=at),
            lambda: told("swab.void", at, swab_id=rng.choice(swabs), reason=rng.choice("xy")),
            lambda: told("swab.move", at, swab_id=rng.choice(swabs), to_tube_id=tube, reason="m"),
            lambda: told("tube.seal", at, tube_id=tube, count=rng.randint(0, 3)),
            lambda: told("tube.break", at, tube_id=tube, reason="fell"),
            lambda: told(
                "box.add", at, box_id=box, tube_codes=[rng.choice(codes[TUBES - CODES :])]
            ),
        ]
        return rng.choices(made, weights=[4, 6, 4, 2, 2, 3, 1, 3])[0]()  # type: ignore[no-any-return]

    return [told("box.open", 0, box_id=box, code="B1"), *(one() for _ in range(FACTS))]


def rows() -> list[list[str]]:
    with scope.everywhere(), connection.cursor() as cursor:
        found = []
        for query in _ROWS:
            cursor.execute(query)
            found.append([str(row[0]) for row in cursor.fetchall()])
        return found


def told_in(field: Field, commands: list[CommandIn], cuts: list[int]) -> list[list[str]]:
    """The rows after these batches; then everything is as before."""
    with transaction.atomic():
        start = 0
        for cut in [*sorted(cuts), len(commands)]:
            if commands[start:cut]:
                verdicts = send(field.phone, *commands[start:cut])
                assert {verdict.verdict for verdict in verdicts} == {"applied"}
                start = cut
        found = rows()
        with scope.everywhere():
            broken = [check for check in conserving.conservation(field.round_id) if not check.holds]
        assert broken == []
        transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_any_order_in_any_batches_through_the_journal_ends_alike(seed: int) -> None:
    rng = Random(seed)
    field = a_field(people=8)
    commands = story(field, rng)
    expected = told_in(field, commands, [])
    for _ in range(2):
        shuffled = rng.sample(commands, len(commands))
        cuts = sorted(rng.sample(range(len(commands)), rng.randint(1, 12)))
        assert told_in(field, shuffled, cuts) == expected


def test_the_rows_compared_are_not_empty() -> None:
    field = a_field(people=8)
    for query, found in zip(_ROWS, told_in(field, story(field, Random(1)), []), strict=True):
        assert found, query
