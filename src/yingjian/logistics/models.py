"""Lots that move between custodians: boxes, hand-overs, vehicles; supplies as a double-entry ledger; waste."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from yingjian.population.models import AREA

from .values import BOX_STATES, HAND_OVER_KINDS


class Vehicle(models.Model):
    """A dedicated vehicle with a fixed area, route, start and destination (R62)."""

    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    plate = models.CharField(max_length=16)
    driver = models.CharField(max_length=64, default="")
    route = models.CharField(max_length=200, default="")
    boxes_max = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plate"], name="vehicle_plate")]


class Box(models.Model):
    """A transport box. A code met again after the first box gets the next `binding` and a flag, never a refusal.

    `opened_at` is null while only later facts of the box have arrived. `tubes_stated` is the count at the seal.
    """

    id = models.UUIDField(primary_key=True)
    code = models.CharField(max_length=40, default="")
    binding = models.PositiveSmallIntegerField(default=1)
    round_id = models.UUIDField(db_index=True)
    area = models.CharField(max_length=AREA, db_index=True)
    site_code = models.CharField(max_length=32)
    station_code = models.CharField(max_length=32)
    state = models.CharField(max_length=12, default="open")
    seal_no = models.CharField(max_length=40, default="")
    opened_at = models.DateTimeField(null=True)
    sealed_at = models.DateTimeField(null=True)
    oldest_sample_at = models.DateTimeField(null=True)
    tubes_stated = models.PositiveIntegerField(null=True)
    holder = models.CharField(max_length=80, default="")
    flags = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["code", "binding"], condition=~Q(code=""), name="box_code_once"
            ),
            models.CheckConstraint(condition=Q(state__in=BOX_STATES), name="box_state"),
        ]


class BoxLine(models.Model):
    """A tube on a box's manifest (送检单), by printed code: known to us or not.

    `moved_at` ends a line: the same tube was put into another box later.
    """

    id = models.UUIDField(primary_key=True)
    box = models.ForeignKey(Box, on_delete=models.PROTECT, related_name="lines")
    area = models.CharField(max_length=AREA)
    tube_code = models.CharField(max_length=40, db_index=True)
    tube_id = models.UUIDField(null=True, db_index=True)
    people = models.PositiveSmallIntegerField(default=0)
    added_at = models.DateTimeField()
    moved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["box", "tube_code"], name="boxline_once")]


class HandOver(models.Model):
    """Two-party transfer of boxes: what the system counted, what the parties counted, who signed (R65)."""

    id = models.UUIDField(primary_key=True)
    round_id = models.UUIDField(null=True, db_index=True)
    area = models.CharField(max_length=AREA, db_index=True)
    kind = models.CharField(max_length=16)
    giver = models.CharField(max_length=80)
    taker = models.CharField(max_length=80)
    vehicle = models.ForeignKey(Vehicle, null=True, on_delete=models.PROTECT)
    at = models.DateTimeField()
    boxes_counted = models.PositiveIntegerField()
    tubes_counted = models.PositiveIntegerField()
    tubes_system = models.PositiveIntegerField()
    temperature_c = models.FloatField(null=True)
    flags = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=HAND_OVER_KINDS), name="handover_kind")
        ]


class HandOverBox(models.Model):
    """A box of a hand-over by its printed code; `box` is null until that box is known to us."""

    id = models.UUIDField(primary_key=True)
    hand_over = models.ForeignKey(HandOver, on_delete=models.PROTECT, related_name="boxes")
    code = models.CharField(max_length=40, db_index=True)
    box = models.ForeignKey(Box, null=True, on_delete=models.PROTECT, related_name="hand_overs")
    area = models.CharField(max_length=AREA)
    tubes = models.PositiveIntegerField()
    tubes_system = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hand_over", "code"], name="handoverbox_once")
        ]


class Discrepancy(models.Model):
    """A count that did not agree at a hand-over: stored and owned until it is explained."""

    id = models.UUIDField(primary_key=True)
    round_id = models.UUIDField(null=True, db_index=True)
    area = models.CharField(max_length=AREA, db_index=True)
    kind = models.CharField(max_length=24)
    subject_kind = models.CharField(max_length=24)
    subject_id = models.UUIDField()
    subject_label = models.CharField(max_length=80)
    expected = models.IntegerField()
    actual = models.IntegerField()
    owner_role = models.CharField(max_length=32)
    opened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolution = models.CharField(max_length=200, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject_id"], name="discrepancy_once"),
            models.CheckConstraint(
                condition=Q(resolved_at=None) | ~Q(resolution=""), name="discrepancy_explained"
            ),
        ]


class SupplyItem(models.Model):
    code = models.CharField(max_length=32, primary_key=True)
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80)
    unit_zh = models.CharField(max_length=8)
    unit_en = models.CharField(max_length=16)


class SupplyMove(models.Model):
    """Double entry: `quantity` of an item leaves one place and enters another. `supplier` and `used` are places too."""

    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    round_id = models.UUIDField(null=True, db_index=True)
    item = models.ForeignKey(SupplyItem, on_delete=models.PROTECT)
    giver = models.CharField(max_length=64)
    taker = models.CharField(max_length=64)
    quantity = models.PositiveIntegerField()
    at = models.DateTimeField()
    form_no = models.CharField(max_length=40, default="")
    note = models.CharField(max_length=200, default="")
    flags = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="supply_quantity"),
            models.CheckConstraint(condition=~Q(giver=F("taker")), name="supply_moves"),
        ]


class WasteLot(models.Model):
    """Double-bagged medical waste with a consignment note (R87–R89)."""

    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    round_id = models.UUIDField(db_index=True)
    site_code = models.CharField(max_length=32)
    bags = models.PositiveIntegerField()
    weight_g = models.PositiveIntegerField()
    packed_at = models.DateTimeField()
    note_no = models.CharField(max_length=40, default="")
    taker = models.CharField(max_length=80, default="")
    handed_at = models.DateTimeField(null=True)
    disposed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(handed_at=None) | Q(handed_at__gte=F("packed_at")), name="waste_order"
            )
        ]
