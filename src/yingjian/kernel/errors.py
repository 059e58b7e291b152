"""One kind of error for every broken rule: a stable code, an HTTP status, parameters, a translated sentence.

Sentences live beside the room that raises them: `<room>/messages.zh.json` and `messages.en.json`, keyed by code,
each `{"says": "...", "do": "..."}`. The part of a code before its first dot names the room.
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


class _Gaps(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def sentence(code: str, language: str, params: dict[str, Any] | None = None) -> dict[str, str]:
    """What a reader is told: `{"says": what is wrong, "do": what to do}` in `zh` or `en`, parameters filled in."""
    text = catalogue("zh" if language.startswith("zh") else "en").get(
        code, {"says": code, "do": ""}
    )
    return {part: text.get(part, "").format_map(_Gaps(params or {})) for part in ("says", "do")}
