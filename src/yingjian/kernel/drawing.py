"""What printed sheets share: fonts that the file itself carries, QR codes as squares, text that fits. Pure: drawing, no
data.

A PDF's standard fonts (Courier, the readers' own Song) stand in no file: what a printer without them shows is its own
affair. So digits are in Bitstream Vera, which reportlab brings, and all else in `typeface`.
"""

from __future__ import annotations

import functools
import io
from typing import Final

import segno
from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from .typeface import NAME, Typeface

FONT: Final = NAME
DIGITS: Final = "Vera-Bold"
MASK: Final = 2
"""Of the QR code's eight masks. Looking for the best one is most of the work, and readers need none."""

QUIET_MODULES: Final = 10
WIDEST_MODULE: Final = 0.5 * mm


@functools.cache
def _register() -> None:
    registerFont(Typeface(FONT))
    registerFont(TTFont(DIGITS, "VeraBd.ttf"))


def sheets(title: str) -> tuple[io.BytesIO, Canvas]:
    """An empty A4 document and where it is written to when it is saved; the same drawing makes the same bytes."""
    _register()
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, pageCompression=1, invariant=1, initialFontName=FONT)
    canvas.setTitle(title)
    return stream, canvas


def qr(canvas: Canvas, text: str, x: float, y: float, size: float) -> None:
    """The text as a QR code of `size` points with its lower left corner at (x, y); the white border is the caller's.

    Runs of dark modules of a row are one rectangle each, in whole modules on a grid laid over the page: writing numbers
    with their decimals was half the work of a sheet.
    """
    matrix = [list(row) for row in segno.make(text, error="m", micro=False, mask=MASK).matrix]
    runs = []
    for down, row in enumerate(matrix):
        start = None
        for across, dark in enumerate([*row, 0]):
            if dark and start is None:
                start = across
            elif not dark and start is not None:
                runs.append(f"{start} {len(matrix) - down - 1} {across - start} 1 re")
                start = None
    canvas.saveState()
    canvas.translate(x, y)
    canvas.scale(size / len(matrix), size / len(matrix))
    canvas.addLiteral(" ".join([*runs, "f"]))  # its own path writes decimals
    canvas.restoreState()


def code128(canvas: Canvas, text: str, x: float, y: float, *, room: float, height: float) -> None:
    """The text as Code 128 for laser scanners, centred in `room` points from (x, y) up, as wide as there is room and no
    wider than a scanner's beam needs; the white at both ends is inside the room.
    """
    units = Code128(text, barWidth=1, quiet=False).width + 2 * QUIET_MODULES
    module = min(room / units, WIDEST_MODULE)
    bars = Code128(text, barWidth=module, barHeight=height, quiet=False)
    bars.drawOn(canvas, x + (room - bars.width) / 2, y)


def wrapped(text: str, room: float, *, size: float, lines: int = 2, font: str = FONT) -> list[str]:
    """At most so many lines that fit; the rest of a very long text is cut with an ellipsis."""
    found, wide = [""], 0.0
    for letter in text:
        width = stringWidth(letter, font, size)
        if wide + width > room:
            if len(found) == lines:
                return [*found[:-1], found[-1][:-1] + "…"]
            found.append("")
            wide = 0.0
        found[-1] += letter
        wide += width
    return found
