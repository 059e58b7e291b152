"""Printed sheets read back: every font is in the file, rare characters too, and what the font lacks is seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pypdf import PdfReader

import yingjian
from yingjian.kernel import drawing
from yingjian.kernel.typeface import BOX

RARE = "𬱖㛃堃喆䶮犇𬍛𫖯𠅤㛹"
NOWHERE = "\U0003134a"  # a character of Unicode 15, in no font of today


def printed(*lines: str, digits: str = "") -> PdfReader:
    stream, canvas = drawing.sheets("t")
    for no, line in enumerate(lines):
        canvas.setFont(drawing.FONT, 9)
        canvas.drawString(30, 800 - 12 * no, line)
    if digits:
        canvas.setFont(drawing.DIGITS, 9)
        canvas.drawString(30, 20, digits)
    canvas.save()
    return PdfReader(stream)


def fonts(reader: PdfReader) -> list[Any]:
    """Each font of each page, down to the one that has the outlines."""
    found: list[Any] = []
    for page in reader.pages:
        resources: Any = page["/Resources"]
        for font in resources["/Font"].values():
            whole = font.get_object()
            found.append(whole.get("/DescendantFonts", [whole])[0].get_object())
    return found


def carried(font: Any) -> bool:
    descriptor = font.get("/FontDescriptor", {})
    return any(f"/FontFile{kind}" in descriptor for kind in ("", "2", "3"))


def test_every_font_is_in_the_file_and_the_text_can_be_read_back() -> None:
    line = f"{RARE} 永发村采样点，Abc 123"
    reader = printed(line, digits="6401 2110 01")
    assert len(fonts(reader)) == 2
    assert all(carried(font) for font in fonts(reader)), fonts(reader)
    assert reader.pages[0].extract_text().splitlines() == [line, "6401 2110 01"]


def test_a_character_the_font_lacks_is_a_box_and_the_others_stand() -> None:
    assert printed(f"王{NOWHERE}明").pages[0].extract_text().strip() == "王□明"
    assert drawing.wrapped(NOWHERE * 3, 20, size=10, lines=3) == [NOWHERE * 2, NOWHERE]


def test_only_the_glyphs_that_are_used_are_in_the_file() -> None:
    few, many = printed("采样点"), printed("".join(map(chr, range(0x4E00, 0x4E00 + 200))))
    [one], [other] = fonts(few), fonts(many)
    sizes = [len(font["/FontDescriptor"]["/FontFile3"].get_data()) for font in (one, other)]
    assert sizes[0] < 3_000
    assert sizes[1] > 20 * sizes[0]


def test_documents_do_not_mix_their_glyphs_and_are_the_same_each_time() -> None:
    (first, one), (second, two) = drawing.sheets("a"), drawing.sheets("b")
    for canvas, text in ((one, "采样点"), (two, "中转站"), (one, "箱码")):
        canvas.setFont(drawing.FONT, 9)
        canvas.drawString(30, 30, text)
        canvas.showPage()
    one.save()
    two.save()
    texts = [
        [page.extract_text().strip() for page in PdfReader(file).pages] for file in (first, second)
    ]
    assert texts == [["采样点", "箱码"], ["中转站"]]
    again, three = drawing.sheets("b")
    three.setFont(drawing.FONT, 9)
    three.drawString(30, 30, "中转站")
    three.save()
    assert again.getvalue() == second.getvalue()


def test_no_word_of_ours_needs_a_character_the_font_lacks() -> None:
    words = "".join(
        json.dumps(json.loads(file.read_text(encoding="utf-8")), ensure_ascii=False)
        for file in sorted(Path(yingjian.__file__).parent.rglob("*.json"))
    )
    assert len(words) > 10_000
    letters = "".join(sorted(set(words) - {" ", BOX}))
    assert BOX not in printed(letters).pages[0].extract_text()
