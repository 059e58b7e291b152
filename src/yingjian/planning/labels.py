"""The printable code sheet: 点码, 台码 and 箱码 as A4 labels with a QR code and readable digits."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from yingjian.engines.plan.model import Plan, Site
from yingjian.kernel import drawing

from .wording import words

FONT, DIGITS = drawing.FONT, drawing.DIGITS
COLUMNS, ROWS = 3, 8
MOST = 6_000
"""Labels in one file: 250 pages. A county prints by town."""
WIDTH, HEIGHT = A4[0] / COLUMNS, A4[1] / ROWS
QR, EDGE = 24 * mm, 4 * mm
QUIET = 5 * mm
"""White beside the code: readers need four modules of it."""


@dataclass(frozen=True)
class Label:
    """One label: what it is, what is encoded, where it belongs."""

    kind: str
    code: str
    place: str


def labels(plan: Plan, *, under: str = "") -> Iterator[Label]:
    """Labels in the order a site is set up: site, then each station with its boxes.

    `under` is a site code or an area prefix.
    """
    for site in sorted(plan.sites, key=lambda s: s.code):
        if site.code.startswith(under):
            yield from _of_site(site)


def _of_site(site: Site) -> Iterator[Label]:
    yield Label("site", site.code, site.name)
    for station in site.stations:
        yield Label("station", station.code, site.name)
        for box in station.boxes:
            yield Label("box", box, site.name)


def sheet(found: list[Label], *, language: str) -> bytes:
    """The labels as PDF, 24 to a page."""
    stream, canvas = drawing.sheets("codes")
    names = words(language)
    for number, label in enumerate(found):
        place = number % (COLUMNS * ROWS)
        if number and not place:
            canvas.showPage()
        left = place % COLUMNS * WIDTH
        top = A4[1] - place // COLUMNS * HEIGHT
        _draw(canvas, label, names[label.kind], left=left, top=top)
    canvas.save()
    return stream.getvalue()


def _draw(canvas: Canvas, label: Label, name: str, *, left: float, top: float) -> None:
    drawing.qr(canvas, label.code, left + EDGE, top - EDGE - QR, QR)
    text, room = left + EDGE + QR + QUIET, WIDTH - QR - 2 * EDGE - QUIET
    canvas.setFont(FONT, 9)
    canvas.drawString(text, top - EDGE - 9, name)
    for line, part in enumerate(_wrapped(label.place, room)):
        canvas.setFont(FONT, 7.5)
        canvas.drawString(text, top - EDGE - 20 - 9 * line, part)
    canvas.setFont(DIGITS, 7.5)
    for line, part in enumerate(_grouped(label.code)):
        canvas.drawString(text, top - EDGE - 42 - 9 * line, part)


def _grouped(code: str) -> list[str]:
    """Digits in the groups a clerk reads out: region, site, station, campaign and round, serial."""
    cuts = [c for c in (0, 6, 12, 15, 17, 21, 24, 25) if c < len(code)] + [len(code)]
    parts = [code[a:b] for a, b in itertools.pairwise(cuts)]
    return [" ".join(line) for line in (parts[:2], parts[2:4], parts[4:]) if line]


def _wrapped(text: str, room: float) -> list[str]:
    return drawing.wrapped(text, room, size=7.5)
