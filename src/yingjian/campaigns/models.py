"""Protocol presets, campaigns, rounds and their frozen due list: the denominator."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from yingjian.population.models import AREA, Person

ROUND_STATES = [
    "draft",
    "approved",
    "mobilising",
    "sampling",
    "testing",
    "reconciling",
    "closed",
    "cancelled",
]
DUE_STATES = ["due", "sampled", "resulted", "excused", "missed"]


class Preset(models.Model):
    """One version of a protocol, stored whole so that an old round keeps its rules for ever."""

    id = models.UUIDField(primary_key=True)
    code = models.CharField(max_length=32)
    version = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    document = models.JSONField()
    loaded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "version", "digest"], name="preset_once"),
        ]


class Campaign(models.Model):
    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    name = models.CharField(max_length=120)
    trigger = models.CharField(max_length=200, default="")
    created_at = models.DateTimeField()


class Round(models.Model):
    """A preset applied to an area and a window. `due_total` is fixed when the list is frozen.

    `area_classes` are the risk areas and sealed estates named at the freeze: `{prefix: class}`; `within` are the parts
    of the area whose people were put on the list then, all of it when empty.
    """

    id = models.UUIDField(primary_key=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="rounds")
    no = models.PositiveSmallIntegerField()
    area = models.CharField(max_length=AREA, db_index=True)
    name = models.CharField(max_length=120)
    preset = models.ForeignKey(Preset, on_delete=models.PROTECT)
    state = models.CharField(max_length=12, default="draft")
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    approved_at = models.DateTimeField(null=True)
    frozen_at = models.DateTimeField(null=True)
    activated_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    due_total = models.PositiveIntegerField(null=True)
    area_classes = models.JSONField(default=dict)
    within = models.JSONField(default=list)
    ended_reason = models.CharField(max_length=120, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "no"], name="round_once"),
            models.CheckConstraint(
                condition=Q(window_end__gt=F("window_start")), name="round_window"
            ),
            models.CheckConstraint(condition=Q(state__in=ROUND_STATES), name="round_state"),
            models.CheckConstraint(
                condition=Q(frozen_at=None, due_total=None)
                | Q(frozen_at__isnull=False, due_total__isnull=False),
                name="round_frozen_total",
            ),
            models.CheckConstraint(
                condition=~Q(state="closed") | Q(closed_at__isnull=False), name="round_closed_at"
            ),
            models.CheckConstraint(
                condition=~Q(state="cancelled") | ~Q(ended_reason=""), name="round_cancel_reason"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "cancelled"]) | Q(frozen_at__isnull=False),
                name="round_frozen_first",
            ),
        ]


class DuePerson(models.Model):
    """One person of a round's denominator, in exactly one state. `area` is the village of the present address.

    `mode` is pool, single or household; `home` means a doorstep visit. `added_by` is the command that added a person
    found after the freeze, `excused_by` the one that excused them. Terminal at close: resulted, excused (reason),
    missed (owner and catch-up task).
    """

    id = models.UUIDField(primary_key=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="due", db_index=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA)
    rank = models.PositiveSmallIntegerField()
    category = models.CharField(max_length=32)
    mode = models.CharField(max_length=10)
    home = models.BooleanField(default=False)
    site_code = models.CharField(max_length=32, default="")
    slot_start = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, default="due")
    sampled_at = models.DateTimeField(null=True)
    resulted_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, null=True)
    reason = models.CharField(max_length=120, default="")
    owner = models.CharField(max_length=80, default="")
    caught_up_at = models.DateTimeField(null=True)
    added_by = models.UUIDField(null=True)
    excused_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "person"], name="due_once"),
            models.CheckConstraint(condition=Q(state__in=DUE_STATES), name="due_state"),
            models.CheckConstraint(
                condition=Q(mode__in=["pool", "single", "household"]), name="due_mode"
            ),
            models.CheckConstraint(
                condition=~Q(state="resulted")
                | Q(resulted_at__isnull=False, outcome__isnull=False),
                name="due_resulted",
            ),
            models.CheckConstraint(
                condition=~Q(state="excused") | ~Q(reason=""), name="due_excused_reason"
            ),
            models.CheckConstraint(
                condition=~Q(state="missed") | ~Q(owner=""), name="due_missed_owner"
            ),
        ]
        indexes = [
            # No index names `state`: a swab and a result then change the row in place (HOT), not six indexes.
            models.Index(fields=["round", "area"], name="due_area"),
            models.Index(fields=["round", "site_code"], name="due_site"),
            models.Index(
                fields=["round", "category"], name="due_key", condition=~Q(category="general")
            ),
        ]
