"""Judging the people of a roster: columns of text in, clean columns and issues out.

Works on whole columns (a county is 329,000 lines); the only per-line work is for lines with a
fault. A line ends in exactly one place: accepted, refused (an error names the cell), or duplicate.
"""

from __future__ import annotations

import datetime as dt
import gc
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import compress
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from yingjian.population import rules
from yingjian.population.findings import (
    CLEAN_COLUMNS,
    LONGEST,
    SEVERITY,
    Checked,
    CheckTotals,
)
from yingjian.population.regions import RegionIndex
from yingjian.population.roster import CELL_MAX, RawChunk, cell_text
from yingjian.population.values import (
    Category,
    IdType,
    Issue,
    RegionLevel,
    Severity,
    Sex,
)

_EAST_MAX: Final = 180
_NORTH_MAX: Final = 90
_FEBRUARY: Final = 2
_TOTAL_WORDS: Final = frozenset({"合计", "总计", "小计", "共计", "total", "subtotal"})


def sound_resident_ids(
    numbers: Sequence[str], *, on: dt.date
) -> tuple[npt.NDArray[np.bool_], list[dt.date], npt.NDArray[np.bool_]]:
    """Vectorised twin of `rules.resident_id` for clean 18-character numbers.

    Answers (sound, birth dates, male); where not sound the other two mean nothing and the caller
    asks `rules.resident_id` for the reason.
    """
    chars: npt.NDArray[Any] = (
        np.array(numbers, dtype="U18").view(np.uint32).reshape(-1, rules.ID_LENGTH)
    )
    chars = chars.astype(np.int64) - ord("0")
    digits = chars[:, :17]
    sound = ((digits >= 0) & (digits < 10)).all(axis=1)  # noqa: PLR2004
    total = digits @ np.array(rules.ID_WEIGHTS)
    wanted = np.array([ord(char) - ord("0") for char in rules.ID_CHECK_CHARS])[total % 11]
    sound &= chars[:, 17] == wanted
    year = digits[:, 6:10] @ np.array((1000, 100, 10, 1))
    month = digits[:, 10] * 10 + digits[:, 11]
    day = digits[:, 12] * 10 + digits[:, 13]
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    lengths = np.array((0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31))
    longest = lengths[np.clip(month, 0, 12)] + ((month == _FEBRUARY) & leap)
    sound &= (month >= 1) & (month < len(lengths)) & (day >= 1) & (day <= longest)
    sound &= (year >= rules.EARLIEST_BIRTH.year) & (year <= on.year)
    months = np.where(sound, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    born = months.astype("datetime64[D]") + np.where(sound, day - 1, 0)
    sound &= born <= np.datetime64(on, "D")
    return sound, born.tolist(), digits[:, 16] % 2 == 1


class _Chunk:
    """One chunk under judgement: its columns, its issues, and which lines stand."""

    def __init__(self, raw: RawChunk) -> None:
        self.raw = raw
        self.size = len(raw)
        self.stands = [True] * self.size
        self.duplicate = [False] * self.size
        self.skipped = [False] * self.size
        self.issues: list[Issue] = []
        self.clean: dict[str, list[Any]] = {}

    def cells(self, key: str) -> list[str]:
        return self.raw.columns.get(key) or [""] * self.size

    def add(self, at: int, key: str, code: str, **params: object) -> None:
        severity = SEVERITY[code]
        if severity is Severity.ERROR:
            self.stands[at] = False
        title = self.raw.header.title(key)
        self.issues.append(Issue(code, severity, self.raw.sheet, self.raw.rows[at], title, params))


@contextmanager
def without_collector() -> Iterator[None]:
    """Rest Python's cycle collector while a roster streams: a third of the time goes to it, and
    chunks hold no cycles."""
    resting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if resting:
            gc.enable()


class RosterChecker:
    """Judges chunk after chunk of one import and remembers what it has seen.

    `regions` holds the areas known, `area` the path people must live in ('' is anywhere),
    `on` the day ages and birth dates are judged by; `region` is where people live when the file
    has no column that says so (a village importing its own list).
    """

    def __init__(self, *, regions: RegionIndex, area: str, on: dt.date, region: str = "") -> None:
        self.regions = regions
        self.area = area
        self.on = on
        self.region = region
        self.totals = CheckTotals()
        # Flat strings and integers: a million small tuples would keep the garbage collector busy.
        self._identities: dict[str, int] = {}
        self._people: dict[str, int] = {}
        self._keys: list[str] = []
        self._starts: list[int] = []
        self._places: list[tuple[str, list[int]]] = []
        self._households: set[str] = set()
        self._words: dict[str, dict[str, Any]] = {}

    def check(self, raw: RawChunk) -> Checked:
        """Judge one chunk."""
        chunk = _Chunk(raw)
        self._shape(chunk)
        self._names(chunk)
        self._regions(chunk)
        self._documents(chunk)
        self._phones(chunk)
        self._texts(chunk)
        self._words_of(chunk)
        self._locations(chunk)
        self._household(chunk)
        self._duplicates(chunk)
        return self._finish(chunk)

    # -- whole line --------------------------------------------------------------------------

    def _shape(self, chunk: _Chunk) -> None:
        width = chunk.raw.header.width
        for at, line in enumerate(chunk.raw.lines):
            if len(line) != width:
                expected = {"expected": width, "found": len(line)}
                chunk.add(at, "", "population.row.extra_cells", **expected)
        names, ids = chunk.cells("name"), chunk.cells("id_number")
        for at, name in enumerate(names):
            if (not name or name in _TOTAL_WORDS) and not ids[at]:
                words = {rules.fold(cell_text(cell)).lower() for cell in chunk.raw.lines[at]}
                chunk.skipped[at] = not words.isdisjoint(_TOTAL_WORDS)
        for key, cells in chunk.raw.columns.items():
            most = LONGEST.get(key, CELL_MAX)
            if len(max(cells, key=len)) > most:
                for at, cell in enumerate(cells):
                    if len(cell) > most:
                        chunk.add(at, key, "population.cell.too_long", length=len(cell), max=most)

    def _names(self, chunk: _Chunk) -> None:
        names = [rules.normalise_name(cell) for cell in chunk.cells("name")]
        chunk.clean["name"] = names
        chunk.clean["name_key"] = [rules.name_key(name) for name in names]
        for at, name in enumerate(names):
            if not rules.is_plain_name(name):
                for code, params in rules.name_problems(name):
                    chunk.add(at, "name", code, **params)

    # -- where -------------------------------------------------------------------------------

    def _regions(self, chunk: _Chunk) -> None:
        codes, names = chunk.cells("present_region"), chunk.cells("present_region_name")
        known: dict[tuple[str, str], str | None] = self._words.setdefault("regions", {})  # type: ignore[assignment]
        found: list[str] = []
        for at, pair in enumerate(zip(codes, names, strict=True)):
            region = known.get(pair)
            if region is None:
                region = self._region(chunk, at, *pair)
            found.append(region)
        chunk.clean["present_region"] = found
        registered = chunk.cells("registered_region")
        words = {cell: rules.clean_region(cell) for cell in set(registered)}
        cleaned = [words[cell] for cell in registered]
        chunk.clean["registered_region"] = cleaned
        for at, cell in enumerate(registered):
            if cell and not cleaned[at]:
                chunk.add(
                    at, "registered_region", "population.registered_region.format", value=cell[:20]
                )

    def _region(self, chunk: _Chunk, at: int, raw_code: str, raw_name: str) -> str:
        """Code of one line's region; remembers it only when it gave no issue."""
        before = len(chunk.issues)
        code = self._region_code(chunk, at, raw_code, raw_name)
        if code and len(chunk.issues) == before:
            self._words["regions"][(raw_code, raw_name)] = code  # type: ignore[index]
        return code

    def _region_code(self, chunk: _Chunk, at: int, raw_code: str, raw_name: str) -> str:
        if raw_code:
            code = rules.clean_region(raw_code)
            if not code:
                chunk.add(at, "present_region", "population.region.code", value=raw_code[:20])
                return ""
            if code not in self.regions:
                chunk.add(at, "present_region", "population.region.unknown", value=code)
                return ""
        elif raw_name:
            codes = self.regions.named(raw_name, self.area)
            if len(codes) != 1:
                outside = codes or self.regions.named(raw_name, "")
                fault = (
                    "population.region.ambiguous"
                    if codes
                    else "population.region.outside_area"
                    if outside
                    else "population.region.unknown"
                )
                chunk.add(
                    at, "present_region_name", fault, value=raw_name[:40], candidates=outside[:5]
                )
                return ""
            code = codes[0]
        elif self.region:
            return self.region
        else:
            chunk.add(at, "present_region", "population.region.missing")
            return ""
        return self._region_judged(chunk, at, code, raw_code, raw_name)

    def _region_judged(
        self, chunk: _Chunk, at: int, code: str, raw_code: str, raw_name: str
    ) -> str:
        if not rules.region_within(code, self.area):
            chunk.add(
                at, "present_region", "population.region.outside_area", value=code, area=self.area
            )
            return ""
        row = self.regions.by_code[code]
        if row.level is not RegionLevel.VILLAGE and not self.regions.is_leaf(code):
            chunk.add(
                at, "present_region", "population.region.not_village", value=code, name=row.name
            )
        if raw_code and raw_name:
            named = self.regions.named(raw_name, rules.region_path(rules.region_parent(code)))
            if code not in named:
                chunk.add(
                    at,
                    "present_region_name",
                    "population.region.name_differs",
                    value=raw_name[:40],
                    name=row.name,
                )
        return code

    # -- who ---------------------------------------------------------------------------------

    def _documents(self, chunk: _Chunk) -> None:
        kinds = self._translate(chunk, "id_type", rules.read_id_type, "population.id.type_unknown")
        numbers = [
            cell
            if cell.isalnum() and cell.isascii() and cell.isupper() | cell.isdigit()
            else rules.clean_id(cell)
            for cell in chunk.cells("id_number")
        ]
        births: list[dt.date | None] = [None] * chunk.size
        sexes: list[Sex] = [Sex.UNKNOWN] * chunk.size
        citizen = [
            at
            for at, kind in enumerate(kinds)
            if len(numbers[at]) == rules.ID_LENGTH
            and (kind is IdType.RESIDENT_ID or kind is IdType.HMT_RESIDENCE)
        ]
        sound: set[int] = set()
        if citizen:
            good, born, male = sound_resident_ids([numbers[at] for at in citizen], on=self.on)
            for at, fine, day, man in zip(citizen, good.tolist(), born, male.tolist(), strict=True):
                if fine:
                    sound.add(at)
                    births[at] = day
                    sexes[at] = Sex.MALE if man else Sex.FEMALE
        for at in range(chunk.size):
            if at not in sound and kinds[at] is not None and not chunk.skipped[at]:
                facts = rules.document(kinds[at], numbers[at], on=self.on)
                if facts.problem:
                    masked = rules.mask_id(facts.number)
                    length = len(facts.number)
                    chunk.add(at, "id_number", facts.problem, value=masked, length=length)
        chunk.clean["id_type"], chunk.clean["id_number"] = kinds, numbers
        self._sexes(chunk, sexes, sound)
        self._births(chunk, births, sound)

    def _sexes(self, chunk: _Chunk, from_id: list[Sex], sound: set[int]) -> None:
        stated = self._translate(
            chunk, "sex", rules.read_sex, "population.sex.unknown", empty=Sex.UNKNOWN
        )
        for at, word in enumerate(stated):
            if at in sound:
                if word is not None and word is not Sex.UNKNOWN and word is not from_id[at]:
                    chunk.add(
                        at, "sex", "population.sex.mismatch", stated=word, from_id=from_id[at]
                    )
            else:
                from_id[at] = word or Sex.UNKNOWN
        chunk.clean["sex"] = from_id

    def _births(self, chunk: _Chunk, births: list[dt.date | None], sound: set[int]) -> None:
        kinds = chunk.clean["id_type"]
        for at, cell in enumerate(chunk.cells("birth_date")):
            if at in sound and (not cell or cell == str(births[at])):
                continue
            stated = rules.read_date(cell) if cell else None
            if at in sound:
                if stated != births[at]:
                    chunk.add(
                        at, "birth_date", "population.birth.mismatch", from_id=str(births[at])
                    )
            elif cell and stated is None:
                chunk.add(at, "birth_date", "population.birth.format", value=cell[:20])
            elif stated is not None and stated > self.on:
                chunk.add(at, "birth_date", "population.birth.future")
            elif stated is None and kinds[at] is not None and not chunk.skipped[at]:
                if kinds[at] is IdType.NONE:
                    chunk.add(at, "birth_date", "population.birth.missing")
                elif chunk.stands[at]:
                    chunk.add(at, "birth_date", "population.birth.unknown")
            else:
                births[at] = stated
        chunk.clean["birth_date"] = births

    # -- details -----------------------------------------------------------------------------

    def _phones(self, chunk: _Chunk) -> None:
        for key in ("phone", "guardian_phone"):
            phones = [rules.clean_phone(cell) if cell else "" for cell in chunk.cells(key)]
            for at, phone in enumerate(phones):
                fault = rules.phone_problem(phone)
                if fault:
                    chunk.add(at, key, fault, value=rules.mask_phone(phone))
                    phones[at] = ""
            chunk.clean[key] = phones

    def _texts(self, chunk: _Chunk) -> None:
        for key in ("registered_address", "present_address", "workplace", "note", "grid"):
            words = {cell: _plain(cell) for cell in set(chunk.cells(key))}
            chunk.clean[key] = [words[cell] for cell in chunk.cells(key)]
        chunk.clean["household_no"] = [rules.fold(cell) for cell in chunk.cells("household_no")]
        chunk.clean["guardian"] = [
            rules.normalise_name(cell) if cell else "" for cell in chunk.cells("guardian")
        ]

    def _words_of(self, chunk: _Chunk) -> None:
        chunk.clean["relation"] = self._translate(
            chunk, "relation", rules.read_relation, "population.relation.unknown", empty=""
        )
        seen = self._words.setdefault("categories", {})
        found: list[tuple[Category, ...]] = []
        for at, cell in enumerate(chunk.cells("categories")):
            answer = seen.get(cell)
            if answer is None:
                answer = seen[cell] = rules.read_categories(cell)
            found.append(answer[0])
            for word in answer[1]:
                chunk.add(at, "categories", "population.category.unknown", value=word[:40])
        chunk.clean["categories"] = found

    def _translate(
        self,
        chunk: _Chunk,
        key: str,
        read: Callable[[str], Any],
        fault: str,
        *,
        empty: Any = None,
    ) -> list[Any]:
        """A column of words through a vocabulary, each distinct word looked up once."""
        seen = self._words.setdefault(key, {} if empty is None else {"": empty})
        cells = chunk.cells(key)
        for word in set(cells).difference(seen):
            seen[word] = read(word)
        answers = [seen[cell] for cell in cells]
        if None in seen.values():
            for at, answer in enumerate(answers):
                if answer is None:
                    chunk.add(at, key, fault, value=cells[at][:40])
        return answers

    def _locations(self, chunk: _Chunk) -> None:
        longitudes: list[float | None] = [None] * chunk.size
        latitudes: list[float | None] = [None] * chunk.size
        pairs = zip(chunk.cells("longitude"), chunk.cells("latitude"), strict=True)
        for at, (east, north) in enumerate(pairs):
            if not east and not north:
                continue
            try:
                x, y = float(east), float(north)  # float() reads full-width digits too
            except ValueError:
                chunk.add(
                    at,
                    "longitude" if not _is_number(east) else "latitude",
                    "population.location.format",
                    value=f"{east[:12]}, {north[:12]}",
                )
                continue
            if abs(x) <= _EAST_MAX and abs(y) <= _NORTH_MAX:
                longitudes[at], latitudes[at] = x, y
            elif abs(y) <= _EAST_MAX and abs(x) <= _NORTH_MAX:
                chunk.add(at, "longitude", "population.location.swapped")
            else:
                chunk.add(at, "longitude", "population.location.range")
        chunk.clean["longitude"], chunk.clean["latitude"] = longitudes, latitudes

    def _household(self, chunk: _Chunk) -> None:
        """Who shares a door: the village's own household number, else the same address."""
        chunk.clean["household"] = [
            f"{region}#{number}" if number else f"{region}@{address}" if address else ""
            for region, number, address in zip(
                chunk.clean["present_region"],
                chunk.clean["household_no"],
                chunk.clean["present_address"],
                strict=True,
            )
        ]

    # -- twice -------------------------------------------------------------------------------

    def _duplicates(self, chunk: _Chunk) -> None:
        clean, start = chunk.clean, len(self._keys)
        self._starts.append(start)
        self._places.append((chunk.raw.sheet, chunk.raw.rows))
        self._keys.extend(clean["name_key"])
        clean["identity"] = identities = [""] * chunk.size
        columns = (clean[key] for key in ("name_key", "birth_date", "present_region", "id_type"))
        for at, (key, birth, region, kind) in enumerate(zip(*columns, strict=True)):
            if not chunk.stands[at] or chunk.skipped[at]:
                continue
            person = f"{key}|{birth}|{region}"
            if kind is IdType.NONE:
                identity = f"none:{person}|{clean['household_no'][at]}"
            else:
                identity = f"{kind.value}:{clean['id_number'][at]}"
            identities[at] = identity
            first = self._identities.setdefault(identity, start + at)
            if first != start + at:
                self._same(chunk, at, kind, first, key)
                continue
            other = self._people.setdefault(person, start + at)
            if other != start + at and birth is not None:
                where = self._where(other)
                chunk.add(at, "name", "population.person.possible_duplicate", **where)

    def _same(self, chunk: _Chunk, at: int, kind: IdType, first: int, key: str) -> None:
        where = self._where(first)
        if kind is IdType.NONE:
            chunk.add(at, "name", "population.person.same_without_id", **where)
        elif self._keys[first] == key:
            chunk.add(at, "id_number", "population.row.duplicate", **where)
            chunk.duplicate[at] = True
        else:
            chunk.add(at, "id_number", "population.id.duplicate", **where)

    def _where(self, serial: int) -> dict[str, object]:
        """Sheet and line of the person judged as number `serial`."""
        chunk = bisect_right(self._starts, serial) - 1
        sheet, rows = self._places[chunk]
        return {"sheet": sheet, "row": rows[serial - self._starts[chunk]]}

    # -- totals ------------------------------------------------------------------------------

    def _finish(self, chunk: _Chunk) -> Checked:
        totals = self.totals
        totals.lines += chunk.size
        skipped = chunk.skipped
        if any(skipped):
            self._skip(chunk)
        kept = [
            stands and not double and not skip
            for stands, double, skip in zip(chunk.stands, chunk.duplicate, skipped, strict=True)
        ]
        columns = {key: list(compress(chunk.clean[key], kept)) for key in CLEAN_COLUMNS}
        accepted = sum(kept)
        doubles = sum(chunk.duplicate)
        totals.accepted += accepted
        totals.duplicate += doubles
        totals.skipped += sum(skipped)
        totals.refused += chunk.size - accepted - doubles - sum(skipped)
        totals.by_region.update(columns["present_region"])
        for categories, times in Counter(columns["categories"]).items():
            for category in categories:
                totals.by_category[category] += times
        totals.by_issue.update(issue.code for issue in chunk.issues)
        self._households.update(door for door in columns["household"] if door)
        alone = sum(1 for door in columns["household"] if not door)
        totals.households = len(self._households) + alone
        rejected = {
            chunk.raw.rows[at]: [cell_text(cell) for cell in chunk.raw.lines[at]]
            for at, keep in enumerate(kept)
            if not keep
        }
        warned = {issue.row for issue in chunk.issues if issue.severity is Severity.WARNING}
        totals.with_warning += len(warned - rejected.keys())
        return Checked(
            chunk.raw.sheet,
            list(compress(chunk.raw.rows, kept)),
            columns,
            chunk.issues,
            rejected,
        )

    def _skip(self, chunk: _Chunk) -> None:
        """Lines such as 合计 are no people: their cell faults go, one notice stays."""
        dropped = {chunk.raw.rows[at] for at, skip in enumerate(chunk.skipped) if skip}
        chunk.issues = [issue for issue in chunk.issues if issue.row not in dropped]
        for at, skip in enumerate(chunk.skipped):
            if skip:
                chunk.add(at, "", "population.row.total_line")


def _plain(cell: str) -> str:
    return cell if cell.isalnum() else " ".join(cell.replace("\u3000", " ").split())


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
