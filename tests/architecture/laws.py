"""The laws of the house as functions: each takes a tree and returns its violations as sentences.

They are laid on the real tree by ``test_house.py`` and on planted violations by ``test_laws.py``.
What imports alone can show (floors, layers inside a room, purity) is in import-linter's contracts.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import grimp
from django.db.models import Model

from yingjian.rooms import FLOORS, ROOMS

FUNCTION_LINES = 60
MODULE_LINES = 600
EDGE_LINES = 25

# A room is entered through these; the rest of it is its own.
DOORS = frozenset({"actions", "queries", "events", "values"})
MORE_DOORS: Mapping[str, frozenset[str]] = {
    "access": frozenset(
        {
            "journal",
            "outbox",
            "clocks",
            "scope",
            "vault",
            "actor",
            "edges",
            "invitations",
            "permissions",
            "prepared",
        }
    ),
    "campaigns": frozenset({"presets"}),
    "population": frozenset({"own", "places"}),
}
# The room that watches over all others reads their tables, the journal's chain and the policies in force.
WATCHDOG_DOORS = frozenset({"models", "chain", "security"})
# The floor of a room: 0 is the lowest.
RANK: Mapping[str, int] = {
    room: rank for rank, floor in enumerate(reversed(FLOORS)) for room in floor
}

_EDGES = ("api", "jobs", "subscribers")
_CLOCKLESS = ("rules", "actions", "commands", "values")
_WALL_CLOCK = frozenset(
    {
        "timezone.now", "timezone.localtime", "timezone.localdate", "now",
        "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
        "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today",
        "time.time", "time.time_ns", "time.localtime", "time.gmtime", "clock.now", "Now",
    }
)  # fmt: skip
_SQL_CLOCK = re.compile(
    r"\b(now\(\)|clock_timestamp\(\)|statement_timestamp\(\)|current_(timestamp|date|time)\b)",
    re.IGNORECASE,
)
_MANAGERS = frozenset({"objects", "_default_manager", "_base_manager"})


@dataclass(frozen=True)
class Source:
    """One parsed module: where it lies in its package, and its tree."""

    path: Path
    name: str  # dotted, below the root: "access.actions"
    tree: ast.Module

    @property
    def room(self) -> str:
        """The first part of the name."""
        return self.name.split(".")[0]

    @property
    def part(self) -> str:
        """The file of the room: ``actions`` for ``access.actions`` and ``access.actions.grants``."""
        return [*self.name.split("."), ""][1]

    @property
    def exempt(self) -> bool:
        """Tests and migrations are not part of the house's machinery."""
        return bool({"tests", "migrations"} & set(self.name.split(".")))


def sources(root: Path) -> Iterator[Source]:
    """Every Python module below ``root``."""
    for path in sorted(root.rglob("*.py")):
        if {"node_modules", ".venv"} & set(path.parts):
            continue
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield Source(path, name, ast.parse(path.read_text(encoding="utf-8"), str(path)))


def closed_doors(package: str, rooms: Iterable[str] = ROOMS) -> list[str]:
    """Imports from one room into another that do not land in a door."""
    known = set(rooms)
    graph = grimp.build_graph(package, include_external_packages=False, cache_dir=None)
    wrong = []
    for importer in sorted(graph.modules):
        here, *inside = importer.removeprefix(package).lstrip(".").split(".")
        if here not in known or {"tests", "migrations"} & set(inside):
            continue
        for imported in sorted(graph.find_modules_directly_imported_by(importer)):
            there, *landing = imported.removeprefix(package).lstrip(".").split(".")
            if there not in known or there == here:
                continue
            door = landing[0] if landing else ""
            if door == "models" and inside[:1] == ["models"]:
                continue
            if here == "oversight" and door in WATCHDOG_DOORS:
                continue
            if door not in DOORS | MORE_DOORS.get(there, frozenset()):
                wrong.append(f"{importer} enters {imported}, which is not a door of {there}")
    return wrong


