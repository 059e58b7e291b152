"""What is stated from outside beside what the records say; documents that were written."""

from __future__ import annotations

from django.db import models

from yingjian.campaigns.models import Round
from yingjian.population.models import AREA


class StatedFigure(models.Model):
    """A figure somebody stated (a report's 228 staff). Compared with the recomputed one; a gap is shown, not hidden."""

    id = models.UUIDField(primary_key=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA, db_index=True)
    figure = models.CharField(max_length=48)
    value = models.BigIntegerField()
    source = models.CharField(max_length=120)
    stated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "figure", "source"], name="stated_once")
        ]


class Report(models.Model):
    """A document written from records: which figures it used, as of when, and the digest of the file."""

    id = models.UUIDField(primary_key=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA, db_index=True)
    kind = models.CharField(max_length=24)
    as_of = models.DateTimeField()
    figures = models.JSONField()
    file_name = models.CharField(max_length=120)
    digest = models.CharField(max_length=64)
    written_at = models.DateTimeField()
