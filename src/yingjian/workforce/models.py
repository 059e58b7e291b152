"""Institutions, the staff of the response, work groups and posts held over a span of time."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from yingjian.population.models import AREA


class Institution(models.Model):
    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["area", "name"], name="institution_once")]


class StaffMember(models.Model):
    """A person who works in the response. `job` is a staffing role (sampler, registrar, police, volunteer…)."""

    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="staff")
    name = models.CharField(max_length=64)
    job = models.CharField(max_length=32)
    qualified_for = models.JSONField(default=list)
    supporting = models.BooleanField(default=False)


class WorkGroup(models.Model):
    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    round_id = models.UUIDField(db_index=True)
    name = models.CharField(max_length=80)
    leader = models.CharField(max_length=64, default="")
    duty = models.CharField(max_length=400, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round_id", "area", "name"], name="workgroup_once")
        ]


class Post(models.Model):
    """A staff member at a place over `[starts, ends)` in one job. The same person cannot hold two posts at once."""

    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    round_id = models.UUIDField(db_index=True)
    staff = models.ForeignKey(StaffMember, on_delete=models.PROTECT, related_name="posts")
    job = models.CharField(max_length=32)
    site_code = models.CharField(max_length=32, default="")
    station_code = models.CharField(max_length=32, default="")
    starts = models.DateTimeField()
    ends = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(ends__gt=F("starts")), name="post_span")]


class Training(models.Model):
    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    round_id = models.UUIDField(null=True)
    topic = models.CharField(max_length=120)
    held_at = models.DateTimeField()
    attended = models.PositiveIntegerField()