def upward_keys(models: Iterable[type[Model]], rank: Mapping[str, int] = RANK) -> list[str]:
    """Foreign keys that point up, or across a floor."""
    wrong = []
    for model in models:
        here = model._meta.app_label
        if here not in rank:
            continue
        for field in [*model._meta.local_fields, *model._meta.local_many_to_many]:
            target = field.related_model
            if not field.is_relation or not isinstance(target, type):
                continue
            there = target._meta.app_label
            if there != here and there in rank and rank[there] >= rank[here]:
                wrong.append(f"{model._meta.label}.{field.name} points up to {target._meta.label}")
    return wrong


def managers_in_api(found: Iterable[Source]) -> list[str]:
    """Reads of tables in ``api.py``: an edge asks a query instead."""
    return [
        f"{source.name}:{node.lineno} reads tables itself (.{node.attr})"
        for source in found
        if source.part == "api" and not source.exempt
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and node.attr in _MANAGERS
    ]


def wall_clock(found: Iterable[Source]) -> list[str]:
    """Clock readings where time must come in as ``at``: by name, or inside a SQL text."""
    wrong = []
    for source in found:
        if source.part not in _CLOCKLESS or source.exempt:
            continue
        documentation = _docstrings(source.tree)
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and _dotted(node.func) in _WALL_CLOCK:
                wrong.append(f"{source.name}:{node.lineno} reads the clock ({_dotted(node.func)})")
            elif (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node not in documentation
                and (read := _SQL_CLOCK.search(node.value))
            ):
                wrong.append(f"{source.name}:{node.lineno} reads the clock in SQL ({read.group()})")
    return wrong


def environment(found: Iterable[Source]) -> list[str]:
    """Readers of the environment beside ``config/env.py``."""
    return [
        f"{source.name}:{node.lineno} reads the environment; ask config.env"
        for source in found
        if not source.exempt
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and _dotted(node) in {"os.environ", "os.getenv"}
    ]


def long_edges(found: Iterable[Source]) -> list[str]:
    """Functions of api, jobs and subscribers above their cap."""
    return [
        f"{source.name}.{name} has {lines} lines; an edge has at most {EDGE_LINES}"
        for source in found
        if source.part in _EDGES and not source.exempt
        for name, lines in _functions(source.tree)
        if lines > EDGE_LINES
    ]


def sizes(found: Iterable[Source]) -> dict[str, int]:
    """Everything above its cap: ``module`` or ``module:function`` with its number of lines."""
    over: dict[str, int] = {}
    for source in found:
        lines = len(source.path.read_text(encoding="utf-8").splitlines())
        if "migrations" in source.name.split("."):
            continue
        if lines > MODULE_LINES:
            over[source.name] = lines
        for name, length in _functions(source.tree):
            if length > FUNCTION_LINES:
                over[f"{source.name}:{name}"] = length
    return over


def ratchet(over: Mapping[str, int], allowed: Mapping[str, int]) -> list[str]:
    """What breaks the list of exceptions: new ones, grown ones, ones no longer needed."""
    wrong = []
    for name in sorted({*over, *allowed}):
        now, then = over.get(name), allowed.get(name)
        if now is None:
            wrong.append(f"{name} is within its cap now: take it off the list")
        elif then is None:
            wrong.append(f"{name} has {now} lines, above its cap: split it")
        elif now > then:
            wrong.append(f"{name} grew from {then} to {now} lines: the list may only shrink")
        elif now < then:
            wrong.append(f"{name} shrank from {then} to {now} lines: write that on the list")
    return wrong


def rooms_without_readme(root: Path, rooms: Iterable[str] = ROOMS) -> list[str]:
    """Rooms that do not say what they own."""
    return [room for room in rooms if not (root / room / "README.md").is_file()]


def _functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Each function by its qualified name, with its lines less its docstring."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{prefix}{child.name}", _length(child)
                yield from walk(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.ClassDef):
                yield from walk(child, f"{prefix}{child.name}.")
            else:
                yield from walk(child, prefix)

    yield from walk(tree, "")


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def _docstrings(tree: ast.Module) -> set[ast.AST]:
    return {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}".lstrip(".")
    return ""
