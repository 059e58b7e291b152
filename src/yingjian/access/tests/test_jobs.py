"""Deliveries that a worker did not live to finish."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from procrastinate import JobContext
from procrastinate.contrib.django import app

from yingjian.access import jobs

pytestmark = pytest.mark.django_db


def taken(*, worker_beats: str | None, attempts: int = 0, queue: str = "outbox") -> int:
    """A job some worker is doing; its last sign of life so long ago, or None: the worker is gone."""
    job = app.configure_task("access.deliver", queue=queue).defer(event="x.y", body={})
    with connection.cursor() as cursor:
        worker = None
        if worker_beats is not None:
            cursor.execute(
                "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s::interval) RETURNING id",
                [worker_beats],
            )
            worker = cursor.fetchone()[0]
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s, attempts = %s WHERE id = %s",
            [worker, attempts, job],
        )
    return int(job)


def state_of(job: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT status FROM procrastinate_jobs WHERE id = %s", [job])
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("given", "after"),
    [
        ({"worker_beats": None}, "todo"),
        ({"worker_beats": "5 minutes"}, "todo"),
        ({"worker_beats": "1 second"}, "doing"),
        ({"worker_beats": None, "attempts": jobs.DELIVERIES_MAX}, "doing"),
        ({"worker_beats": None, "queue": "imports"}, "doing"),
    ],
)
def test_an_event_whose_worker_died_is_delivered_again(given: dict[str, Any], after: str) -> None:
    job = taken(**given)
    context = cast(JobContext, SimpleNamespace(app=app))
    async_to_sync(jobs.redeliver.func)(context, 0)
    assert state_of(job) == after
