"""The region tree as a value: reading the statistics bureau's list, and finding a village by code
or by the name an office wrote. Pure apart from reading the file it is given."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from yingjian.kernel.errors import RuleBroken
from yingjian.population import rules
from yingjian.population.roster import detect_encoding
from yingjian.population.values import LEVEL_WORDS, RegionLevel

REGION_DIGITS: Final = 12
REGION_FIELDS: Final = ("code", "name", "level", "parent_code")


@dataclass(frozen=True, slots=True)
class RegionRow:
    """One area: 12-digit code, name, level, code of the area above ('' for a province)."""

    code: str
    name: str
    level: RegionLevel
    parent_code: str

    @property
    def path(self) -> str:
        """Trimmed code prefix (see `rules.region_path`)."""
        return rules.region_path(self.code)


def read_regions(path: Path) -> list[RegionRow]:
    """Areas of a csv file with columns code,name,level,parent_code, parents before children.

    Refuses the whole file (RuleBroken population.regions.*) on a missing column, a code that is not 12
    digits, a level the code contradicts, or the same code with two names.
    """
    if not path.is_file():
        raise RuleBroken("population.roster.missing", file=path.name)
    found: dict[str, RegionRow] = {}
    with path.open(encoding=detect_encoding(path), newline="") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in REGION_FIELDS if name not in (reader.fieldnames or ())]
        if missing:
            raise RuleBroken("population.regions.column_missing", columns=missing)
        for line in reader:
            row = _region(line, reader.line_num)
            if found.setdefault(row.code, row).name != row.name:
                raise RuleBroken(
                    "population.regions.two_names", line=reader.line_num, region=row.code
                )
    return sorted(found.values(), key=lambda row: (len(row.path), row.code))


def _region(line: Mapping[str, str | None], number: int) -> RegionRow:
    code = rules.fold(line["code"] or "")
    name = (line["name"] or "").strip()
    level = LEVEL_WORDS.get((line["level"] or "").strip())
    if len(code) != REGION_DIGITS or not code.isascii() or not code.isdigit():
        raise RuleBroken("population.regions.code", line=number, region=code)
    if not name:
        raise RuleBroken("population.regions.name", line=number, region=code)
    if level is None or level is not rules.region_level(code):
        raise RuleBroken(
            "population.regions.level", line=number, region=code, level=line["level"] or ""
        )
    parent = rules.fold(line["parent_code"] or "") or rules.region_parent(code)
    if parent != rules.region_parent(code):
        raise RuleBroken("population.regions.parent", line=number, region=code, parent=parent)
    return RegionRow(code, name, level, parent)


class RegionIndex:
    """Finds areas by code and villages by name inside one area path."""

    def __init__(self, rows: Iterable[RegionRow]) -> None:
        self.by_code: dict[str, RegionRow] = {row.code: row for row in rows}
        self._by_key: dict[tuple[str, str], list[str]] = {}
        self._by_stem: dict[str, list[str]] = {}
        self._prefixes: list[tuple[str, str]] = []
        self._cache: dict[tuple[str, str], tuple[str, ...]] = {}
        self._has_children = {row.parent_code for row in self.by_code.values()}
        for row in self.by_code.values():
            if row.level is RegionLevel.VILLAGE:
                key = rules.place_key(row.name)
                self._by_key.setdefault(key, []).append(row.code)
                self._by_stem.setdefault(key[0], []).append(row.code)
            else:
                self._prefixes.append((row.name, row.path))
        self._prefixes.sort(key=lambda entry: (len(entry[1]), -len(entry[0])))

    def __contains__(self, code: str) -> bool:
        return code in self.by_code

    def __iter__(self) -> Iterator[RegionRow]:
        return iter(self.by_code.values())

    def is_leaf(self, code: str) -> bool:
        """True for an area with nothing below it (a village, or a farm without villages)."""
        return code in self.by_code and code not in self._has_children

    def named(self, name: str, area: str) -> tuple[str, ...]:
        """Codes of the villages that may be meant by `name` inside area path `area`.

        Accepts 王太村, 王太村委会, 杨和镇王太村 and 永宁县杨和镇王太村. More than one answer means
        the name is ambiguous there; none that it is unknown.
        """
        key = (name, area)
        if key not in self._cache:
            self._cache[key] = self._find(name, area)
        return self._cache[key]

    def _find(self, name: str, area: str) -> tuple[str, ...]:
        text = rules.fold(name).replace(" ", "")
        found = self._villages(text, area)
        if found:
            return found
        for prefix, path in self._prefixes:
            if text.startswith(prefix) and (path.startswith(area) or area.startswith(path)):
                if text == prefix and self.is_leaf(path.ljust(12, "0")):
                    return (path.ljust(12, "0"),)
                deeper = max(path, area, key=len)
                found = self._find(text[len(prefix) :], deeper) if len(text) > len(prefix) else ()
                if found:
                    return found
        return ()

    def _villages(self, text: str, area: str) -> tuple[str, ...]:
        stem, kind = rules.place_key(text)
        exact = self._by_key.get((stem, kind), ()) if kind else ()
        codes = exact or self._by_stem.get(stem, ())
        return tuple(code for code in codes if code.startswith(area))
