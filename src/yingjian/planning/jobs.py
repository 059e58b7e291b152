"""Background work of this room: look for a plan while somebody watches, and may stop it."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime
from typing import Any

from procrastinate.contrib.django import app

from yingjian.access import scope
from yingjian.engines.plan.choice import Search
from yingjian.engines.siting.model import Progress
from yingjian.kernel.clock import now
from yingjian.kernel.errors import RuleBroken
from yingjian.population import places

from . import actions, candidates, rehearsals, runs, timing
from .models import PlanSearch

log = logging.getLogger("yingjian.planning")


@app.periodic(cron="* * * * *")
@app.task(
    name="planning.close_interrupted", queue="upkeep", queueing_lock="planning.close_interrupted"
)
def close_interrupted(timestamp: int, **_: Any) -> None:
    """Searches and rehearsals whose worker died say so, and another may be begun."""
    for run in actions.searches_interrupted(at=now()):
        log.warning("plan_search_interrupted", extra={"plan_id": str(run)})
    for run in rehearsals.interrupted(at=now()):
        log.warning("rehearsal_interrupted", extra={"rehearsal_id": str(run)})
    for run in places.interrupted(candidates.LISTS, at=now()):
        log.warning("candidates_interrupted", extra={"list_id": str(run)})


@app.task(name=rehearsals.TASK, queue="imports")
def rehearse(*, rehearsal_id: str, **_: Any) -> None:
    """Permission was checked when it was asked for; its end is in its row."""
    rehearsals.play(uuid.UUID(rehearsal_id), now=now)


@app.task(name=candidates.TASK, queue="imports")
def read_candidates(*, list_id: str, at: str, **_: Any) -> None:
    """Permission and area were checked when the file was taken; the outcome is in the list."""
    run = uuid.UUID(list_id)
    places.read(candidates.LISTS, candidates.compare, list_id=run, at=datetime.fromisoformat(at))


@app.task(name=actions.TASK, queue="imports")
def search(*, plan_id: str, **_: Any) -> None:
    """Permission and round were checked when the search was asked for; its end is in its row."""
    run = uuid.UUID(plan_id)
    try:
        with runs.held(f"{actions.LOCK}{run}") as ours:
            if ours:
                _search(run)
    except RuleBroken as error:
        _ended(run, state="failed", error=error.code, error_params=error.params)
        log.info("plan_refused", extra={"plan_id": plan_id, "code": error.code})
    except Exception:
        _ended(run, state="failed", error="planning.search_failed")
        raise


def _ended(run: uuid.UUID, **told: Any) -> None:
    with scope.everywhere():
        actions.search_told(run, at=now(), **told)


def _search(run: uuid.UUID) -> None:
    with scope.everywhere():
        asked = PlanSearch.objects.filter(id=run, state="waiting").first()
        if asked is None:
            return
        actions.search_told(run, at=now(), state="running")
        choice, problem = actions.asked(asked.round_id, asked.options)
    told = timing.Teller(lambda progress: _tell(run, progress))
    found = Search(
        seed=choice.seed, stop=timing.After(choice.seconds, asked=told.asked), watch=told,
        effort=choice.effort,
    )  # fmt: skip
    plan = actions.planned(problem, choice, found)
    with scope.everywhere():
        plan, findings = actions.judged(problem, plan)
        actions.store(run, plan, findings, area=asked.area, at=now())
        actions.search_told(
            run,
            at=now(),
            state="done",
            stage="done",
            done=1.0,
            cost=plan.siting.cost,
            bound=plan.siting.bound,
        )


def _tell(run: uuid.UUID, progress: Progress | None) -> bool:
    """Write progress, if there is any; whether the search was asked to stop."""
    with scope.everywhere():
        if progress is None:
            return actions.search_told(run, at=now())
        return actions.search_told(
            run, at=now(), stage=progress.stage, done=progress.done, cost=progress.cost,
            bound=progress.bound,
        )  # fmt: skip
