"""Error codes: every code used is translated, every translated code is used, and the page of them is current."""

from __future__ import annotations

from config.management.commands.errors import page
from yingjian.kernel.errors import PACKAGE, catalogue

PROJECT = PACKAGE.parents[1]


def used() -> str:
    return "\n".join(
        path.read_text(encoding="utf-8")
        for folder in (PACKAGE, PROJECT / "config")
        for path in sorted(folder.rglob("*.py"))
        if "migrations" not in path.parts and "tests" not in path.parts
    )


def test_the_page_of_errors_is_current() -> None:
    assert (PROJECT / "docs" / "errors.md").read_text(encoding="utf-8") == page(), (
        "run `yingjian errors`"
    )


def test_every_translated_code_is_used() -> None:
    text = used()
    # Presets build their codes from the fault's name, so the last part is what stands in the source.
    unused = [
        code
        for code in catalogue("zh")
        if code.split(".", 1)[1].removeprefix("preset_") not in text
    ]
    assert unused == []
