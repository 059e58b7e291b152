"""A preset, or two of them side by side, as a table a commander reads.

Pure. Words come from `preset_labels.zh.json` and `preset_labels.en.json`; nothing here speaks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

from yingjian.campaigns.preset_leaves import (
    Bands,
    Check,
    Choice,
    ClockTime,
    Codes,
    Count,
    DayTime,
    Duration,
    Duty,
    Flag,
    Hours,
    Leaf,
    Measure,
    People,
    Ranks,
    Sizes,
    Slots,
    Strict,
    WeekTime,
    Words,
)
from yingjian.campaigns.preset_schema import GROUPS, Preset, ordered_leaves

LABELS = Path(__file__).resolve().parent
CELL = 34
CLOSING = tuple("、，；：。）〕”％%")
OPENING = tuple("（〔“≤≥")
WIDE = 2  # columns of a Chinese character
NAME = 26


@cache
def labels(lang: str) -> dict[str, dict[str, str]]:
    """The words of one language: `group`, `param`, `clock`, `role`, `category`, `code`, …"""
    language = "en" if lang == "en" else "zh"
    text = (LABELS / f"preset_labels.{language}.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, str]] = json.loads(text)
    return loaded


def word(code: str, lang: str, *kinds: str) -> str:
    """The word for a code, looked up in the given kinds in turn; else the code itself."""
    for kind in kinds:
        found = labels(lang)[kind].get(code)
        if found is not None:
            return found
    return code


def label_of(path: str, lang: str) -> str:
    """What a parameter is called: `clocks.deliver` → 样本送达."""
    parts = path.split(".")
    if parts[0] in {"clocks", "duties"}:
        return word(parts[1], lang, "clock")
    known = labels(lang)["param"].get(path)
    if known is not None:
        return known
    parent = labels(lang)["param"].get(".".join(parts[:-1]), "")
    if parts[0] == "ppe":
        parent = word(parts[1], lang, "role")
    tail = word(parts[-1], lang, "role", "category", "item", "code")
    return f"{parent}{labels(lang)['text']['of']}{tail}" if parent else tail


def text_of(leaf: Leaf | None, lang: str) -> str:
    """The value as a person writes it: 4小时, 70%, 密接、次密接, 不设."""
    say = labels(lang)["text"]
    if leaf is None:
        return say["absent"]
    if isinstance(leaf, Count | Measure | Duration):
        return _number(leaf, lang)
    if isinstance(leaf, ClockTime):
        return _clock(leaf, lang)
    if isinstance(leaf, Duty):
        owner, next_one = (word(r, lang, "role") for r in (leaf.owner, leaf.escalates_to))
        return say["duty"].format(owner=owner, next=next_one, after=leaf.after)
    if isinstance(leaf, Flag):
        return say["yes"] if leaf.value else say["no"]
    if isinstance(leaf, Check | Choice | DayTime):
        return say["none"] if leaf.value is None else _code(leaf.value, lang)
    return _list(leaf, lang)


def _code(code: str, lang: str) -> str:
    return word(code, lang, "code", "category", "role", "weekday")


def _plain(number: float) -> str:
    return f"{number:,.10g}"


def _number(leaf: Count | Measure | Duration, lang: str) -> str:
    say = labels(lang)["text"]
    if leaf.value is None:
        return say["none"]

    scale, unit = (100, "%") if leaf.unit == "share" else (1, word(leaf.unit, lang, "unit"))
    value, low, high = (
        None if number is None else _plain(number * scale)
        for number in (leaf.value, leaf.min, leaf.max)
    )
    if low is not None and high is not None:
        return f"{value}{unit}{say['bounds'].format(bounds=f'{low}–{high}')}"
    bound = f"≤{high}" if high is not None else f"≥{low}" if low is not None else ""
    if bound[1:] == value:
        return f"{bound}{unit}"
    return f"{value}{unit}{say['bounds'].format(bounds=bound) if bound else ''}"


def _clock(leaf: ClockTime, lang: str) -> str:
    say = labels(lang)["text"]
    if leaf.at is not None:
        return say["same_day"].format(at=leaf.at)
    if leaf.value is None or leaf.unit is None:
        return say["none"]
    return f"{_plain(leaf.value)}{word(leaf.unit, lang, 'unit')}"


def _list(leaf: Leaf, lang: str) -> str:
    say = labels(lang)["text"]
    parts: list[str] = []
    if isinstance(leaf, People):
        parts = [word(code, lang, "category") for code in leaf.value]
    elif isinstance(leaf, Codes):
        parts = [_code(code, lang) for code in leaf.value]
    elif isinstance(leaf, Sizes):
        parts = [say["pool"].format(size=size) for size in sorted(leaf.value)]
    elif isinstance(leaf, Hours):
        parts = [f"{hours}{word('h', lang, 'unit')}" for hours in leaf.value]
    elif isinstance(leaf, Ranks):
        ranks = [
            say["and"].join(word(code, lang, "category") for code in rank) for rank in leaf.value
        ]
        parts = [f"{place}. {rank}" for place, rank in enumerate(ranks, start=1)]
        return say["then"].join(parts)
    elif isinstance(leaf, Bands):
        return _bands(leaf, lang)
    elif isinstance(leaf, Slots):
        parts = [
            f"{s.place.get(lang)} {word(s.weekday, lang, 'weekday')} {s.start}–{s.end}"
            for s in leaf.value
        ]
        return say["then"].join(parts) or say["none"]
    elif isinstance(leaf, WeekTime):
        day = word(leaf.weekday, lang, "weekday") if leaf.weekday else ""
        return f"{day} {leaf.value or ''}".strip() or say["none"]
    elif isinstance(leaf, Words):
        return leaf.value.get(lang) if leaf.value else say["none"]
    return say["and"].join(parts) or say["none"]


def _bands(leaf: Bands, lang: str) -> str:
    say = labels(lang)["text"]
    if not leaf.value:
        return say["by_command"]
    hours = word("h", lang, "unit")
    if len(leaf.value) == 1:
        return f"{_plain(leaf.value[0].hours)}{hours}"
    parts = []
    for band in leaf.value:
        who = say["beyond"] if band.up_to is None else f"≤{_plain(band.up_to)}{say['people']}"
        parts.append(f"{who} {_plain(band.hours)}{hours}")
    return say["then"].join(parts)


def origin_of(leaf: Leaf | None, lang: str) -> str:
    """Where it comes from, in words: `S4/YN R59`, or 缺省←S4/ML R16."""
    if leaf is None:
        return ""
    if not leaf.is_default:
        return leaf.origin
    source = leaf.origin.removeprefix("default ")
    return f"{labels(lang)['text']['default']}←{word(source, lang, 'source')}"


@dataclass(frozen=True)
class Row:
    """One parameter of two presets; None where a preset has no such line (a role, an item)."""

    path: str
    a: Leaf | None
    b: Leaf | None

    @property
    def group(self) -> str:
        return self.path.partition(".")[0]

    @property
    def differs(self) -> bool:
        """Different values. The same value from another origin is no difference."""
        if self.a is None or self.b is None:
            return self.a is not self.b
        return self.a.comparable() != self.b.comparable()


def diff(a: Preset, b: Preset, *, everything: bool = False) -> tuple[Row, ...]:
    """Rows in which two presets differ, in the schema's order; `everything` keeps equal ones."""
    left = {path: (order, leaf) for order, path, leaf in ordered_leaves(a)}
    right = {path: (order, leaf) for order, path, leaf in ordered_leaves(b)}
    merged = {path: entry[0] for path, entry in (right | left).items()}
    rows = [
        Row(
            path,
            left[path][1] if path in left else None,
            right[path][1] if path in right else None,
        )
        for path in sorted(merged, key=lambda p: merged[p])
    ]
    return tuple(row for row in rows if everything or row.differs)


