"""Reading preset files: strict YAML, layering over `base`, and errors a clerk can act on.

Every refusal names a stable code, the file, the line, the path inside the file and what to do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from yingjian.campaigns.preset_leaves import ORIGIN, UNSOURCED
from yingjian.campaigns.preset_schema import Preset
from yingjian.kernel.errors import RuleBroken

DEFAULT_DIRECTORY = Path(__file__).resolve().parents[3] / "presets"
BASE = "base"
SHARED = "reasons"  # top-level key that only holds YAML anchors for sentences used often
MAX_BYTES = 1_000_000
LEAF_MARKS = frozenset({"value", "origin", "at", "owner"})
CODE_OF_TYPE = {
    "extra_forbidden": "unknown_key",
    "missing": "missing_key",
    "literal_error": "unknown_code",
    "string_pattern_mismatch": "bad_pattern",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "too_short": "empty",
    "string_too_short": "empty",
}
OWN_CODES = frozenset(
    {
        "bad_dates",
        "bad_origin",
        "bad_time",
        "default_size_not_allowed",
        "min_over_max",
        "missing_reason",
        "missing_rule",
        "no_value",
        "open_band",
        "out_of_range",
        "repeated_code",
        "two_times",
        "unknown_category",
        "unknown_code",
        "unknown_item",
        "unknown_role",
        "wrong_unit",
    }
)


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a preset file; `code` is stable, sentences are in `messages.*.json`."""

    kind: str
    path: str
    file: str = ""
    line: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> str:
        return f"campaigns.preset_{self.kind}"

    @property
    def params(self) -> dict[str, Any]:
        """What the sentence is filled with."""
        told = {
            key: ", ".join(str(part) for part in value) if isinstance(value, list) else value
            for key, value in self.details.items()
        }
        return {**told, "path": self.path, "file": self.file, "line": self.line or "?"}

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        facts = ", ".join(f"{key}={value}" for key, value in self.details.items())
        return f"{where} {self.path}: {self.code}" + (f" ({facts})" if facts else "")


class PresetError(RuleBroken):
    """A preset cannot be used. `problems` lists every fault found; the first one gives the code."""

    def __init__(self, problems: list[Problem]) -> None:
        first = problems[0]
        status = 404 if first.kind == "unknown_preset" else 422
        super().__init__(first.code, status=status, **first.params, more=len(problems) - 1)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class _Loader(yaml.SafeLoader):
    """YAML 1.2 scalars only: `07:00` stays text, `no` is not false, a key twice is an error."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("int", r"^-?(?:0|[1-9][0-9_]*)$", "-0123456789"),
    ("float", r"^-?(?:0|[1-9][0-9]*)\.[0-9]+$", "-0123456789"),
    ("timestamp", r"^\d{4}-\d{2}-\d{2}$", "0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))

Lines = dict[str, int]


def _index(node: yaml.Node, path: str, lines: Lines, problems: list[Problem], file: str) -> None:
    """Remember the line of every path; report keys given twice."""
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, child in node.value:
            name = str(key.value)
            below = f"{path}.{name}" if path else name
            if name in seen:
                line = key.start_mark.line + 1
                problems.append(Problem("duplicate_key", below, file, line))
            seen.add(name)
            _index(child, below, lines, problems, file)
            lines[below] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for position, child in enumerate(node.value):
            _index(child, f"{path}.{position}", lines, problems, file)


def read_text(text: str, file: str) -> tuple[dict[str, Any], Lines]:
    """Parse one file into a mapping and the line of every path. Raises `PresetError`."""
    if len(text.encode()) > MAX_BYTES:
        raise PresetError([Problem("too_large", "", file, None, {"limit": MAX_BYTES})])
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        raw = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        details = {"problem": getattr(error, "problem", None) or type(error).__name__}
        raise PresetError([Problem("not_yaml", "", file, line, details)]) from None
    if node is None or not isinstance(raw, dict):
        raise PresetError([Problem("not_a_mapping", "", file)])
    lines: Lines = {}
    problems: list[Problem] = []
    _index(node, "", lines, problems, file)
    if problems:
        raise PresetError(problems)
    return raw, lines


def _is_leaf(node: object) -> bool:
    return isinstance(node, dict) and bool(LEAF_MARKS & node.keys())


def _stamp(node: Any, layer: str, path: str, file: str) -> Any:
    """Mark every leaf with the file it came from; a hand-written `layer` is refused."""
    if not isinstance(node, dict):
        return node
    if "layer" in node:
        below = f"{path}.layer".lstrip(".")
        raise PresetError([Problem("unknown_key", below, file, None, {"key": "layer"})])
    if _is_leaf(node):
        return {**node, "layer": layer}
    return {key: _stamp(child, layer, f"{path}.{key}", file) for key, child in node.items()}


def _overlay(under: Any, over: Any) -> Any:
    """`over` wins leaf by leaf; a leaf is replaced whole, never keeping another's origin."""
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    if _is_leaf(under) or _is_leaf(over):
        return over
    merged = dict(under)
    for key, child in over.items():
        merged[key] = _overlay(under[key], child) if key in under else child
    return merged


