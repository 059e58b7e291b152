"""The Chinese font of printed sheets: Noto Sans SC, of which each PDF carries the glyphs it uses, and no others.

A printer or a viewer without a Chinese font shows them all the same. reportlab embeds fonts with TrueType outlines
only, and the free Chinese ones have PostScript outlines (CFF); so this is the other side of its contract for a dynamic
font. Text stands in the PDF as glyph numbers, with a table back to Unicode, so that it can be searched and copied.
"""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from weakref import WeakKeyDictionary

from reportlab.pdfbase.pdfdoc import (
    PDFArray,
    PDFDictionary,
    PDFDocument,
    PDFName,
    PDFStream,
    PDFString,
    PDFZCompress,
)

NAME: Final = "NotoSansSC-Regular"
BOX: Final = "□"
"""Drawn for a character that the font does not have: seen by whoever prints, never dropped in silence."""
_CHUNK: Final = 100  # entries of one block of a table to Unicode; its format allows no more
_TAG_LETTERS: Final = 6
_SYMBOLIC: Final = 4
_SQUARE: Final = 1000  # the width of a Chinese character, in thousandths of its size
_STEM: Final = (
    80  # thousandths; readers draw with the outlines and look at it only to replace the font
)


def _file() -> Path:
    import pylopdf_fonts_zh_cn

    return pylopdf_fonts_zh_cn.sans_path()


class _Glyphs:
    """Of each character the glyph's number (as it stands in the PDF) and width in thousandths. Read once, 0.2 s."""

    def __init__(self) -> None:
        from fontTools.ttLib import TTFont

        with TTFont(_file(), lazy=True) as font:
            widths = {glyph: width for glyph, (width, _) in font["hmtx"].metrics.items()}
            named = font.getBestCmap()
            head, os2 = font["head"], font["OS/2"]
            self.bounds = [head.xMin, head.yMin, head.xMax, head.yMax]
            self.ascent, self.descent = os2.sTypoAscender, os2.sTypoDescender
            self.cap_height = os2.sCapHeight
        self.number = {chr(code): int(glyph[3:]) for code, glyph in named.items()}
        self.width = {chr(code): widths[glyph] for code, glyph in named.items()}
        self.code = {letter: number.to_bytes(2, "big") for letter, number in self.number.items()}


_lock: Final = threading.Lock()


@functools.cache
def _read() -> _Glyphs:
    return _Glyphs()


def _glyphs() -> _Glyphs:
    with _lock:  # the first sheets of several threads read the font once
        return _read()


