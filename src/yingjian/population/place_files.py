"""Lists of places as counties send them: a workbook, a csv file or GeoJSON, as lines of text by column.

What kind of file it is, is seen from its bytes (`roster.identify`). Judging the lines is the business of whoever asks
for them; every line that is not blank is counted, a repeated heading too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
from python_calamine import (
    CalamineError,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    XmlError,
    ZipError,
)

from yingjian.kernel.errors import RuleBroken
from yingjian.population import rules
from yingjian.population.roster import (
    HEADER_SEARCH_LINES,
    RosterFile,
    RosterReader,
    cell_text,
    identify,
    sheet_lines,
    sm3_of,
)
from yingjian.population.values import Column

MOST_ROWS: Final = 200_000
"""Lines of one list; a county has some thousand sites and some ten thousand buildings."""
MOST_BYTES: Final = 64 * 1024**2
_EXAMPLES: Final = ("示例", "例：", "例:", "example")
_PAIR: Final = 2


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """One line: where it stands, its cells by column, and as they came."""

    sheet: str
    row: int
    cells: Mapping[str, str]
    raw: Sequence[str]

    def get(self, key: str) -> str:
        """The cell of a column; empty where the file has none."""
        return self.cells.get(key, "")


@dataclass
class PlaceReader:
    """Reads one file: iterate `lines()`; `headings` are the last table's, `expected` an upper bound of its lines."""

    path: Path
    columns: Sequence[Column]
    checksum: str = ""
    kind: str = ""
    expected: int = 0
    headings: list[str] = field(default_factory=list)
    _file: RosterFile | None = None

    @classmethod
    def open(cls, path: Path, columns: Sequence[Column]) -> PlaceReader:
        """Identify a file. Refuses what is no table (population.roster.*) and no GeoJSON (population.places.*)."""
        if path.is_file() and path.stat().st_size > MOST_BYTES:
            raise RuleBroken(
                "population.roster.too_large", bytes=path.stat().st_size, max=MOST_BYTES
            )
        if _looks_like_json(path):
            with path.open("rb") as stream:
                return cls(path, columns, sm3_of(stream), "geojson")
        found = identify(path)
        return cls(path, columns, found.checksum, found.kind, found.lines, _file=found)

    def lines(self) -> Iterator[PlaceLine]:
        """Every line that is not blank. Refuses a file without headings or without lines."""
        count = 0
        for line in self._features() if self.kind == "geojson" else self._tables():
            count += 1
            if count > MOST_ROWS:
                raise RuleBroken("population.places.too_many_rows", max=MOST_ROWS)
            yield line
        if not count:
            raise RuleBroken("population.places.no_rows")

    # -- tables --------------------------------------------------------------------------------

    def _tables(self) -> Iterator[PlaceLine]:
        found = False
        for sheet, lines in self._sheets():
            head = self._heading(sheet, lines)
            if head is None:
                continue
            found = True
            row, index = head
            yield from self._body(sheet, row, index, lines)
        if not found:
            needed = "、".join(column.headings[0] for column in self.columns if column.required)
            raise RuleBroken("population.places.header_missing", needed=needed)

    def _sheets(self) -> Iterator[tuple[str, Iterator[Sequence[Any]]]]:
        if self.kind == "csv" and self._file is not None:
            for _, _, lines in RosterReader(self._file)._csv_tables():  # noqa: SLF001 - of this room
                yield "", lines
            return
        try:
            book = CalamineWorkbook.from_path(str(self.path))
        except PasswordError as error:
            raise RuleBroken("population.roster.encrypted", file=self.path.name) from error
        except (CalamineError, XmlError, ZipError, OSError) as error:
            raise RuleBroken("population.roster.unreadable", file=self.path.name) from error
        for number, meta in enumerate(book.sheets_metadata):
            if meta.typ is not SheetTypeEnum.WorkSheet:
                continue
            try:
                sheet = book.get_sheet_by_index(number)
            except (CalamineError, XmlError, ZipError) as error:
                raise RuleBroken("population.roster.unreadable", file=self.path.name) from error
            if sheet.end is None:
                continue
            self.expected += sheet.end[0] + 1
            yield meta.name, sheet_lines(sheet)
        book.close()

    def _heading(
        self, sheet: str, lines: Iterator[Sequence[Any]]
    ) -> tuple[int, dict[str, int]] | None:
        """Number of the heading line and where each known column is; None in a sheet without one."""
        for row, line in enumerate(islice(lines, HEADER_SEARCH_LINES), start=1):
            titles = [cell_text(cell) for cell in line]
            index = self._index(titles, sheet, row)
            if index is not None:
                self.headings = titles
                return row, index
        return None

    def _index(self, titles: Sequence[str], sheet: str, row: int) -> dict[str, int] | None:
        known = known_headings(self.columns)
        index: dict[str, int] = {}
        twice = ""
        for at, title in enumerate(titles):
            key = known.get(rules.header_key(title)) or known.get(rules.header_core(title))
            if key is None:
                continue
            twice = title if key in index else twice
            index.setdefault(key, at)
        needed = [column.key for column in self.columns if column.required]
        if len(index) <= 1 or not any(key in index for key in needed):
            return None
        missing = next((key for key in needed if key not in index), None)
        if missing is not None:
            title = next(c.headings[0] for c in self.columns if c.key == missing)
            raise RuleBroken("population.roster.column_missing", key=title, sheet=sheet, row=row)
        if twice:
            first = titles[
                index[known.get(rules.header_key(twice)) or known[rules.header_core(twice)]]
            ]
            raise RuleBroken(
                "population.roster.column_twice", column=twice, other=first, sheet=sheet, row=row
            )
        return index

    def _body(
        self, sheet: str, head: int, index: Mapping[str, int], lines: Iterator[Sequence[Any]]
    ) -> Iterator[PlaceLine]:
        titles = self.headings
        for row, line in enumerate(lines, start=head + 1):
            raw = [cell_text(cell) for cell in line]
            if not any(raw) or raw == titles or raw[0].lower().startswith(_EXAMPLES):
                continue
            cells = {key: raw[at] if at < len(raw) else "" for key, at in index.items()}
            if any(cells.values()):
                yield PlaceLine(sheet, row, cells, raw)

    # -- GeoJSON -------------------------------------------------------------------------------

    def _features(self) -> Iterator[PlaceLine]:
        document = _json(self.path)
        features = document.get("features") if isinstance(document, dict) else None
        if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
            raise RuleBroken("population.places.geojson", detail="FeatureCollection")
        if not isinstance(features, list):
            raise RuleBroken("population.places.geojson", detail="features")
        self.expected = len(features)
        self.headings = [column.key for column in self.columns]
        known, crs = known_headings(self.columns), _crs(document)
        for row, feature in enumerate(features, start=1):
            about = feature.get("properties") if isinstance(feature, dict) else None
            cells = {"datum": crs} if crs else {}
            for name, value in (about if isinstance(about, dict) else {}).items():
                key = known.get(rules.header_key(str(name)))
                if key is not None:
                    cells[key] = _plain(value)
            where = _middle(feature.get("geometry") if isinstance(feature, dict) else None)
            if where is not None:
                cells["lon"], cells["lat"] = repr(where[0]), repr(where[1])
            yield PlaceLine("", row, cells, [cells.get(key, "") for key in self.headings])