def _problems_of(error: ValidationError, file: str, lines: Lines) -> list[Problem]:
    found = []
    for item in error.errors(include_url=False):
        parts = [str(part) for part in item["loc"] if part != "[key]"]
        context = dict(item.get("ctx") or {})
        path = str(context.pop("path", ".".join(parts)))
        kind = item["type"]
        code = kind if kind in OWN_CODES else CODE_OF_TYPE.get(kind, "wrong_type")
        if kind == "missing" and parts[-1] == "origin":
            code = "missing_origin"
        elif code == "unknown_code" and parts[-1] == "unit":
            code = "wrong_unit"
        if code in {"wrong_type", "unknown_key", "missing_key"}:
            context = {"key": parts[-1] if parts else "", "problem": item["msg"]}
        elif kind not in OWN_CODES:
            context = {"got": str(item["input"])[:60], "allowed": context.get("expected", "")}
        found.append(Problem(code, path, file, _nearest(path, lines), context))
    return found


def _nearest(path: str, lines: Lines) -> int | None:
    while path and path not in lines:
        path = path.rpartition(".")[0]
    return lines.get(path) if path else None


def build(raw: Mapping[str, Any], *, file: str = "", lines: Lines | None = None) -> Preset:
    """Validate a merged mapping. Raises `PresetError` with every problem found."""
    try:
        return Preset.model_validate(deepcopy(dict(raw)))
    except ValidationError as error:
        raise PresetError(_problems_of(error, file, lines or {})) from None


def _foreign(raw: Any, source: str, file: str, lines: Lines) -> list[Problem]:
    """A plan may only cite itself; anything else is a default and must say so."""
    problems: list[Problem] = []

    def visit(node: Any, path: str) -> None:
        if _is_leaf(node):
            match = ORIGIN.match(str(node.get("origin", "")))
            cited = match["document"] if match and not match["default"] else source
            if cited not in {source, *UNSOURCED}:
                details = {"got": node["origin"], "source": source}
                line = _nearest(path, lines)
                problems.append(Problem("foreign_origin", path, file, line, details))
        elif isinstance(node, dict):
            for key, child in node.items():
                visit(child, f"{path}.{key}" if path else str(key))

    visit(raw, "")
    return problems


def _read(code: str, directory: Path) -> tuple[str, dict[str, Any], Lines]:
    path = directory / f"{code}.yaml"
    if not path.is_file() or path.parent != directory:
        known = {"known": list(codes(directory))}
        raise PresetError([Problem("unknown_preset", code, path.name, None, known)])
    raw, lines = _parsed(path, path.stat().st_mtime_ns)
    return path.name, deepcopy(raw), lines


