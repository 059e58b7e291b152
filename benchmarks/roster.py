"""Roster import at a county's size: reading and judging alone, the whole import, the same file again; beside a COPY
of the very same rows into an equal table, in one run on one machine.

A system of its own is made, the synthetic county is written as csv and xlsx, and `yingjian roster import` reads it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg

from config import drills, env, postgres
from drill import server

REGION: Final = "640121"
ON: Final = dt.date(2022, 6, 2)
Say = Callable[[str], None]


def run(*, people: int, say: Say) -> dict[str, Any]:
    """Measure; returns figures ready for JSON. Load average is noted because a busy machine shares its cores."""
    var = drills.directory("bench-roster")
    system = server.fresh(drills.command(), drills.environment(var), var, say)
    regions = env.PROJECT / "data" / "regions" / "640121-yongning.csv"
    system.yingjian("db", "start")
    try:
        system.yingjian("migrate")
        system.yingjian("regions", "import", str(regions))
        files = {suffix: var / f"roster.{suffix}" for suffix in ("csv", "xlsx")}
        for path in files.values():
            words = ["synth", "--region", REGION, "--people", str(people), "--out", str(path)]
            system.yingjian(*words)
        figures: dict[str, Any] = {"people": people, "load_average": os.getloadavg()[0]}
        figures["read_and_check"] = {
            suffix: _told(say, f"read and check {suffix}", _read(path, regions))
            for suffix, path in files.items()
        }
        for name in ("import", "same_file_again"):
            words = ["roster", "import", str(files["csv"]), "--area", REGION, "--json"]
            done = json.loads(system.yingjian(*words).stdout)
            told = {
                "rows": done["rows_read"],
                "taken": done["rows_taken"],
                "wall_s": done["seconds"],
            }
            figures[name] = _told(say, name, told)
        figures["copy"] = _told(say, "COPY of the same rows", _copy(var))
        figures["ratio"] = round(figures["import"]["rows_per_s"] / figures["copy"]["rows_per_s"], 3)
        return figures
    finally:
        system.yingjian("db", "stop", check=False)


def _told(say: Say, name: str, figures: dict[str, Any]) -> dict[str, Any]:
    figures["rows_per_s"] = round(figures["rows"] / figures["wall_s"])
    say(f"{name:<24}{figures['rows']:>9,} rows {figures['wall_s']:>8.1f} s "
        f"{figures['rows_per_s']:>9,} rows/s")  # fmt: skip
    return figures


def _read(path: Path, regions: Path) -> dict[str, Any]:
    from yingjian.population.checking import RosterChecker, without_collector
    from yingjian.population.regions import RegionIndex, read_regions
    from yingjian.population.roster import RosterReader

    began, worked = time.perf_counter(), time.process_time()
    reader = RosterReader.open(path)
    checker = RosterChecker(regions=RegionIndex(read_regions(regions)), area=REGION, on=ON)
    with without_collector():
        for raw in reader.chunks():
            checker.check(raw)
    return {
        "rows": checker.totals.accepted,
        "wall_s": time.perf_counter() - began,
        "cpu_s": time.process_time() - worked,
    }


def _copy(var: Path) -> dict[str, Any]:
    """COPY of the imported people, ciphertext and all, into a table with equal columns and indexes."""
    cluster = postgres.Cluster.of(var)
    password = (var / "secrets" / f"postgres_{postgres.OWNER_ROLE}").read_text().strip()
    with psycopg.connect(
        host=str(cluster.sockets), port=str(postgres.PORT), dbname=postgres.DATABASE,
        user=postgres.OWNER_ROLE, password=password,
    ) as connection, connection.cursor() as cursor:  # fmt: skip
        with cursor.copy("COPY population_person TO STDOUT") as copy:
            body = b"".join(copy)
        cursor.execute("CREATE TABLE bench_person (LIKE population_person INCLUDING ALL)")
        connection.commit()
        began = time.perf_counter()
        with cursor.copy("COPY bench_person FROM STDIN") as copy:
            copy.write(body)
        connection.commit()
        wall = time.perf_counter() - began
        cursor.execute("SELECT count(*) FROM bench_person")
        row = cursor.fetchone()
        cursor.execute("DROP TABLE bench_person")
    return {"rows": row[0] if row else 0, "wall_s": wall}
