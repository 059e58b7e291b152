"""A role has one name: in the console, in messages and reports, in the tables of presets and plans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


def read(path: str) -> Any:
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize(("short", "long"), [("zh", "zh-CN"), ("en", "en")])
def test_a_role_is_called_the_same_on_every_screen(short: str, long: str) -> None:
    told = read(f"src/yingjian/oversight/names.{short}.json")["roles"]
    presets = read(f"src/yingjian/campaigns/preset_labels.{short}.json")["role"]
    console = read(f"web/src/locales/{long}.json")["word"]["role"]
    assert told.keys() & presets.keys() & console.keys()
    for other in (presets, console):
        for role in told.keys() & other.keys():
            assert other[role].casefold() == told[role].casefold(), role
