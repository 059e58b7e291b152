"""What a command line gives to this room's commands, and how a refusal is told there: in the reader's language."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from yingjian.kernel.errors import RuleBroken, sentence


@contextmanager
def refusals(language: str) -> Iterator[None]:
    """A refusal ends the command with its code, what is wrong and what to do (exit code 1)."""
    try:
        yield
    except RuleBroken as error:
        told = sentence(error.code, language, error.params)
        raise CommandError(f"{error.code}: {told['says']} {told['do']}") from None


def round_id(given: str) -> uuid.UUID:
    """The round's id. Refused with `planning.not_a_round`."""
    try:
        return uuid.UUID(given)
    except ValueError:
        raise RuleBroken("planning.not_a_round", got=given) from None


def text_of(option: str, path: str) -> str:
    """A file's text. Refused with `planning.file_missing`, `planning.file_no_text`."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError:
        raise RuleBroken("planning.file_missing", option=option, file=path) from None
    except UnicodeDecodeError:
        raise RuleBroken("planning.file_no_text", option=option, file=path) from None


def json_of(option: str, path: str) -> Any:
    """What a file of JSON holds. Refused as `text_of`, and with `planning.file_no_json`."""
    text = text_of(option, path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = {"line": error.lineno, "column": error.colno}
        raise RuleBroken("planning.file_no_json", option=option, file=path, **where) from None
    except RecursionError:
        raise RuleBroken(
            "planning.file_no_json", option=option, file=path, line=1, column=1
        ) from None


def options_of(pairs: list[str]) -> dict[str, Any]:
    """`NAME=VALUE` each; a value that is no JSON is a word."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
