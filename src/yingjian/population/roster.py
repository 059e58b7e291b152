"""Reading rosters as offices send them: xlsx, xls and csv, Chinese or English headings, in chunks.

This module turns a file into columns of text and says everything that is odd about the file
itself; `checking` judges the people. Nothing is cut silently: every line of every sheet is
counted as data, heading, title, blank or skipped, and a sheet that is as long as its format
allows is refused, because nobody can know what was lost (domain.md §7, UK Test & Trace 2020).
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import io
import zipfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from cryptography.hazmat.primitives import hashes
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    XmlError,
    ZipError,
)

from yingjian.kernel.errors import RuleBroken
from yingjian.population import rules
from yingjian.population.values import (
    COLUMNS,
    IGNORED_HEADINGS,
    Issue,
    Severity,
)

#: Most lines a sheet of each format can hold, set by the formats themselves.
ROW_LIMITS: Final[Mapping[str, int]] = {"xls": 65_536, "xlsx": 1_048_576, "ods": 1_048_576}
HEADER_SEARCH_LINES: Final = 20
CHUNK_ROWS: Final = 8_192
#: An unclosed quotation mark swallows the lines after it into one cell; no honest cell is longer.
CELL_MAX: Final = 2_000
QUOTED_LINES_MAX: Final = 20
#: A spreadsheet that unpacks to more than this is no roster but a decompression bomb.
UNPACKED_MAX_BYTES: Final = 6 * 1024**3
#: A part of a workbook that is this large and shrank this much is padding: a full sheet of one repeated person, the
#: most uniform roster there is, shrinks about a hundredfold.
PADDING_FROM_BYTES: Final = 64 * 1024**2
PADDING_RATIO: Final = 400
_BLOCK: Final = 1 << 20

_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True, slots=True)
class RosterFile:
    """What a file is: `checksum` is the SM3 of its bytes, `lines` an upper bound for progress."""

    path: Path
    kind: str
    size: int
    checksum: str
    encoding: str = ""
    delimiter: str = ","
    lines: int = 0


@dataclass(frozen=True, slots=True)
class Header:
    """The heading line: its row, the width of the table, and where each known column is."""

    row: int
    width: int
    index: Mapping[str, int]
    titles: Sequence[str]

    def title(self, key: str) -> str:
        """Heading of a column as the file writes it."""
        return self.titles[self.index[key]] if key in self.index else ""


@dataclass(frozen=True, slots=True)
class RawChunk:
    """Lines of one sheet as columns of trimmed text; `rows` are spreadsheet line numbers, `lines`
    the cells as they came."""

    sheet: str
    header: Header
    rows: list[int]
    columns: dict[str, list[str]]
    lines: list[list[Any]]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(slots=True)
class ReadTotals:
    """Every line of the file is in exactly one of these counts."""

    data: int = 0
    blank: int = 0
    titles: int = 0
    headers: int = 0
    skipped: int = 0
    sheets: int = 0

    @property
    def lines(self) -> int:
        """All lines seen."""
        return self.data + self.blank + self.titles + self.headers + self.skipped


#: Sheet name, number of its first line, its lines.
Tables = Generator[tuple[str, int, Iterator[list[Any]]], None, None]

# -- what kind of file -------------------------------------------------------------------------


def sm3_of(stream: BinaryIO) -> str:
    """SM3 (GB/T 32905) of a stream, as 64 hex digits."""
    digest = hashes.Hash(hashes.SM3())
    while block := stream.read(_BLOCK):
        digest.update(block)
    return digest.finalize().hex()


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def detect_encoding(path: Path) -> str:
    """Encoding of a text file by its byte-order mark or, over the whole file, by what decodes:
    UTF-8 first, then GB 18030. Refuses when neither does."""
    with path.open("rb") as stream:
        head = stream.read(4)
    candidates: tuple[str, ...]
    if head.startswith(codecs.BOM_UTF8):
        candidates = ("utf-8-sig",)
    elif head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ("utf-16",)
    else:
        candidates = ("utf-8", "gb18030")
    for encoding in candidates:
        if _decodes(path, encoding):
            return encoding
    raise RuleBroken("population.roster.encoding", tried=", ".join(candidates))


def _detect_delimiter(path: Path, encoding: str) -> str:
    with path.open(encoding=encoding, newline="") as stream:
        head = "".join(islice(stream, HEADER_SEARCH_LINES))
    counts = {mark: head.count(mark) for mark in (",", "\t", ";", "|")}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else ","


def _count_lines(path: Path) -> int:
    count = 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            count += block.count(b"\n")
    return count + 1


def identify(path: Path) -> RosterFile:
    """Look at a file's own bytes (not its name) and say how to read it.

    Refuses with roster.missing, roster.empty, roster.encoding, roster.format_unknown,
    roster.too_large.
    """
    if not path.is_file():
        raise RuleBroken("population.roster.missing", file=path.name)
    size = path.stat().st_size
    if size == 0:
        raise RuleBroken("population.roster.empty")
    with path.open("rb") as stream:
        head = stream.read(512)
        stream.seek(0)
        checksum = sm3_of(stream)
    if head.startswith(_ZIP):
        return RosterFile(path, _zip_kind(path), size, checksum)
    if head.startswith(_OLE):
        return RosterFile(path, "xls", size, checksum)
    if (
        head.lstrip()[:15]
        .lower()
        .startswith((b"<!doctype", b"<html", b"<?xml", b"<table", b"%pdf"))
    ):
        raise RuleBroken("population.roster.format_unknown", file=path.name)
    if b"\x00" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise RuleBroken("population.roster.format_unknown", file=path.name)
    encoding = detect_encoding(path)
    delimiter = _detect_delimiter(path, encoding)
    return RosterFile(path, "csv", size, checksum, encoding, delimiter, _count_lines(path))


def _zip_kind(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise RuleBroken("population.roster.unreadable", file=path.name) from error
    unpacked = sum(entry.file_size for entry in entries)
    padded = any(
        entry.file_size > PADDING_FROM_BYTES
        and entry.file_size > PADDING_RATIO * entry.compress_size
        for entry in entries
    )
    if padded or unpacked > UNPACKED_MAX_BYTES:
        raise RuleBroken("population.roster.too_large", bytes=unpacked, max=UNPACKED_MAX_BYTES)
    if "xl/workbook.xml" in names or "xl/workbook.bin" in names:
        return "xlsx"
    if "content.xml" in names and "mimetype" in names:
        return "ods"
    raise RuleBroken("population.roster.format_unknown", file=path.name)


# -- headings ----------------------------------------------------------------------------------


def _headings() -> dict[str, str]:
    return {rules.header_key(word): column.key for column in COLUMNS for word in column.headings}


HEADINGS: Final[Mapping[str, str]] = _headings()
_IGNORED: Final = frozenset(rules.header_key(word) for word in IGNORED_HEADINGS)
REQUIRED: Final = tuple(column.key for column in COLUMNS if column.required)


def column_of(heading: str) -> str | None:
    """Key of the column a heading means, None when nobody knows it."""
    return HEADINGS.get(rules.header_key(heading)) or HEADINGS.get(rules.header_core(heading))


def match_header(cells: Sequence[str], row: int) -> Header | None:
    """Header when this line names the required columns; None otherwise."""
    index: dict[str, int] = {}
    for position, cell in enumerate(cells):
        key = column_of(cell)
        if key is not None:
            index.setdefault(key, position)
    if len(index) <= 1 or "name" not in index:
        return None
    width = max((position for position, cell in enumerate(cells) if cell), default=-1) + 1
    return Header(row, width, index, list(cells[:width]))


def header_issues(header: Header, sheet: str) -> list[Issue]:
    """What is wrong with a heading line: a required column missing, one named twice, one unknown."""
    found = [
        _issue("population.roster.column_missing", Severity.FATAL, sheet, header.row, key=key)
        for key in REQUIRED
        if key not in header.index
    ]
    seen: dict[str, str] = {}
    for title in header.titles:
        key_or_none = column_of(title)
        if not title:
            continue
        if key_or_none is None:
            if rules.header_key(title) not in _IGNORED:
                found.append(
                    _issue(
                        "population.roster.column_unknown",
                        Severity.NOTICE,
                        sheet,
                        header.row,
                        title,
                    )
                )
        elif key_or_none in seen:
            found.append(
                _issue(
                    "population.roster.column_twice",
                    Severity.FATAL,
                    sheet,
                    header.row,
                    title,
                    other=seen[key_or_none],
                )
            )
        else:
            seen[key_or_none] = title
    return found


def _issue(
    code: str,
    severity: Severity,
    sheet: str = "",
    row: int = 0,
    column: str = "",
    **params: object,
) -> Issue:
    return Issue(code, severity, sheet, row, column, params)


# -- cells -------------------------------------------------------------------------------------

_EXACT_MAX: Final = 10**15


def cell_text(value: Any) -> str:
    """Text of a spreadsheet cell. A number of 16 digits or more has been rounded by the
    spreadsheet; it is written as 6.40121E+17 so that the check can say so."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        if abs(value) >= _EXACT_MAX:
            return f"{value:.5E}"
        whole = int(value) if value == value else 0  # noqa: PLR0124  (NaN is not itself)
        return str(whole) if whole == value else repr(value)
    if isinstance(value, dt.datetime):
        day = value.date().isoformat()
        return day if value.time() == dt.time() else f"{day} {value.time().isoformat()}"
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return "" if value is None else str(value)


