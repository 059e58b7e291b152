"""Words of plans in Chinese and English: labels, sheets, findings. Texts live in JSON beside."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
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
    codes (`places_of`, `queries.names_in`); what has none is told by its code."""
    params = finding.get("params", {})
    if finding["level"] == "ok":
        path, elements = finding.get("path") or "", spoken(params.get("elements", 1), language)
        named = words(language)["held" if path else "held_sum"]
        value = spoken(finding.get("value"), language)
        return str(named).format(n=elements, path=rule(path, language), value=value)
    text: str = sentences(language).get(finding["code"], finding["code"])
    shown = {
        name: spoken(finding[name], language)
        for name in ("element", "measured", "limit", "over", "path", "value")
        if finding.get(name) is not None
    } | {name: _named(name, value, language) for name, value in params.items()}
    for name in ("element", "village", "above"):
        if name in shown:
            shown[name] = places.get(str(shown[name]), shown[name])
    return text.format_map(_Gaps({k: v for k, v in shown.items() if v is not None}))


def rule(path: str, language: str) -> str:
    """A rule of the preset by its words; empty for none."""
    own: dict[str, str] = words(language)["rule"]
    return own.get(path) or (presets.label_of(path, short(language)) if path else "")


def subject(element: str, language: str, places: Mapping[str, str]) -> str:
    """What a finding is about, as people call it: a place by its name, a job and an item by its word."""
    kind, _, code = element.partition(":")
    if not code:
        return str(words(language)["whole"]) if kind == "plan" else places.get(element, element)
    if kind in {"job", "item"}:
        return str(_named(kind, code, language))
    return places.get(element, code)


def origin(text: str, language: str) -> str:
    """Where a rule comes from, as the preset's page says it: `default S4/ML R16` is 缺省←S4/ML R16."""
    head, _, source = text.partition(" ")
    if head != "default":
        return text
    known = presets.labels(short(language))
    return f"{known['text']['default']}←{known['source'].get(source, source)}"


def _named(name: str, value: object, language: str) -> object:
    """Jobs and goods by their words, numbers as people write them."""
    kind = {"job": "role", "item": "item"}.get(name)
    if kind is None:
        return spoken(value, language)
    return presets.labels(short(language))[kind].get(str(value), value)


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


def spoken(value: object, language: str) -> object:
    """A value as people write it: whole numbers without a point, yes and no, moments by date and minute, lists by
    words."""
    if isinstance(value, bool):
        return words(language)["yes" if value else "no"]
    if isinstance(value, float):
        return int(value) if value.is_integer() else round(value, 1)
    if value is None:
        return words(language)["unsaid"]
    if isinstance(value, list | tuple):
        return words(language)["and"].join(str(spoken(one, language)) for one in value)
    if isinstance(value, str) and _MOMENT.match(value):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.strftime("%m-%d %H:%M")
    if not isinstance(value, str):
        return value
    known = presets.labels(short(language))
    return known["category"].get(value) or known["code"].get(value, value)