@functools.lru_cache(maxsize=32)
def _subset(letters: str) -> bytes:
    """The outlines of these letters and of the box, under the numbers they have in the whole font."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    with TTFont(_file(), lazy=True) as font:
        for table in set(font.keys()) - {"CFF ", "head", "hhea", "maxp", "hmtx", "cmap", "GlyphOrder"}:  # fmt: skip
            del font[table]
        asked = subset.Options(hinting=False, desubroutinize=True, notdef_outline=True)
        asked.drop_tables = []
        cutter = subset.Subsetter(asked)
        cutter.populate(text=letters)
        cutter.subset(font)
        made: bytes = font["CFF "].compile(font)
    return made


class Typeface:
    """The font as reportlab asks of one whose glyphs are gathered while a document is drawn; for any number of them."""

    _dynamicFont = 1  # noqa: N815 - reportlab's name
    _multiByte = 0  # noqa: N815
    shapable = False

    def __init__(self, name: str) -> None:
        self.fontName = name
        self.face = SimpleNamespace(name=name)
        self._used: WeakKeyDictionary[PDFDocument, set[str]] = WeakKeyDictionary()

    def stringWidth(self, text: str, size: float, encoding: str = "utf-8") -> float:  # noqa: N802
        """In points."""
        width = _glyphs().width
        return float(sum(width.get(letter, width[BOX]) for letter in text) * size / _SQUARE)

    def splitString(self, text: str, doc: PDFDocument, encoding: str = "utf-8") -> list[tuple[int, bytes]]:  # noqa: N802  # fmt: skip
        """What stands in the page for the text; the document remembers what it needs."""
        self._used.setdefault(doc, set()).update(text)
        code = _glyphs().code
        return [(0, b"".join([code.get(letter, code[BOX]) for letter in text]))]

    def getSubsetInternalName(self, subset: int, doc: PDFDocument) -> str:  # noqa: N802
        """How pages call the font."""
        known: dict[str, str] = doc.fontMapping
        if self.fontName not in known:
            known[self.fontName] = f"/F{len(known) + 1}"
            doc.delayedFonts.append(self)
        return known[self.fontName]

    def addObjects(self, doc: PDFDocument) -> None:  # noqa: N802
        """Put the used glyphs into the document; called once, when all is drawn."""
        glyphs = _glyphs()
        used = {letter for letter in self._used.get(doc, ()) if letter in glyphs.number}
        letters = "".join(sorted(used | {BOX}))
        outlines = _subset(letters)
        tag = _tag(letters)
        file = _stream(outlines, Subtype=PDFName("CIDFontType0C"))
        descriptor = PDFDictionary({
            "Type": PDFName("FontDescriptor"), "FontName": PDFName(f"{tag}+{NAME}"), "Flags": _SYMBOLIC,
            "FontBBox": PDFArray(glyphs.bounds), "ItalicAngle": 0, "Ascent": glyphs.ascent,
            "Descent": glyphs.descent, "CapHeight": glyphs.cap_height, "StemV": _STEM,
            "FontFile3": doc.Reference(file, f"fontFile:{self.fontName}"),
        })  # fmt: skip
        system = PDFDictionary(
            {"Registry": PDFString("Adobe"), "Ordering": PDFString("Identity"), "Supplement": 0}
        )
        below = PDFDictionary({
            "Type": PDFName("Font"), "Subtype": PDFName("CIDFontType0"), "BaseFont": PDFName(f"{tag}+{NAME}"),
            "CIDSystemInfo": system, "DW": _SQUARE, "W": _widths(glyphs, letters),
            "FontDescriptor": doc.Reference(descriptor, f"fontDescriptor:{self.fontName}"),
        })  # fmt: skip
        back = _stream(_to_unicode(glyphs, letters))
        whole = PDFDictionary({
            "Type": PDFName("Font"), "Subtype": PDFName("Type0"), "BaseFont": PDFName(f"{tag}+{NAME}-Identity-H"),
            "Encoding": PDFName("Identity-H"),
            "DescendantFonts": PDFArray([doc.Reference(below, f"fontBelow:{self.fontName}")]),
            "ToUnicode": doc.Reference(back, f"toUnicode:{self.fontName}"),
        })  # fmt: skip
        fonts = doc.idToObject["BasicFonts"].dict
        fonts[doc.fontMapping[self.fontName][1:]] = doc.Reference(whole, f"font:{self.fontName}")


def _tag(letters: str) -> str:
    """Six capitals that tell this choice of glyphs from others of the same font."""
    digest = hashlib.sha256(letters.encode()).digest()
    return "".join(chr(ord("A") + byte % 26) for byte in digest[:_TAG_LETTERS])


def _stream(content: bytes, **more: Any) -> PDFStream:
    made = PDFStream(PDFDictionary(more), content)
    made.filters = [PDFZCompress]
    return made


def _widths(glyphs: _Glyphs, letters: Iterable[str]) -> PDFArray:
    """The width of each glyph that is not a whole square wide."""
    told = {
        glyphs.number[one]: glyphs.width[one] for one in letters if glyphs.width[one] != _SQUARE
    }
    return PDFArray(
        [part for number in sorted(told) for part in (number, PDFArray([told[number]]))]
    )


def _to_unicode(glyphs: _Glyphs, letters: Iterable[str]) -> bytes:
    """Which character each glyph stands for."""
    back: dict[int, str] = {}
    for letter in letters:
        back.setdefault(glyphs.number[letter], letter)
    rows = [f"<{no:04X}> <{back[no].encode('utf-16-be').hex().upper()}>" for no in sorted(back)]
    blocks = []
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        blocks.append("\n".join([f"{len(part)} beginbfchar", *part, "endbfchar"]))
    return "\n".join([
        "/CIDInit /ProcSet findresource begin", "12 dict begin", "begincmap",
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        "/CMapName /Adobe-Identity-UCS def", "/CMapType 2 def",
        "1 begincodespacerange", "<0000> <FFFF>", "endcodespacerange",
        *blocks, "endcmap", "CMapName currentdict /CMap defineresource pop", "end", "end",
    ]).encode()  # fmt: skip
