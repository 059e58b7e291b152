"""What a result that is not negative sets in motion: flagged pools, rechecks, positives, notices."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from yingjian.campaigns.models import Round
from yingjian.laboratory.models import Laboratory
from yingjian.population.models import AREA, Person
from yingjian.sampling.models import Swab, Tube


class FlaggedPool(models.Model):
    """A pooled tube whose result is positive, grey or single-target (R70), until every member is settled."""

    id = models.UUIDField(primary_key=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    tube = models.OneToOneField(Tube, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA, db_index=True)
    outcome = models.CharField(max_length=16)
    flagged_at = models.DateTimeField()
    state = models.CharField(max_length=12)
    resolved_at = models.DateTimeField(null=True)
    resolution = models.CharField(max_length=12, null=True)
    original_to = models.ForeignKey(Laboratory, null=True, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["flagged", "isolating", "re_sampled", "resolved"]),
                name="pool_state",
            ),
            models.CheckConstraint(
                condition=~Q(state="resolved")
                | Q(resolved_at__isnull=False, resolution__in=["all_negative", "positive"]),
                name="pool_resolution",
            ),
        ]


class PoolMember(models.Model):
    """A person of a flagged pool: isolated at once, swabbed twice, then released or confirmed."""

    id = models.UUIDField(primary_key=True)
    pool = models.ForeignKey(FlaggedPool, on_delete=models.PROTECT, related_name="members")
    swab = models.ForeignKey(Swab, on_delete=models.PROTECT)
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA)
    state = models.CharField(max_length=10)
    isolation_sent_at = models.DateTimeField()
    isolated_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pool", "swab"], name="member_once"),
            models.CheckConstraint(
                condition=Q(
                    state__in=["notified", "isolated", "re_sampled", "released", "confirmed"]
                ),
                name="member_state",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["released", "confirmed"]) | Q(settled_at__isnull=False),
                name="member_settled",
            ),
        ]


class Recheck(models.Model):
    """One of a member's swabs, in a tube of its own, sent to one laboratory (R72: two swabs, two laboratories)."""

    id = models.UUIDField(primary_key=True)
    member = models.ForeignKey(PoolMember, on_delete=models.PROTECT, related_name="rechecks")
    tube = models.OneToOneField(Tube, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA)
    laboratory = models.ForeignKey(Laboratory, on_delete=models.PROTECT)
    swabbed_at = models.DateTimeField()
    outcome = models.CharField(max_length=16, null=True)
    outcome_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "laboratory"], name="recheck_two_labs")
        ]


class Dispatch(models.Model):
    """An emergency sampling team sent to a pool (R73)."""

    id = models.UUIDField(primary_key=True)
    pool = models.ForeignKey(FlaggedPool, on_delete=models.PROTECT, related_name="dispatches")
    area = models.CharField(max_length=AREA)
    team = models.CharField(max_length=80)
    sent_at = models.DateTimeField()
    arrived_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(arrived_at=None) | Q(arrived_at__gte=F("sent_at")),
                name="dispatch_order",
            )
        ]


class Positive(models.Model):
    """A person with a positive single test."""

    id = models.UUIDField(primary_key=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT)
    swab = models.ForeignKey(Swab, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA, db_index=True)
    case_no = models.CharField(max_length=40, unique=True)
    found_at = models.DateTimeField()
    state = models.CharField(max_length=12)
    reported_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "person"], name="positive_once"),
            models.CheckConstraint(
                condition=Q(
                    state__in=["initial", "rechecked", "confirmed", "excluded", "transferred"]
                ),
                name="positive_state",
            ),
        ]


class Notice(models.Model):
    """One message to one party about a positive (R69: two messages to six parties, no order among them)."""

    id = models.UUIDField(primary_key=True)
    positive = models.ForeignKey(Positive, on_delete=models.PROTECT, related_name="notices")
    area = models.CharField(max_length=AREA)
    party = models.CharField(max_length=16)
    message = models.CharField(max_length=8)
    sent_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=80, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["positive", "party", "message"], name="notice_once"),
            models.CheckConstraint(
                condition=Q(message__in=["person", "report"]), name="notice_message"
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at=None) | Q(acknowledged_at__gte=F("sent_at")),
                name="notice_order",
            ),
        ]
