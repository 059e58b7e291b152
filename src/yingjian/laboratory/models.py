"""Laboratories, receipt of boxes, runs, results with their release and their corrections."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from yingjian.campaigns.models import Round
from yingjian.logistics.models import Box
from yingjian.population.models import AREA
from yingjian.sampling.models import Tube

OUTCOMES = ["negative", "positive", "grey", "single_target", "invalid"]


class Laboratory(models.Model):
    id = models.UUIDField(primary_key=True)
    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16)
    area = models.CharField(max_length=AREA, db_index=True)
    tubes_per_day = models.PositiveIntegerField()
    opens_hour = models.PositiveSmallIntegerField(default=0)
    closes_hour = models.PositiveSmallIntegerField(default=24)
    state = models.CharField(max_length=12, default="receiving")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(opens_hour__lt=F("closes_hour"), closes_hour__lte=24),
                name="laboratory_hours",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "candidate",
                        "cleared",
                        "receiving",
                        "full",
                        "suspended",
                        "blacklisted",
                    ]
                ),
                name="laboratory_state",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=["hospital", "cdc_county", "cdc_city", "cdc_region", "company"]
                ),
                name="laboratory_kind",
            ),
        ]


class Allocation(models.Model):
    """Which laboratory takes a site's tubes in a round (采送检匹配)."""

    id = models.UUIDField(primary_key=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    laboratory = models.ForeignKey(Laboratory, on_delete=models.PROTECT)
    site_code = models.CharField(max_length=32)
    area = models.CharField(max_length=AREA, db_index=True)
    tubes_planned = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["round", "site_code", "laboratory"], name="allocation_once"
            )
        ]


class Receipt(models.Model):
    """A box opened at the bench: what the manifest said, what was there. No box: tubes brought by hand (rechecks)."""

    id = models.UUIDField(primary_key=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    laboratory = models.ForeignKey(Laboratory, on_delete=models.PROTECT)
    box = models.ForeignKey(Box, null=True, on_delete=models.PROTECT, related_name="receipts")
    area = models.CharField(max_length=AREA, db_index=True)
    at = models.DateTimeField()
    by = models.CharField(max_length=64)
    expected = models.PositiveIntegerField()
    received = models.PositiveIntegerField()
    missing = models.PositiveIntegerField()
    extra = models.PositiveIntegerField()
    broken = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(expected=F("received") + F("broken") + F("missing") - F("extra")),
                name="receipt_conserves",
            )
        ]


class ReceiptLine(models.Model):
    id = models.UUIDField(primary_key=True)
    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="lines")
    area = models.CharField(max_length=AREA)
    tube_code = models.CharField(max_length=40)
    tube = models.ForeignKey(Tube, null=True, on_delete=models.PROTECT)
    state = models.CharField(max_length=8)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["receipt", "tube_code"], name="receiptline_once"),
            models.CheckConstraint(
                condition=Q(state__in=["received", "missing", "extra", "broken"]),
                name="receiptline_state",
            ),
        ]


class Run(models.Model):
    """One instrument batch. `ct_limit` is the kit leaflet's: a target with a Ct at or below it was found."""

    id = models.UUIDField(primary_key=True)
    laboratory = models.ForeignKey(Laboratory, on_delete=models.PROTECT)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA, db_index=True)
    instrument = models.CharField(max_length=40)
    kit = models.CharField(max_length=80)
    method = models.CharField(max_length=80, default="RT-PCR")
    detection_limit = models.CharField(max_length=40, default="")
    ct_limit = models.FloatField(null=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    tubes = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gt=F("started_at")), name="run_span"
            )
        ]


class RunTube(models.Model):
    """A tube laid on an instrument, by the code that was read; `tube` stays empty while the code is unknown."""

    id = models.UUIDField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="lines")
    tube = models.ForeignKey(Tube, null=True, on_delete=models.PROTECT)
    tube_code = models.CharField(max_length=40)
    area = models.CharField(max_length=AREA)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "tube_code"], name="runtube_once"),
        ]


class Result(models.Model):
    """One version of a tube's result. A correction is a new version with a reason; the old one stays (two persons).

    `flags` say what is odd about it (rules.FLAGS); the flags in rules.BARRIERS keep it from release.
    """

    id = models.UUIDField(primary_key=True)
    tube = models.ForeignKey(Tube, on_delete=models.PROTECT, related_name="results")
    run = models.ForeignKey(Run, null=True, on_delete=models.PROTECT)
    laboratory = models.ForeignKey(Laboratory, on_delete=models.PROTECT)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA)
    version = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=16)
    ct = models.JSONField(default=dict)
    tested_at = models.DateTimeField()
    entered_by = models.UUIDField()
    entered_at = models.DateTimeField()
    released_by = models.UUIDField(null=True)
    released_at = models.DateTimeField(null=True)
    corrects = models.OneToOneField("self", null=True, on_delete=models.PROTECT)
    reason = models.CharField(max_length=200, default="")
    flags = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tube", "laboratory", "version"], name="result_version"
            ),
            models.CheckConstraint(condition=Q(outcome__in=OUTCOMES), name="result_outcome"),
            models.CheckConstraint(
                condition=Q(released_by=None, released_at=None)
                | Q(released_by__isnull=False, released_at__isnull=False)
                & ~Q(released_by=F("entered_by")),
                name="result_two_persons",
            ),
            models.CheckConstraint(
                condition=Q(version=1, corrects=None)
                | Q(version__gt=1, corrects__isnull=False) & ~Q(reason=""),
                name="result_correction",
            ),
        ]
        indexes = [
            models.Index(fields=["round", "area"], name="result_area"),
            models.Index(fields=["laboratory", "tested_at"], name="result_rate"),
            models.Index(fields=["round"], name="result_unusual", condition=~Q(outcome="negative")),
            models.Index(
                fields=["laboratory", "entered_at"],
                name="result_waiting",
                condition=Q(released_at=None),
            ),
        ]


class HeldResult(models.Model):
    """A result that was handed in but is nobody's yet: unknown tube, second result of a tube, unknown outcome.

    Kept as it came, for a person to decide; rows in = results + held.
    """

    id = models.UUIDField(primary_key=True)
    result_id = models.UUIDField()
    laboratory = models.ForeignKey(Laboratory, on_delete=models.PROTECT)
    run_id = models.UUIDField(null=True)
    area = models.CharField(max_length=AREA, db_index=True)
    tube_code = models.CharField(max_length=40)
    outcome = models.CharField(max_length=40)
    ct = models.JSONField(default=dict)
    tested_at = models.DateTimeField()
    entered_by = models.UUIDField()
    entered_at = models.DateTimeField()
    code = models.CharField(max_length=64)
    decided_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=200, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_at=None) | ~Q(decision=""), name="held_decided"
            )
        ]