def leaf_json(leaf: Leaf | None, lang: str) -> dict[str, Any] | None:
    """A leaf for machines and screens: its fields, the value in words, the origin in words."""
    if leaf is None:
        return None
    fields = leaf.model_dump(mode="json", exclude={"reason", "note"}, exclude_none=True)
    return {
        **fields,
        "text": text_of(leaf, lang),
        "origin_text": origin_of(leaf, lang),
        "default": leaf.is_default,
        "reason": leaf.reason.get(lang) if leaf.reason else None,
        "note": leaf.note.get(lang) if leaf.note else None,
    }


def rows_json(rows: Iterable[Row], lang: str = "zh") -> list[dict[str, Any]]:
    """Rows of a comparison as plain values, for the API and `--json`."""
    return [
        {
            "path": row.path,
            "group": row.group,
            "group_label": word(row.group, lang, "group"),
            "label": label_of(row.path, lang),
            "differs": row.differs,
            "a": leaf_json(row.a, lang),
            "b": leaf_json(row.b, lang),
        }
        for row in rows
    ]


def preset_json(preset: Preset, lang: str = "zh") -> dict[str, Any]:
    """One preset for a screen: header and every line in words, by group."""
    return {
        "header": preset.header.model_dump(mode="json"),
        "title": preset.header.title.get(lang),
        "values": [
            {
                "path": path,
                "group": path.partition(".")[0],
                "group_label": word(path.partition(".")[0], lang, "group"),
                "label": label_of(path, lang),
                **(leaf_json(leaf, lang) or {}),
            }
            for _, path, leaf in ordered_leaves(preset)
        ],
    }


