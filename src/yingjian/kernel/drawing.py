"""What printed sheets share: a Chinese font, QR codes as squares, text that fits. Pure: drawing, no data.

Chinese text uses the PDF reader's own Song font (STSong-Light), so that no font file is needed.
"""

from __future__ import annotations

from typing import Final

import segno
from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.units import mm
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfgen.canvas import Canvas

FONT: Final = "STSong-Light"
DIGITS: Final = "Courier-Bold"
MASK: Final = 2
"""Of the QR code's eight masks. Looking for the best one is most of the work, and readers need none."""

QUIET_MODULES: Final = 10
WIDEST_MODULE: Final = 0.5 * mm


def register() -> None:
    """Make the font known; to be called before a sheet is drawn."""
    registerFont(UnicodeCIDFont(FONT))


def qr(canvas: Canvas, text: str, x: float, y: float, size: float) -> None:
    """The text as a QR code of `size` points with its lower left corner at (x, y); the white border is the caller's.

    Runs of dark modules of a row are one rectangle each.
    """
    matrix = [list(row) for row in segno.make(text, error="m", micro=False, mask=MASK).matrix]
    module = size / len(matrix)
    path = canvas.beginPath()
    for down, row in enumerate(matrix):
        start = None
        for across, dark in enumerate([*row, 0]):
            if dark and start is None:
                start = across
            elif not dark and start is not None:
                path.rect(
                    x + start * module,
                    y + size - (down + 1) * module,
                    (across - start) * module,
                    module,
                )
                start = None
    canvas.drawPath(path, stroke=0, fill=1)


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
    found = [""]
    for letter in text:
        if stringWidth(found[-1] + letter, font, size) > room:
            if len(found) == lines:
                return [*found[:-1], found[-1][:-1] + "…"]
            found.append("")
        found[-1] += letter
    return found