@lru_cache(maxsize=32)
def _parsed(path: Path, changed: int) -> tuple[dict[str, Any], Lines]:
    return read_text(_text(path), path.name)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise PresetError([Problem("not_utf8", "", path.name)]) from None


def codes(directory: Path | None = None) -> tuple[str, ...]:
    """Codes of the presets in the folder, without the `base` layer."""
    folder = directory or DEFAULT_DIRECTORY
    return tuple(sorted(p.stem for p in folder.glob("*.yaml") if p.stem != BASE))


def _extended(raw: dict[str, Any], code: str, directory: Path, file: str) -> dict[str, Any]:
    parent = raw.pop("extends", None)
    chain = [code]
    layers: list[tuple[str, dict[str, Any], str]] = [(code, raw, file)]
    while parent is not None:
        if parent in chain:
            details = {"chain": [*chain, parent]}
            raise PresetError([Problem("extends_loop", "extends", file, None, details)])
        if not isinstance(parent, str):
            raise PresetError([Problem("wrong_type", "extends", file, None, {"key": "extends"})])
        chain.append(parent)
        try:
            name, below, _ = _read(parent, directory)
        except PresetError as error:
            if error.problems[0].kind != "unknown_preset":
                raise
            got = {"got": parent}
            raise PresetError([Problem("unknown_base", "extends", file, None, got)]) from None
        parent = below.pop("extends", None)
        below.pop("header", None)
        layers.append((chain[-1], below, name))
    merged: dict[str, Any] = {}
    for layer, content, name in reversed(layers):
        header = content.pop("header", None)
        content.pop(SHARED, None)
        merged = _overlay(merged, _stamp(content, layer, "", name))
        if header is not None:
            merged["header"] = header
    return merged


def parse(text: str, *, code: str, directory: Path | None = None) -> Preset:
    """Build a preset from the text of its file, layered over what it extends.

    Raises `PresetError`; nothing is guessed and no unknown key is passed over.
    """
    folder = directory or DEFAULT_DIRECTORY
    file = f"{code}.yaml"
    raw, lines = read_text(text, file)
    header = raw.get("header")
    problems: list[Problem] = []
    if isinstance(header, dict):
        if header.get("code") != code:
            details = {"got": header.get("code"), "expected": code}
            line = lines.get("header.code")
            problems.append(Problem("code_mismatch", "header.code", file, line, details))
        values = {key: node for key, node in raw.items() if key != "header"}
        problems += _foreign(values, str(header.get("source", "")), file, lines)
    try:
        preset = build(_extended(raw, code, folder, file), file=file, lines=lines)
    except PresetError as error:
        raise PresetError(problems + error.problems) from None
    if problems:
        raise PresetError(problems)
    return preset


@lru_cache(maxsize=64)
def _load(code: str, directory: Path, stamp: tuple[tuple[str, int], ...]) -> Preset:
    return parse(_text(directory / f"{code}.yaml"), code=code, directory=directory)


def load(code: str, directory: Path | None = None) -> Preset:
    """Read a preset by its code. Cached until a file in the folder changes.

    Raises `PresetError` (`unknown_preset`, …).
    """
    folder = directory or DEFAULT_DIRECTORY
    if code == BASE or code not in codes(folder):
        raise PresetError(
            [Problem("unknown_preset", code, "", None, {"known": list(codes(folder))})]
        )
    stamp = tuple((p.name, p.stat().st_mtime_ns) for p in sorted(folder.glob("*.yaml")))
    return _load(code, folder, stamp)


def snapshot(preset: Preset) -> dict[str, Any]:
    """JSON-ready copy, stored with a campaign so that a later edit cannot change a running one."""
    return preset.model_dump(mode="json")


def restore(stored: Mapping[str, Any]) -> Preset:
    """The preset of a stored snapshot. Raises `PresetError` when it does not fit the schema."""
    try:
        return Preset.model_validate_json(json.dumps(dict(stored), default=_iso))
    except ValidationError as error:
        raise PresetError(_problems_of(error, "snapshot", {})) from None


def _iso(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