def width(text: str) -> int:
    """Columns a terminal uses: Chinese characters take two."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _wrap(text: str, room: int) -> list[str]:
    lines, line = [], ""
    for word_ in _pieces(text):
        if line and width(line) + width(word_.rstrip()) > room:
            lines.append(line.rstrip())
            line = word_.lstrip()
        else:
            line += word_
    return [*lines, line.rstrip()]


def _pieces(text: str) -> Iterable[str]:
    """Break points: after a space, and between Chinese characters; none before a closing mark."""
    piece = ""
    for position, char in enumerate(text):
        piece += char
        after = text[position + 1 : position + 2]
        breaks = char == " " or width(char) == WIDE or (after != "" and width(after) == WIDE)
        if breaks and after not in CLOSING and char not in OPENING:
            yield piece
            piece = ""
    if piece:
        yield piece


def _grid(rows: Iterable[tuple[str, ...]], rooms: tuple[int, ...]) -> list[str]:
    out = []
    for row in rows:
        columns = [_wrap(cell, room) for cell, room in zip(row, rooms, strict=True)]
        for height in range(max(len(column) for column in columns)):
            cells = [column[height] if height < len(column) else "" for column in columns]
            padded = [
                cell + " " * max(0, room - width(cell))
                for cell, room in zip(cells, rooms, strict=True)
            ]
            out.append("  ".join(padded).rstrip())
    return out


def _cell(leaf: Leaf | None, lang: str, notes: list[str]) -> str:
    shown = text_of(leaf, lang)
    if leaf is None:
        return shown
    if leaf.is_default and shown == labels(lang)["text"]["none"]:
        return labels(lang)["text"]["silent"]
    remark = leaf.note or leaf.reason
    mark = ""
    if remark is not None:
        sentence = remark.get(lang)
        if sentence not in notes:
            notes.append(sentence)
        mark = f" [{notes.index(sentence) + 1}]"
    return f"{shown} 〔{origin_of(leaf, lang)}〕{mark}"


def _notes(notes: list[str], lang: str) -> list[str]:
    if not notes:
        return []
    heading = labels(lang)["text"]["notes"]
    body = _grid([(f"[{n}]", note) for n, note in enumerate(notes, start=1)], (5, 2 * CELL + 20))
    return ["", heading, *body]


def render_diff(a: Preset, b: Preset, *, lang: str = "zh", everything: bool = False) -> str:
    """The table of `yingjian preset diff`: grouped, values with units and origins, notes below."""
    say = labels(lang)["text"]
    rows = diff(a, b, everything=everything)
    rooms, notes = (NAME, CELL, CELL), list[str]()
    titles = (say["parameter"], a.header.title.get(lang), b.header.title.get(lang))
    out = _grid([titles, ("", a.key, b.key)], rooms)
    rule = "─" * (sum(rooms) + 4)
    out.append(rule)
    for group in GROUPS:
        members = [row for row in rows if row.group == group]
        if not members:
            continue
        out += ["", f"■ {word(group, lang, 'group')}"]
        cells = [
            (label_of(r.path, lang), _cell(r.a, lang, notes), _cell(r.b, lang, notes))
            for r in members
        ]
        out += _grid(cells, rooms)
    count = sum(row.differs for row in rows)
    out += [rule, say["differences" if count else "no_difference"].format(count=count)]
    return "\n".join(out + _notes(notes, lang))


def render_preset(preset: Preset, *, lang: str = "zh", own_only: bool = False) -> str:
    """The table of `yingjian preset show`: every line, its origin, the file it comes from."""
    say = labels(lang)["text"]
    head = preset.header
    until = head.effective_to.isoformat() if head.effective_to else say["open"]
    out = [
        head.title.get(lang) + say["key"].format(key=preset.key),
        f"{head.issuer.get(lang)}　{head.document_no or ''}".rstrip("　"),
        say["effective"].format(start=head.effective_from.isoformat(), end=until),
    ]
    if head.remarks:
        out.append(head.remarks.get(lang))
    rooms, notes = (NAME, CELL + 20, 12), list[str]()
    for group in GROUPS:
        members = [
            (path, leaf)
            for _, path, leaf in ordered_leaves(preset)
            if path.partition(".")[0] == group and not (own_only and leaf.layer != preset.code)
        ]
        if not members:
            continue
        out += ["", f"■ {word(group, lang, 'group')}"]
        out += _grid(
            [
                (
                    label_of(path, lang),
                    _cell(leaf, lang, notes),
                    "" if leaf.layer == preset.code else say["inherited"].format(layer=leaf.layer),
                )
                for path, leaf in members
            ],
            rooms,
        )
    return "\n".join(out + _notes(notes, lang))


def codes_in_use(preset: Preset) -> set[str]:
    """Every code a table may have to name; the tests hold the label files to it."""
    found: set[str] = set()
    for _, path, leaf in ordered_leaves(preset):
        found.update(part for part in path.split(".")[1:])
        for value in _flat(leaf.model_dump(include={"value"})):
            if isinstance(value, str):
                found.add(value)
    return found


def _flat(node: object) -> Iterable[object]:
    if isinstance(node, dict):
        for child in node.values():
            yield from _flat(child)
    elif isinstance(node, list | tuple):
        for child in node:
            yield from _flat(child)
    elif not isinstance(node, Strict):
        yield node
