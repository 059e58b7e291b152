"""Rehearsals in the background: begun by whoever first asks, watched, stopped, kept for the next reader.

An answer, not a record (docs/decisions/0012, 0023): no command, nothing to replay. The row says how far it is; a worker
that dies is noticed by the minute and the next to ask may have it played again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import msgspec
from django.db.models import QuerySet

from yingjian.access import scope
from yingjian.access.actor import Actor
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import uuid7

from . import expecting, queries, rehearsing, runs, timing
from .models import PlanRehearsal
from .troubles import Troubles

TASK: Final = "planning.rehearse"
KEPT: Final = 30
"""Answers kept of a plan: for other numbers and troubles than the last ones it is played anew."""
FORM: Final = 5
"""Raised when the twin's answers change, so that kept ones are played anew."""
_LOCK: Final = "planning.rehearsal."


@dataclass(frozen=True, slots=True)
class Asked:
    """A plan and how often to play it. `own`: what shall go wrong, instead of the usual troubles.

    `positives`: of ten thousand people infected; None: as many as the round before found in the area.
    """

    plan_id: uuid.UUID
    runs: int
    trials: int
    seed: int
    own: Troubles | None = None
    positives: float | None = None

    @property
    def infected(self) -> float:
        """Of ten thousand, once `_settled`."""
        return self.positives or 0.0

    @property
    def troubles(self) -> dict[str, Any]:
        """What is kept of `own`: the same words for the same troubles."""
        return {} if self.own is None else self.own.model_dump(exclude_defaults=True)


@dataclass(frozen=True, slots=True)
class RehearsalProgress:
    """A rehearsal that is not there yet: `waiting` or `running`, and the share played."""

    plan_id: uuid.UUID
    state: str
    done: float
    stop_asked: bool


def rehearsal_for(
    actor: Actor, asked: Asked, *, again: bool, at: datetime, language: str
) -> rehearsing.Rehearsal | RehearsalProgress:
    """The answer kept, or how far it is; the first to ask begins it, `again` plays a failed or stopped one anew.

    Raises `planning.plan_unknown` (404), and what the rehearsal ended with (`planning.nobody_comes`,
    `planning.bad_plan`, `planning.rehearsal_interrupted`, `planning.rehearsal_failed`; 409).
    """
    head = queries.head_for(actor, asked.plan_id)
    with scope.everywhere():
        asked = _settled(asked, head.round_id)
        row = _begun(asked, area=head.area, again=again, at=at)
    if row.state == "failed":
        raise RuleBroken(row.error, status=409, **(row.answer or {}))
    if row.state != "done":
        return RehearsalProgress(asked.plan_id, row.state, row.done, row.stop_asked)
    played = msgspec.convert(row.answer, rehearsing.Played)
    return rehearsing.told(
        asked.plan_id, played, runs=asked.runs, trials=asked.trials, seed=asked.seed,
        language=language,
    )  # fmt: skip


def kept_for(actor: Actor, asked: Asked, *, at: datetime, language: str) -> rehearsing.Rehearsal:
    """The same for a paper: `planning.rehearsal_waits` (409) until it has been played."""
    found = rehearsal_for(actor, asked, again=False, at=at, language=language)
    if isinstance(found, RehearsalProgress):
        raise RuleBroken("planning.rehearsal_waits", status=409, share=round(100 * found.done))
    return found


def stop(actor: Actor, asked: Asked) -> None:
    """End a rehearsal with what was played (`planning.plan_unknown`, 404)."""
    head = queries.head_for(actor, asked.plan_id)
    with scope.everywhere():
        _rows(_settled(asked, head.round_id)).update(stop_asked=True)


def _settled(asked: Asked, round_id: uuid.UUID) -> Asked:
    """With the number of positives that is meant where none is named."""
    if asked.positives is not None:
        return asked
    return replace(asked, positives=expecting.by_history(round_id))