def _texts(line: Sequence[Any]) -> list[str]:
    return [cell.strip() if type(cell) is str else cell_text(cell) for cell in line]


# -- reading -----------------------------------------------------------------------------------


@dataclass(slots=True)
class RosterReader:
    """Reads one file: iterate `chunks()` to the end, then `issues` and `totals` are complete.

    Raises `RuleBroken` (population.roster.*) at once when the file as a whole cannot be trusted.
    """

    file: RosterFile
    chunk_rows: int = CHUNK_ROWS
    issues: list[Issue] = field(default_factory=list)
    totals: ReadTotals = field(default_factory=ReadTotals)
    expected: int = 0
    headings: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, *, chunk_rows: int = CHUNK_ROWS) -> RosterReader:
        """Identify a file and make its reader."""
        return cls(identify(path), chunk_rows)

    def chunks(self) -> Generator[RawChunk, None, None]:
        """Data lines of all sheets in order, `chunk_rows` at a time."""
        tables = self._csv_tables() if self.file.kind == "csv" else self._workbook_tables()
        with_header = 0
        with closing(tables):  # at once, also when a line is refused half-way
            for sheet, first_row, lines in tables:
                self.totals.sheets += 1
                for chunk in self._table_chunks(sheet, first_row, lines):
                    with_header += chunk is None
                    if chunk is not None:
                        yield chunk
        if not with_header:
            raise RuleBroken("population.roster.header_missing", needed=list(REQUIRED))
        if not self.totals.data:
            raise RuleBroken("population.roster.no_people")
        if self.file.kind == "csv" and self.totals.lines in ROW_LIMITS.values():
            self.issues.append(
                _issue(
                    "population.roster.suspicious_length", Severity.WARNING, rows=self.totals.lines
                )
            )

    def _csv_tables(self) -> Tables:
        self.expected = self.file.lines
        csv.field_size_limit(1 << 17)
        with self.file.path.open(encoding=self.file.encoding, newline="") as stream:
            yield "", 1, self._csv_lines(stream)

    def _csv_lines(self, stream: io.TextIOBase) -> Iterator[list[str]]:
        # The database holds no NUL: the mark for a broken character stands in its place.
        lines = (line.replace("\0", "\ufffd") for line in stream)
        reader = csv.reader(lines, delimiter=self.file.delimiter, strict=True)
        before = 0
        try:
            for line in reader:
                if reader.line_num - before > QUOTED_LINES_MAX:
                    raise csv.Error("a quoted cell holds many lines")
                before = reader.line_num
                yield line
        except csv.Error as error:
            raise RuleBroken(
                "population.roster.quotation", line=before + 1, detail=str(error)
            ) from error

    def _workbook_tables(self) -> Tables:
        kind = self.file.kind
        try:
            book = CalamineWorkbook.from_path(str(self.file.path))
        except PasswordError as error:
            raise RuleBroken("population.roster.encrypted", file=self.file.path.name) from error
        except (CalamineError, XmlError, ZipError, OSError) as error:
            raise RuleBroken("population.roster.unreadable", file=self.file.path.name) from error
        for number, meta in enumerate(book.sheets_metadata):
            if meta.typ is not SheetTypeEnum.WorkSheet:
                continue
            if meta.visible is not SheetVisibleEnum.Visible:
                self.issues.append(
                    _issue("population.roster.hidden_sheet", Severity.WARNING, meta.name)
                )
            try:
                sheet = book.get_sheet_by_index(number)
            except (CalamineError, XmlError, ZipError) as error:
                raise RuleBroken(
                    "population.roster.unreadable", file=self.file.path.name
                ) from error
            if sheet.end is None:
                self.issues.append(
                    _issue("population.roster.sheet_empty", Severity.NOTICE, meta.name)
                )
                continue
            rows = sheet.end[0] + 1
            if rows >= ROW_LIMITS[kind]:
                raise RuleBroken(
                    "population.roster.row_limit", sheet=meta.name, rows=rows, kind=kind
                )
            self.expected += rows
            yield meta.name, 1, sheet_lines(sheet)
        book.close()

    def _table_chunks(
        self, sheet: str, first_row: int, lines: Iterator[list[Any]]
    ) -> Iterator[RawChunk | None]:
        """Chunks of one table, preceded by None when a heading line was found."""
        header, passed = self._find_header(first_row, lines)
        if header is None:
            rest = sum(1 for _ in lines)
            self.totals.skipped += passed + rest
            if self.file.kind != "csv":
                severity = Severity.WARNING if rest else Severity.NOTICE
                self.issues.append(
                    _issue("population.roster.sheet_skipped", severity, sheet, rows=passed + rest)
                )
            return
        self.totals.titles += passed
        self.totals.headers += 1
        self.headings[sheet] = list(header.titles)
        found = header_issues(header, sheet)
        for issue in found:
            if issue.severity is Severity.FATAL:
                where = {"sheet": sheet, "row": header.row, "column": issue.column}
                raise RuleBroken(issue.code, status=422, **{**where, **issue.params})
        self.issues.extend(found)
        yield None
        row = header.row
        while block := list(islice(lines, self.chunk_rows)):
            chunk = self._chunk(sheet, header, row + 1, block)
            row += len(block)
            if chunk is not None:
                yield chunk

    def _find_header(self, first_row: int, lines: Iterator[list[Any]]) -> tuple[Header | None, int]:
        passed = 0
        for line in islice(lines, HEADER_SEARCH_LINES):
            header = match_header(_texts(line), first_row + passed)
            if header is not None:
                return header, passed
            passed += 1
        return None, passed

    def _chunk(
        self, sheet: str, header: Header, first_row: int, block: list[list[Any]]
    ) -> RawChunk | None:
        """One block of lines as columns; blank lines and repeated headings are counted and left
        out. Only lines whose name cell is empty or the heading itself are looked at one by one."""
        width = header.width
        if any(len(line) != width for line in block):
            block = [
                line if len(line) == width else self._fit(line, sheet, row, width)
                for row, line in enumerate(block, first_row)
            ]
        rows = list(range(first_row, first_row + len(block)))
        names = _texts([line[header.index["name"]] for line in block])
        heading = header.title("name")
        doubtful = [at for at, name in enumerate(names) if not name or name == heading]
        left_out = {at for at in doubtful if self._left_out(block[at], sheet, rows[at], header)}
        if left_out:
            block = [line for at, line in enumerate(block) if at not in left_out]
            rows = [row for at, row in enumerate(rows) if at not in left_out]
        if not rows:
            return None
        self.totals.data += len(rows)
        cells = list(zip(*block, strict=False))
        columns = {key: _texts(cells[at]) for key, at in header.index.items()}
        return RawChunk(sheet, header, rows, columns, block)

    def _left_out(self, raw: Sequence[Any], sheet: str, row: int, header: Header) -> bool:
        line = _texts(raw)
        if not any(line):
            self.totals.blank += 1
            return True
        if line[: header.width] == header.titles:
            self.totals.headers += 1
            self.issues.append(
                _issue("population.row.repeated_header", Severity.NOTICE, sheet, row)
            )
            return True
        return False

    def _fit(self, line: list[Any], sheet: str, row: int, width: int) -> list[Any]:
        """A line made as wide as the table; cells that hang over stay, for the check to refuse."""
        if len(line) >= width:
            return line if any(cell != "" for cell in line[width:]) else line[:width]
        if self.file.kind == "csv" and any(cell.strip() for cell in line):
            found = _issue(
                "population.row.missing_cells",
                Severity.WARNING,
                sheet,
                row,
                expected=width,
                found=len(line),
            )
            self.issues.append(found)
        return line + [""] * (width - len(line))


def sheet_lines(sheet: CalamineSheet) -> Iterator[list[Any]]:
    """Lines of a sheet; a cell merged over several lines (one household number beside all its
    members) is repeated on each of them."""
    merged = sheet.merged_cell_ranges or []
    left = sheet.start[1] if sheet.start else 0
    fill: dict[int, list[tuple[int, int]]] = {}
    for (first, column), (last, _) in merged:
        if last > first and column >= left:
            fill.setdefault(first, []).append((last, column - left))
    if not fill:
        yield from sheet.iter_rows()
        return
    active: list[tuple[int, int, Any]] = []
    for number, line in enumerate(sheet.iter_rows()):
        active = [entry for entry in active if entry[0] >= number]
        for _, column, value in active:
            if column < len(line) and line[column] == "":
                line[column] = value
        for last, column in fill.get(number, ()):
            if column < len(line):
                active.append((last, column, line[column]))
        yield line
