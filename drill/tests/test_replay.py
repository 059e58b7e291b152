"""A whole round, end to end, through the command line and the HTTP API of a system of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from config import drills
from drill.forecast import JUDGED

pytestmark = pytest.mark.slow
PEOPLE = 700


def drilled(tmp_path: Path, *words: str) -> dict[str, Any]:
    """Run `yingjian drill …` on data below `tmp_path`; the file it writes."""
    told = tmp_path / "told.json"
    done = subprocess.run(
        [*drills.command(), "drill", *words, "--json", str(told), "--var", str(tmp_path / "var")],
        env=drills.environment(tmp_path / "outer"), capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    found: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
    left = {path.name for path in (tmp_path / "var").iterdir()}
    assert left == set(found["reports"]), (
        "the reports stay, the drill's data do not unless --keep is given"
    )
    return found


def test_a_small_county_from_roster_to_close(tmp_path: Path) -> None:
    found = drilled(
        tmp_path, "yongning", "--people", str(PEOPLE), "--positives", "3", "--seed", "7"
    )
    assert found["judgement"]["holds"], found["judgement"]
    assert found["verify_clean"] is True
    assert found["due_people"] == PEOPLE
    due = found["due_by_state"]
    assert due.get("resulted", 0) + due.get("excused", 0) + due.get("missed", 0) == PEOPLE
    assert (found["positives"], found["notices"]) == (3, 36)
    assert found["samples"] == found["register_rows"] > 0.9 * PEOPLE
    assert found["discrepancies_open"] == 0
    met = found["forecast"]
    assert met["not_judged"] == []
    assert [row["figure"] for row in met["figures"]] == list(JUDGED)
    assert met["finish_of_sites"]["inside"] > 0
