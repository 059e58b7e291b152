"""Background work of this room: read an uploaded roster, close those whose reader died."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime
from typing import Any

from procrastinate.contrib.django import app

from yingjian.access.actor import Actor
from yingjian.kernel.clock import now
from yingjian.kernel.errors import RuleBroken
from yingjian.population import actions, buildings, places, uploads

log = logging.getLogger("yingjian.population")


@app.periodic(cron="* * * * *")
@app.task(name="population.close_interrupted", queue="upkeep", queueing_lock="close_interrupted")
def close_interrupted(timestamp: int, **_: Any) -> None:
    """Imports whose worker died say so, and their files are deleted."""
    for run in actions.rosters_interrupted(at=now()):
        log.warning("roster_interrupted", extra={"import_id": str(run)})
        uploads.drop(run)
    for run in places.interrupted(buildings.LISTS, at=now()):
        log.warning("buildings_interrupted", extra={"list_id": str(run)})


@app.task(name="population.import_roster", queue="imports")
def import_roster(
    *, import_id: str, actor_id: str, actor_name: str, at: str, region: str = "", **_: Any
) -> None:
    """Permission and area were checked when the file was taken; the outcome is in the import."""
    run = uuid.UUID(import_id)
    actor = Actor("user", uuid.UUID(actor_id), actor_name)
    try:
        actions.roster_run(
            actor=actor,
            at=datetime.fromisoformat(at),
            import_id=run,
            path=uploads.path_of(run),
            region=region,
        )
    except RuleBroken as error:
        log.info("roster_refused", extra={"import_id": import_id, "code": error.code})
    finally:
        uploads.drop(run)


@app.task(name=buildings.TASK, queue="imports")
def read_buildings(*, list_id: str, at: str, **_: Any) -> None:
    """Permission and area were checked when the file was taken; the outcome is in the list."""
    run = uuid.UUID(list_id)
    places.read(buildings.LISTS, buildings.compare, list_id=run, at=datetime.fromisoformat(at))
