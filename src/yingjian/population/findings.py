"""What judging a roster yields: what each finding does to its line, clean columns, control totals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from yingjian.population.values import Issue, Severity

_E: Final = Severity.ERROR
_W: Final = Severity.WARNING

#: What each finding does to its line. A wrong person is refused until corrected; a doubtful
#: detail is stored with the warning beside it.
SEVERITY: Final[dict[str, Severity]] = {
    "population.row.extra_cells": _E,
    "population.row.total_line": Severity.NOTICE,
    "population.row.duplicate": _W,
    "population.cell.too_long": _E,
    "population.name.missing": _E,
    "population.name.too_long": _E,
    "population.name.garbled": _W,
    "population.name.placeholder": _W,
    "population.name.private_use": _W,
    "population.name.digits": _W,
    "population.sex.unknown": _W,
    "population.sex.mismatch": _W,
    "population.birth.format": _E,
    "population.birth.missing": _E,
    "population.birth.future": _E,
    "population.birth.unknown": _W,
    "population.birth.mismatch": _W,
    "population.id.missing": _E,
    "population.id.type_unknown": _E,
    "population.id.not_expected": _E,
    "population.id.excel_rounded": _E,
    "population.id.fifteen_digits": _E,
    "population.id.length": _E,
    "population.id.characters": _E,
    "population.id.birth_date": _E,
    "population.id.future_birth": _E,
    "population.id.check_digit": _E,
    "population.id.format": _E,
    "population.id.duplicate": _E,
    "population.person.same_without_id": _E,
    "population.person.possible_duplicate": _W,
    "population.person.stored_twin": _W,
    "population.person.moved": _W,
    "population.person.renamed": _W,
    "population.phone.format": _W,
    "population.phone.excel_rounded": _W,
    "population.region.missing": _E,
    "population.region.code": _E,
    "population.region.unknown": _E,
    "population.region.ambiguous": _E,
    "population.region.outside_area": _E,
    "population.region.not_village": _W,
    "population.region.name_differs": _W,
    "population.registered_region.format": _W,
    "population.relation.unknown": _W,
    "population.category.unknown": _W,
    "population.location.format": _W,
    "population.location.range": _W,
    "population.location.swapped": _W,
}


#: Longest text each stored column takes; anything longer is refused, never cut.
LONGEST: Final[dict[str, int]] = {
    "registered_address": 200,
    "present_address": 200,
    "guardian": 80,
    "grid": 16,
    "household_no": 40,
}


@dataclass(slots=True)
class CheckTotals:
    """Control totals: `lines == accepted + refused + duplicate + skipped`, always."""

    lines: int = 0
    accepted: int = 0
    refused: int = 0
    duplicate: int = 0
    skipped: int = 0
    with_warning: int = 0
    households: int = 0
    by_region: Counter[str] = field(default_factory=Counter)
    by_category: Counter[str] = field(default_factory=Counter)
    by_issue: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """The totals as plain JSON values, counts by key in order of key."""
        counts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: dict(sorted(count.items())) if isinstance(count, Counter) else count
            for name, count in counts.items()
        }


@dataclass(frozen=True, slots=True)
class Checked:
    """Clean people of one chunk, column by column (`columns[key][i]` is one person's cell), the
    issues found, and the raw lines of those that were not accepted."""

    sheet: str
    rows: list[int]
    columns: dict[str, list[Any]]
    issues: list[Issue]
    rejected: dict[int, list[str]]

    def __len__(self) -> int:
        return len(self.rows)


#: Columns of `Checked.columns`, in the order they are produced.
CLEAN_COLUMNS: Final = (
    "name",
    "name_key",
    "sex",
    "birth_date",
    "id_type",
    "id_number",
    "identity",
    "phone",
    "registered_address",
    "registered_region",
    "present_address",
    "present_region",
    "grid",
    "household",
    "household_no",
    "relation",
    "categories",
    "guardian",
    "guardian_phone",
    "workplace",
    "longitude",
    "latitude",
    "note",
)