def _rows(asked: Asked) -> QuerySet[PlanRehearsal]:
    return PlanRehearsal.objects.filter(
        plan_id=asked.plan_id, runs=asked.runs, trials=asked.trials, seed=asked.seed,
        troubles=asked.troubles, positives=asked.infected,
    )  # fmt: skip


def _begun(asked: Asked, *, area: str, again: bool, at: datetime) -> PlanRehearsal:
    """The row, made and its job given out where there is none; two who ask at once make one."""
    row = _rows(asked).first()
    stale = row is not None and row.form != FORM
    anew = row is not None and again and (row.state == "failed" or row.stop_asked)
    if row is not None and not stale and not (anew and row.state in {"done", "failed"}):
        return row
    fresh = {
        "form": FORM,
        "state": "waiting",
        "done": 0.0,
        "stop_asked": False,
        "error": "",
        "answer": None,
    }
    if row is None:
        made = PlanRehearsal(
            id=uuid7(at), plan_id=asked.plan_id, area=area, runs=asked.runs, trials=asked.trials,
            seed=asked.seed, troubles=asked.troubles, positives=asked.infected, asked_at=at, **fresh,
        )  # fmt: skip
        PlanRehearsal.objects.bulk_create([made], ignore_conflicts=True)
        _forget(asked.plan_id)
    else:
        _rows(asked).filter(state=row.state, form=row.form).update(
            asked_at=at, seen_at=None, **fresh
        )
    found: PlanRehearsal = _rows(asked).get()
    from procrastinate.contrib.django import app

    app.configure_task(TASK, queue="imports").defer(rehearsal_id=str(found.id))
    return found


def _forget(plan_id: uuid.UUID) -> None:
    """Answers beyond the last ones asked for, and what failed; not what is being played."""
    ended = PlanRehearsal.objects.filter(plan_id=plan_id, state__in=["done", "failed"])
    old = ended.order_by("-asked_at", "-id").values_list("id", flat=True)[KEPT:]
    PlanRehearsal.objects.filter(id__in=list(old)).delete()


def play(run: uuid.UUID, *, now: Callable[[], datetime]) -> None:
    """Play what was asked for; its end is in its row, whatever it is; what is no refusal is raised too."""
    try:
        with runs.held(f"{_LOCK}{run}") as ours:
            if ours:
                _play(run, now)
    except RuleBroken as error:
        params = {name: str(value) for name, value in error.params.items()}
        _told(run, at=now(), state="failed", error=error.code, answer=params)
    except Exception:
        _told(run, at=now(), state="failed", error="planning.rehearsal_failed")
        raise


def _play(run: uuid.UUID, now: Callable[[], datetime]) -> None:
    with scope.everywhere():
        row = PlanRehearsal.objects.filter(id=run, state="waiting").first()
        if row is None:  # another job played it
            return
        given = rehearsing.given(row.plan_id)
    _told(run, at=now(), state="running")
    told = timing.Pulse(lambda done: _told(run, at=now(), done=done))
    own = Troubles.model_validate(row.troubles) if row.troubles else None
    played = rehearsing.play(
        given, runs=row.runs, trials=row.trials, seed=row.seed, positives=row.positives, own=own,
        stop=told.asked, watch=told.watch,
    )  # fmt: skip
    _told(run, at=now(), state="done", done=1.0, answer=msgspec.to_builtins(played))


def _told(run: uuid.UUID, *, at: datetime, **told: object) -> bool:
    """Note how far it is; whether it was asked to stop."""
    with scope.everywhere():
        row = PlanRehearsal.objects.filter(id=run)
        row.update(seen_at=at, **told)
        return row.values_list("stop_asked", flat=True).first() is not False


def interrupted(*, at: datetime) -> list[uuid.UUID]:
    """Close rehearsals that nobody plays any more: `planning.rehearsal_interrupted`."""
    return runs.interrupted(
        PlanRehearsal.objects.all(), lock=_LOCK, task=TASK, argument="rehearsal_id",
        error="planning.rehearsal_interrupted", at=at,
    )  # fmt: skip
