"""A document as a value: headings, paragraphs and tables. `rendering` makes a file of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str
    mark: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """`name` is the sheet it becomes in a workbook, empty when it stays in the document only.

    `widths`: the columns' shares of the page. `paper`: whether it stands in the document; `small`: in small print.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    widths: tuple[int, ...] = ()
    paper: bool = True
    small: bool = False


Block = Heading | Paragraph | Table


@dataclass(frozen=True, slots=True)
class Report:
    title: str
    blocks: tuple[Block, ...]

    def tables(self) -> list[Table]:
        return [block for block in self.blocks if isinstance(block, Table)]

    def text(self) -> str:
        """All running text, for tests and previews."""
        return "\n".join(block.text for block in self.blocks if not isinstance(block, Table))
