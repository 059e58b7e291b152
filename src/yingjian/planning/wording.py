"""Words of plans in Chinese and English: labels, sheets, findings. Texts live in JSON beside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from yingjian.campaigns import presets
from yingjian.engines.plan.model import Plan

HERE = Path(__file__).resolve().parent


def short(language: str) -> str:
    """`zh` or `en`: the two languages there are words in."""
    return "zh" if language.startswith("zh") else "en"


@cache
def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / name).read_text(encoding="utf-8"))
    return found


def words(language: str) -> dict[str, Any]:
    """Names of columns, sheets and labels."""
    return _read(f"words.{short(language)}.json")


def sentences(language: str) -> dict[str, str]:
    """The sentence of every finding, by code."""
    return _read(f"findings.{short(language)}.json")


class _Gaps(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def places_of(plan: Plan) -> dict[str, str]:
    """Names of a plan's sites by `site:code`, and of villages by code: people know their sites by name."""
    villages = {share.area: share.name for site in plan.sites for share in site.villages}
    return villages | {f"site:{site.code}": site.name for site in plan.sites}


def told(
    finding: dict[str, Any], language: str, places: Mapping[str, str] = MappingProxyType({})
) -> str:
    """A finding as a sentence; what holds is said with the rule's value and how often it was held. `places`: names for
    codes (`places_of`); what has none is told by its code."""
    params = finding.get("params", {})
    if finding["level"] == "ok":
        elements, value = _number(params.get("elements", 1)), _number(finding.get("value"))
        named = words(language)["held" if finding.get("path") else "held_sum"]
        return str(named).format(n=elements, path=finding.get("path"), value=value)
    text: str = sentences(language).get(finding["code"], finding["code"])
    shown = {
        name: _number(finding.get(name))
        for name in ("element", "measured", "limit", "over", "path", "value")
    } | {name: _named(name, value, language) for name, value in params.items()}
    for name in ("element", "village"):
        if name in shown:
            shown[name] = places.get(str(shown[name]), shown[name])
    return text.format_map(_Gaps({k: v for k, v in shown.items() if v is not None}))


def _named(name: str, value: object, language: str) -> object:
    """Jobs and goods by their words, numbers as people write them."""
    kind = {"job": "role", "item": "item"}.get(name)
    if kind is None:
        return _number(value)
    return presets.labels(short(language))[kind].get(str(value), value)


def _number(value: object) -> object:
    if isinstance(value, float):
        return int(value) if value.is_integer() else round(value, 1)
    return value
