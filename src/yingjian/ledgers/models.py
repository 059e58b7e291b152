"""Tasks with an owner and a due time (catch-up tests, findings, rectification). Form-defined ledgers come later."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from yingjian.population.models import AREA


class Task(models.Model):
    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    round_id = models.UUIDField(null=True, db_index=True)
    kind = models.CharField(max_length=32)
    subject_kind = models.CharField(max_length=24)
    subject_id = models.UUIDField()
    title = models.CharField(max_length=160)
    owner_role = models.CharField(max_length=32)
    owner_name = models.CharField(max_length=80, default="")
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=200, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject_id"], name="task_once"),
            models.CheckConstraint(
                condition=Q(done_at=None) | Q(done_at__gte=F("opened_at")), name="task_done_after"
            ),
        ]
