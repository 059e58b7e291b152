"""Bars on a label: inside their room, with the white a scanner needs, none too thin to be read."""

from __future__ import annotations

import io
from typing import Any

import pytest
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from yingjian.kernel import drawing

THINNEST = 0.25 * mm  # what a hand scanner of any make reads off a desk printer's paper


class Watched(Canvas):  # type: ignore[misc]
    """A canvas that remembers where bars were drawn, on the page."""

    def rect(
        self, x: float, y: float, width: float, height: float, *given: Any, **more: Any
    ) -> None:
        left, low = self.absolutePosition(x, y)
        self.bars = [*getattr(self, "bars", []), (left, low, width, height)]
        super().rect(x, y, width, height, *given, **more)


@pytest.mark.parametrize("text", ["6401211010010030100010007", "640121101001", "S1-1"])
def test_bars_stay_in_their_room_and_can_be_read(text: str) -> None:
    canvas = Watched(io.BytesIO())
    drawing.code128(canvas, text, 10 * mm, 20 * mm, room=62 * mm, height=6 * mm)
    thin = min(width for _, _, width, _ in canvas.bars)
    assert thin >= THINNEST
    left = min(x for x, *_ in canvas.bars)
    right = max(x + width for x, _, width, _ in canvas.bars)
    assert left >= 10 * mm + drawing.QUIET_MODULES * thin - 0.01
    assert right <= 72 * mm - drawing.QUIET_MODULES * thin + 0.01
    assert {round(y / mm, 3) for _, y, *_ in canvas.bars} == {20.0}
