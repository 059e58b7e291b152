"""`bench instances` on sites: public files are asked as they stand, both sides find what is best."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import instances, public

LINE = """ 4 4 2
 1 2 9
 2 3 2
 3 4 2
 1 2 1
"""
"""Places in a row 1, 2, 2 apart: the last line replaces the first."""
ROOMS = """4 2
0 1 3 5
1 0 2 4
3 2 0 2
5 4 2 0
2 2 2 2
4 4 4 4
"""
COORDINATES = """4 2
0 0 6 2
3 4 6 2
300 400 6 2
303 404 6 4
"""


def test_a_later_edge_replaces_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "pmed1.txt").write_text(LINE)
    problem = public.pmed(tmp_path / "pmed1.txt")
    assert problem.pair_prices is not None
    assert (problem.pair_prices[0] // public.UNIT).tolist() == [0, 1, 3, 5]
    assert problem.most_sites == 2


def test_straight_distances_are_not_rounded(tmp_path: Path) -> None:
    (tmp_path / "SJC1.dat").write_text(COORDINATES.replace("3 4 6", "1 1 6"))
    problem = public.sjc(tmp_path / "SJC1.dat")
    assert problem.pair_prices is not None
    assert problem.pair_prices[0, 1] == 14_142
    assert problem.heads.tolist() == [2, 2, 2, 4]


@pytest.mark.parametrize(
    ("which", "instance", "best"),
    [
        ("pmed", ("pmed1.txt", LINE), 3),
        ("pmedcap", ("p1250/p1250-1.txt", ROOMS), 3),
        ("sjc", ("SJC1.dat", COORDINATES), 10),
    ],
)
def test_both_sides_are_measured_judged_and_kept(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    which: str,
    instance: tuple[str, str],
    best: int,
) -> None:
    file, text = instance
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    monkeypatch.setattr(public, "PMED", [best])
    monkeypatch.setattr(public, "SJC", {"SJC1": best})
    said: list[str] = []
    figures = instances.run(
        data=tmp_path, which=which, seconds=20, seeds=1, every=1, say=said.append,
        keep=tmp_path / "kept.jsonl",
    )  # fmt: skip
    for side in ("own", "alone"):
        assert figures[side]["hit"] == figures[side]["proven"] == 1
        assert figures["scores"][side][0]["cost"] == pytest.approx(best)
    kept = json.loads((tmp_path / "kept.jsonl").read_text())
    assert kept["own"]["name"] == Path(file).stem
