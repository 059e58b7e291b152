"""People registered per second through the journal, at 1, 10 and 100 tubes in a request.

Runs on a database of its own on the embedded server, under the application's role, with every constraint in force:

    .venv/bin/python -m benchmarks.field_ingest [--people 20000] [--json FILE]

Measures `journal.submit` of whole tubes (`tube.record`) of ten people with signed codes, that is everything below HTTP:
decoding, fingerprints, sealing, codes' signatures, the fold, tubes, swabs, due list, clocks, the journal's rows.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")

PER_TUBE = 10


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--people", type=int, default=12_000)
    asked.add_argument("--json", type=Path)
    given = asked.parse_args()
    import django

    django.setup()
    from django.db import connections
    from django.test.utils import setup_databases, teardown_databases

    from config import databases

    with databases.cluster().in_use() if databases.embedded() else nullcontext():
        made = setup_databases(
            verbosity=0, interactive=False, aliases={"default": None, "owner": None}
        )
        try:
            found = measure(given.people)
        finally:
            connections.close_all()
            teardown_databases(made, verbosity=0)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def measure(people: int) -> list[dict[str, Any]]:
    from yingjian.access import journal
    from yingjian.sampling.tests.factories import a_field, minute, recorded

    share = people // 3
    field = a_field(people=people)
    found = []
    waiting = list(field.people)
    for tubes in (1, 10, 100):
        mine, waiting = waiting[:share], waiting[share:]
        commands = [
            recorded(field.code(), mine[start : start + PER_TUBE], at=start / 1000)
            for start in range(0, len(mine) - PER_TUBE + 1, PER_TUBE)
        ]
        spans = []
        for start in range(0, len(commands) - tubes + 1, tubes):
            batch = commands[start : start + tubes]
            begun = time.perf_counter()
            verdicts = journal.submit(
                actor=field.phone, received_at=minute(600), commands=batch, park=True
            )
            spans.append(time.perf_counter() - begun)
            assert {verdict.verdict for verdict in verdicts} == {"applied"}, verdicts[0]
        persons = len(spans) * tubes * PER_TUBE
        row = {
            "tubes_per_request": tubes,
            "requests": len(spans),
            "persons_per_second": round(persons / sum(spans)),
            "median_ms": round(median(spans) * 1000, 1),
            "worst_ms": round(max(spans) * 1000, 1),
        }
        found.append(row)
        print(row)
    return found


if __name__ == "__main__":
    main()
