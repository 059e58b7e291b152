"""Each law fires: a violation is planted in a small tree, and the law must name it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import models
from django.test.utils import isolate_apps

from tests.architecture import laws

PROJECT = Path(__file__).resolve().parents[2]


def plant(root: Path, files: dict[str, str]) -> Path:
    """Write ``files`` below ``root``, with the packages they need."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for parent in path.relative_to(root).parents:
            if str(parent) != ".":
                (root / parent / "__init__.py").touch()
        path.write_text(text, encoding="utf-8")
    (root / "__init__.py").touch()
    return root


@pytest.mark.parametrize(
    ("importer", "line", "fires"),
    [
        ("cases/actions.py", "from PLANTED.laboratory import rules", True),
        ("cases/actions.py", "from PLANTED.laboratory.models import Result", True),
        ("cases/api.py", "def late():\n    from PLANTED.laboratory import api", True),
        ("cases/actions.py", "import PLANTED.laboratory", True),
        ("cases/actions.py", "from PLANTED.access import chain", True),
        ("cases/actions.py", "from PLANTED.laboratory import actions, queries, events", False),
        ("cases/actions.py", "from PLANTED.access import journal", False),
        ("cases/models.py", "from PLANTED.laboratory.models import Result", False),
        ("oversight/queries.py", "from PLANTED.laboratory.models import Result", False),
        ("cases/tests/test_x.py", "from PLANTED.laboratory import rules", False),
    ],
)
def test_doors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, importer: str, line: str, fires: bool
) -> None:
    package = f"planted_{abs(hash((importer, line)))}"
    rooms = {
        f"{room}/{part}.py": ""
        for room in ("laboratory", "access", "cases", "oversight")
        for part in ("actions", "queries", "events", "rules", "api", "models", "journal", "chain")
    }
    plant(tmp_path / package, {**rooms, importer: line.replace("PLANTED", package)})
    monkeypatch.syspath_prepend(str(tmp_path))
    assert bool(laws.closed_doors(package)) is fires


@isolate_apps("yingjian.laboratory", "yingjian.cases", "yingjian.planning", "yingjian.oversight")
def test_foreign_key_direction() -> None:
    class Upper(models.Model):
        class Meta:
            app_label = "cases"

    class Lower(models.Model):
        upper = models.ForeignKey(Upper, on_delete=models.PROTECT)

        class Meta:
            app_label = "laboratory"

    class Downward(models.Model):
        lower = models.ForeignKey(Lower, on_delete=models.PROTECT)

        class Meta:
            app_label = "cases"

    class Beside(models.Model):
        class Meta:
            app_label = "planning"

    class Across(models.Model):
        besides = models.ManyToManyField(Beside)

        class Meta:
            app_label = "oversight"

    assert laws.upward_keys([Upper, Downward]) == []
    assert laws.upward_keys([Lower]) == ["laboratory.Lower.upper points up to cases.Upper"]
    assert laws.upward_keys([Across]) == ["oversight.Across.besides points up to planning.Beside"]


@pytest.mark.parametrize(
    ("line", "fires"),
    [
        ("at = timezone.now()", True),
        ("at = datetime.now(UTC)", True),
        ("day = date.today()", True),
        ("t = time.time()", True),
        ("from yingjian.kernel.clock import now\nat = now()", True),
        ("from yingjian.kernel import clock\nat = clock.now()", True),
        ("cursor.execute('UPDATE t SET at = NOW()')", True),
        ("cursor.execute(f'UPDATE {t} SET at = current_timestamp')", True),
        ("at = command.at", False),
        ("def f():\n    'Never calls now() itself.'", False),
    ],
)
def test_wall_clock(tmp_path: Path, line: str, fires: bool) -> None:
    for part in ("rules", "actions", "commands"):
        root = plant(tmp_path / part, {f"cases/{part}.py": line})
        assert bool(laws.wall_clock(laws.sources(root))) is fires, part
    elsewhere = plant(tmp_path / "jobs", {"cases/jobs.py": line, "cases/tests/actions.py": line})
    assert laws.wall_clock(laws.sources(elsewhere)) == []


def test_managers_in_api(tmp_path: Path) -> None:
    line = "def pools(request):\n    return Pool.objects.all()\n"
    root = plant(tmp_path, {"cases/api.py": line, "cases/queries.py": line})
    assert laws.managers_in_api(laws.sources(root)) == [
        "cases.api:2 reads tables itself (.objects)"
    ]


def test_environment(tmp_path: Path) -> None:
    root = plant(tmp_path, {"cases/rules.py": "import os\nx = os.environ['X']\n"})
    assert len(laws.environment(laws.sources(root))) == 1


def test_edges_and_sizes(tmp_path: Path) -> None:
    def function(lines: int) -> str:
        return "def f():\n    '''Docstrings\n    do not count.'''\n" + "    x = 1\n" * (lines - 1)

    root = plant(
        tmp_path,
        {
            "cases/api.py": function(laws.EDGE_LINES + 1),
            "cases/jobs.py": function(laws.EDGE_LINES),
            "cases/actions.py": "class A:\n    " + function(61).replace("\n", "\n    "),
            "cases/queries.py": function(60),
            "cases/long.py": "x = 1\n" * 601,
            "cases/migrations/long.py": "x = 1\n" * 601,
        },
    )
    found = list(laws.sources(root))
    assert laws.long_edges(found) == ["cases.api.f has 26 lines; an edge has at most 25"]
    assert laws.sizes(found) == {"cases.actions:A.f": 61, "cases.long": 601}


def test_the_list_of_exceptions_only_shrinks() -> None:
    assert laws.ratchet({"a": 70}, {"a": 70}) == []
    for over, allowed, word in (
        ({"a": 70}, {}, "split it"),
        ({"a": 71}, {"a": 70}, "grew"),
        ({"a": 69}, {"a": 70}, "shrank"),
        ({}, {"a": 70}, "take it off"),
    ):
        (sentence,) = laws.ratchet(over, allowed)
        assert word in sentence


def test_rooms_without_readme(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    assert laws.rooms_without_readme(tmp_path, ["cases"]) == ["cases"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("access/planted.py", "import yingjian.population.models", "Rooms depend downwards only"),
        ("planning/planted.py", "import yingjian.oversight", "Rooms depend downwards only"),
        ("newroom/__init__.py", "", "Rooms depend downwards only"),
        ("ledgers/events.py", "import yingjian.ledgers.queries", "Inside a room"),
        ("ledgers/rules.py", "import django.db.models", "are pure"),
        ("engines/planted.py", "import django", "are pure"),
        ("../../drill/planted.py", "import yingjian.access.models", "The drill stands outside"),
    ],
)
def test_import_contracts(tmp_path: Path, file: str, line: str, contract: str) -> None:
    """import-linter's contracts, as written in pyproject.toml, on a copy with one fault."""
    tree = tmp_path / "tree"
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("src/yingjian", "config", "drill"):
        shutil.copytree(PROJECT / name, tree / name, ignore=ignore)
    shutil.copy(PROJECT / "pyproject.toml", tree)
    (tree / "src/yingjian/ledgers/queries.py").touch()
    path = tree / "src/yingjian" / file
    path.resolve().parent.mkdir(exist_ok=True)
    path.write_text(line + "\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()",
         "--no-cache"],
        cwd=tree, env={"PYTHONPATH": f"{tree / 'src'}:{tree}", "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [row for row in done.stdout.splitlines() if " BROKEN" in row]
    if broken:
        assert len(broken) == 1
        assert contract in broken[0]
    else:  # an undeclared room stops the linter before any contract is judged
        assert "newroom" in done.stdout + done.stderr