def known_headings(columns: Sequence[Column]) -> dict[str, str]:
    """Headings and keys, as they are compared, → key."""
    return {
        rules.header_key(word): column.key
        for column in columns
        for word in (*column.headings, column.key)
    }


def _looks_like_json(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        head = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    return head[:1] in {b"{", b"["}


def _json(path: Path) -> Any:
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise RuleBroken("population.places.geojson", detail=str(error)[:80]) from error


def _crs(document: Mapping[str, Any]) -> str:
    """The grid the file as a whole names (the `crs` of old GeoJSON)."""
    about = document.get("crs")
    named = about.get("properties") if isinstance(about, dict) else None
    return str(named.get("name", ""))[:80] if isinstance(named, dict) else ""


def _plain(value: Any) -> str:
    """A property as a cell's text; true and false as the words of a template."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()[:200]
    return cell_text(value)


def _middle(geometry: Any) -> tuple[float, float] | None:
    """A point, or the middle of the outline of a building; None where there is no such geometry."""
    if not isinstance(geometry, dict):
        return None
    inside: Any = geometry.get("coordinates")
    with suppress(TypeError, IndexError, KeyError):
        match geometry.get("type"):
            case "Point":
                ring = [inside]
            case "Polygon":
                ring = inside[0]
            case "MultiPolygon" | "MultiPoint" as kind:
                ring = inside[0][0] if kind == "MultiPolygon" else inside
            case _:
                return None
        closed = len(ring) > 1 and ring[0] == ring[-1]
        corners = ring[:-1] if closed else ring
        if not corners or not all(_numbers(corner) for corner in corners):
            return None
        return (
            sum(float(corner[0]) for corner in corners) / len(corners),
            sum(float(corner[1]) for corner in corners) / len(corners),
        )
    return None


def _numbers(corner: Any) -> bool:
    return len(corner) >= _PAIR and all(
        isinstance(n, int | float) and not isinstance(n, bool) for n in corner[:_PAIR]
    )
