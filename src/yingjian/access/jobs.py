"""Background work of this room: deliver events (again, when a worker died of it), seal the journal, sweep clocks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from procrastinate import JobContext
from procrastinate.contrib.django import app

from yingjian.kernel.clock import now

from . import chain, clocks, outbox, scope
from .actor import SYSTEM

DELIVERIES_MAX = 5  # an event that kills its worker every time is left for a person


@app.task(name="access.deliver", queue="outbox", retry=DELIVERIES_MAX)
def deliver(*, event: str, body: dict[str, Any], **_: Any) -> None:
    outbox.deliver(event, body)


@app.periodic(cron="* * * * *")
@app.task(name="access.redeliver", queue="upkeep", queueing_lock="redeliver", pass_context=True)
async def redeliver(context: JobContext, /, timestamp: int, **_: Any) -> None:
    """Events a worker took and died over are delivered again; subscribers take a second delivery for what it is."""
    jobs = context.app.job_manager
    for job in await jobs.get_stalled_jobs(queue="outbox"):
        if job.attempts < DELIVERIES_MAX:
            await jobs.retry_job(job)


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
