"""One kind of error for every broken rule: a stable code, an HTTP status, parameters, a translated sentence.

Sentences live beside the room that raises them: `<room>/messages.zh.json` and `messages.en.json`, keyed by code,
each `{"says": "...", "do": "..."}`; words for states in `states.zh.json` beside them. The part of a code before its
first dot names the room.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent
CODE = re.compile(r"^[a-z_]+\.[a-z0-9_.]+$")
LANGUAGES = ("zh", "en")
STATE_PARAMS = frozenset({"state", "to"})


class RuleBroken(Exception):  # noqa: N818 - the house's word: a rule was broken, nothing erred
    """A decision or input was refused. `code` is stable and documented in docs/errors.md."""

    def __init__(self, code: str, /, *, status: int = 422, **params: Any) -> None:
        if not CODE.match(code):
            raise ValueError(f"not an error code: {code!r}")
        super().__init__(code)
        self.code = code
        self.status = status
        self.params = params


@cache
def catalogue(language: str) -> dict[str, dict[str, str]]:
    """All sentences of one language by code, read from every room's messages file."""
    merged: dict[str, dict[str, str]] = {}
    for path in sorted(PACKAGE.glob(f"*/messages.{language}.json")):
        for code, text in json.loads(path.read_text(encoding="utf-8")).items():
            if code in merged:
                raise ValueError(f"{code} is declared twice (second time in {path.parent.name})")
            merged[code] = text
    return merged


@cache
def states(language: str) -> dict[str, dict[str, str]]:
    """The words for states, by room and state, from the rooms' `states.<language>.json`."""
    return {
        path.parent.name: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.glob(f"*/states.{language}.json"))
    }


class _Gaps(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def sentence(code: str, language: str, params: dict[str, Any] | None = None) -> dict[str, str]:
    """What a reader is told: `{"says": what is wrong, "do": what to do}` in `zh` or `en`, parameters filled in.

    `state` and `to` are told by their words where the room has some.
    """
    spoken = "zh" if language.startswith("zh") else "en"
    text = catalogue(spoken).get(code, {"says": code, "do": ""})
    shown = dict(params or {})
    words = states(spoken).get(code.partition(".")[0], {})
    for name in STATE_PARAMS & shown.keys():
        shown[name] = words.get(str(shown[name]), shown[name])
    return {part: text.get(part, "").format_map(_Gaps(shown)) for part in ("says", "do")}
