"""Plans as proposals: the plan is a value (JSON document), checked, approved, then applied through other rooms."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from yingjian.campaigns.models import Round
from yingjian.population.models import AREA, PlaceList


class PlanRecord(models.Model):
    """A plan. What lists say of it is kept by the database beside the document (migration 0008): `totals`, `forecast`,
    `siting` without its proof, and how many lines of `barriers` and `paths` it was made with.
    """

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
    error_params = models.JSONField(default=dict)
    asked_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "running", "done", "failed"]),
                name="plan_search_state",
            ),
        ]


class PlanRehearsal(models.Model):
    """A plan being rehearsed in the background, then its answer, kept for the next reader. Not a record: the same plan,
    runs, seed and troubles give the same answer again. `form`: what wrote the answer; another one plays it anew.
    `troubles`: what shall go wrong, by whoever asked; empty: the usual ones. `positives`: infected of ten thousand.
    """

    id = models.UUIDField(primary_key=True)
    plan = models.ForeignKey(PlanRecord, on_delete=models.PROTECT, related_name="rehearsals")
    area = models.CharField(max_length=AREA, db_index=True)
    runs = models.PositiveSmallIntegerField()
    trials = models.PositiveSmallIntegerField()
    seed = models.BigIntegerField()
    troubles = models.JSONField(default=dict)
    positives = models.FloatField(default=0.0)
    form = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10)
    done = models.FloatField(default=0.0)
    stop_asked = models.BooleanField(default=False)
    error = models.CharField(max_length=60, default="")
    answer = models.JSONField(null=True)
    asked_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "runs", "trials", "seed", "troubles", "positives"],
                name="plan_rehearsal_asked",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "running", "done", "failed"]),
                name="plan_rehearsal_state",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(answer__isnull=False), name="plan_rehearsal_answer"
            ),
        ]


class CandidateList(PlaceList):
    """A list of places where sites may be, as a county handed it in."""


class Candidate(models.Model):
    """A place where a site may be. `key` tells it from others in a list that comes again: the county's own number
    within a town, else village and name. WGS 84.

    `lanes` is how many fit at most; `barred`: it may not be used. One that was withdrawn is kept, and comes back with
    the next list that names it.
    """

    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    key = models.CharField(max_length=140, unique=True)
    no = models.CharField(max_length=40, default="")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=20, default="")
    lon = models.FloatField()
    lat = models.FloatField()
    lanes = models.PositiveSmallIntegerField(null=True)
    setting = models.CharField(max_length=8, default="")
    parking = models.BooleanField(null=True)
    barred = models.BooleanField(default=False)
    remarks = models.CharField(max_length=200, default="")
    changed_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_for = models.CharField(max_length=200, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(lon__gte=-180, lon__lte=180, lat__gte=-90, lat__lte=90),
                name="candidate_place",
            ),
            models.CheckConstraint(
                condition=Q(setting__in=["", "indoor", "outdoor", "both"]), name="candidate_setting"
            ),
            models.CheckConstraint(
                condition=Q(lanes=None) | Q(lanes__gte=1), name="candidate_lanes"
            ),
        ]
