"""Measures on places: disinfection orders. Quarantine places and stays come in a later issue."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from yingjian.population.models import AREA


class DisinfectionOrder(models.Model):
    """A place to disinfect. A `standing` one follows from the plan; one made by hand takes it over."""

    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    round_id = models.UUIDField(null=True, db_index=True)
    place_kind = models.CharField(max_length=16)
    place_code = models.CharField(max_length=40)
    kind = models.CharField(max_length=12)
    agent = models.CharField(max_length=80, default="")
    standing = models.BooleanField(default=False)
    ordered_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=80, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["round_id", "place_kind", "place_code", "kind"],
                condition=Q(done_at=None, standing=True),
                name="disinfection_standing_once",
            ),
            models.CheckConstraint(
                condition=Q(done_at=None) | ~Q(done_by=""), name="disinfection_done_by"
            ),
            models.CheckConstraint(
                condition=Q(place_kind__in=["site", "vehicle", "home", "laboratory", "other"]),
                name="disinfection_place",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["terminal", "concurrent", "passage"]),
                name="disinfection_kind",
            ),
            models.CheckConstraint(
                condition=Q(done_at=None) | Q(done_at__gte=F("ordered_at")),
                name="disinfection_order",
            ),
        ]
