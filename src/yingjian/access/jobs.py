"""Background work of this room: deliver events, seal the journal, sweep clocks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from procrastinate.contrib.django import app

from yingjian.kernel.clock import now

from . import chain, clocks, outbox, scope
from .actor import SYSTEM


@app.task(name="access.deliver", queue="outbox", retry=5)
def deliver(*, event: str, body: dict[str, Any], **_: Any) -> None:
    outbox.deliver(event, body)


@app.periodic(cron="* * * * *")
@app.task(name="access.seal_journal", queue="upkeep", queueing_lock="seal_journal")
def seal_journal(timestamp: int, **_: Any) -> None:
    chain.seal(at=now())


@app.periodic(cron="* * * * *")
@app.task(name="access.sweep_clocks", queue="upkeep", queueing_lock="sweep_clocks")
def sweep_clocks(timestamp: int, **_: Any) -> None:
    if settings.YINGJIAN_DRILL:
        return  # a drill lives at a time of its own and sweeps at that time (`POST /clocks/sweep`)
    with scope.acting(SYSTEM):
        clocks.sweep(at=now())
