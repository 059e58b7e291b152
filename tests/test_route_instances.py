"""`bench instances` on routes: a public file is asked as it stands, by all four, at the same scale."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import route_instances
from yingjian.engines.routing.fleet import solve_fleet

INSTANCE = """NAME: T1
TYPE: MTVRPTWR
EDGE_WEIGHT_TYPE: EUC_2D
DIMENSION: 4
VEHICLES: 1
CAPACITY: 10
SERVICE_TIME: 10
NODE_COORD_SECTION
1 0 0
2 3 4
3 6 8
4 0 5
DEMAND_SECTION
1 0
2 5
3 5
4 5
TIME_WINDOW_SECTION
1 0 1000
2 0 500
3 0 500
4 0 900
RELEASE_TIME_SECTION
1 0
2 7
3 0
4 100
VEHICLES_RELOAD_DEPOT_SECTION
1 1
DEPOT_SECTION
1
EOF
"""
SOLUTION = "Route #1: 1 2 0 3\nCost: 300\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "T1.vrp").write_text(INSTANCE.replace(" ", "\t").replace(":\t", ": "))
    (tmp_path / "T1.sol").write_text(SOLUTION)
    return tmp_path


def test_the_question_is_the_instance(folder: Path) -> None:
    _, problem, best = route_instances.read(folder / "T1.vrp", "mtvrptwr")
    assert best == 300
    assert problem.times[3, :3].tolist() == [50, 100, 50]  # the home comes last; ten times
    assert problem.places.ready.tolist() == [70, 0, 1000]
    assert problem.places.service.tolist() == [100, 100, 100]
    assert problem.places.closes.tolist() == [5000, 5000, 9000]
    assert int(problem.kinds.trips[0]) > 3
    result = solve_fleet(problem)
    assert result.cost == 300
    assert {frozenset(leg.places) for leg in result.days[0].legs} == {
        frozenset({0, 1}),
        frozenset({2}),
    }


def test_four_sides_are_measured_and_judged(folder: Path) -> None:
    said: list[str] = []
    figures = route_instances.run(
        data=folder, which="mtvrptwr", seconds=0.1, seeds=1, every=1, say=said.append
    )
    assert {side: figures[side]["hit"] for side in ("own", "tuned", "alone", "columns")} == {
        "own": 1, "tuned": 1, "alone": 1, "columns": 1
    }  # fmt: skip
    assert said[0].startswith("T1 seed 1 best 300")


def test_a_solution_that_breaks_a_limit_ends_the_run(folder: Path) -> None:
    (folder / "T1.sol").write_text("Route #1: 1 2 3\nCost: 300\n")
    with pytest.raises(SystemExit, match="breaks a limit"):
        route_instances.read(folder / "T1.vrp", "mtvrptwr")
