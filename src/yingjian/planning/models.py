"""Plans as proposals: the plan is a value (JSON document), checked, approved, then applied through other rooms."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from yingjian.campaigns.models import Round
from yingjian.population.models import AREA


class PlanRecord(models.Model):
    id = models.UUIDField(primary_key=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="plans")
    area = models.CharField(max_length=AREA, db_index=True)
    version = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10)
    document = models.JSONField()
    findings = models.JSONField(default=list)
    made_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "version"], name="plan_version"),
            models.UniqueConstraint(
                fields=["round"], condition=Q(state="applied"), name="plan_applied_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["proposed", "applied", "dropped"]), name="plan_state"
            ),
        ]


class PlanSearch(models.Model):
    """A plan being looked for in the background; its id is the plan's to be."""

    id = models.UUIDField(primary_key=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="plan_searches")
    area = models.CharField(max_length=AREA, db_index=True)
    state = models.CharField(max_length=10)
    options = models.JSONField(default=dict)
    stage = models.CharField(max_length=10, default="")
    done = models.FloatField(default=0.0)
    cost = models.BigIntegerField(null=True)
    bound = models.BigIntegerField(null=True)
    stop_asked = models.BooleanField(default=False)
    error = models.CharField(max_length=60, default="")
    asked_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "running", "done", "failed"]),
                name="plan_search_state",
            ),
        ]
