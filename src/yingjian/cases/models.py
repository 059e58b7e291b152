"""What a result that is not negative sets in motion: flagged pools, rechecks, positives, notices."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from yingjian.campaigns.models import Round
from yingjian.laboratory.models import Laboratory, Result
from yingjian.population.models import AREA, Person
from yingjian.sampling.models import Swab, Tube


class FlaggedPool(models.Model):
    """A tube whose released result flags it (R70), until every member is settled.

    A single tube is a pool of one: a positive person is tested twice too (R72, single positives). `original_to` is the
    laboratory the tube itself goes to; the two counts are the preset's (R72); `withdrawn` is the resolution when the
    result was corrected to negative; `nobody_known` when a person closed a pool without a swab, for `closed_reason`.
    """

    id = models.UUIDField(primary_key=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    tube = models.OneToOneField(Tube, on_delete=models.PROTECT)
    result = models.ForeignKey(Result, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA, db_index=True)
    mode = models.CharField(max_length=10)
    swabs_needed = models.PositiveSmallIntegerField()
    laboratories_needed = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=16)
    flagged_at = models.DateTimeField()
    state = models.CharField(max_length=12)
    resolved_at = models.DateTimeField(null=True)
    resolution = models.CharField(max_length=12, null=True)
    closed_reason = models.CharField(max_length=200, default="")
    original_to = models.ForeignKey(Laboratory, null=True, on_delete=models.PROTECT)
    original_sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["flagged", "isolating", "re_sampled", "resolved"]),
                name="pool_state",
            ),
            models.CheckConstraint(
                condition=Q(state="resolved", resolved_at__isnull=False)
                & Q(resolution__in=["all_negative", "positive", "withdrawn", "nobody_known"])
                | ~Q(state="resolved") & Q(resolved_at=None, resolution=None),
                name="pool_resolution",
            ),
            models.CheckConstraint(
                condition=~Q(resolution="nobody_known") | ~Q(closed_reason=""),
                name="pool_closed_reason",
            ),
        ]


class PoolMember(models.Model):
    """A person of a flagged pool: isolated at once, swabbed twice, then released or confirmed.

    `attempt` counts the pairs of swabs taken; `reason` says why the last pair did not settle the person.
    """

    id = models.UUIDField(primary_key=True)
    pool = models.ForeignKey(FlaggedPool, on_delete=models.PROTECT, related_name="members")
    swab = models.ForeignKey(Swab, on_delete=models.PROTECT)
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA)
    position = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10)
    attempt = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=24, default="")
    isolation_sent_at = models.DateTimeField(null=True)
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
                condition=Q(state__in=["released", "confirmed"], settled_at__isnull=False)
                | ~Q(state__in=["released", "confirmed"]) & Q(settled_at=None),
                name="member_settled",
            ),
        ]
        indexes = [models.Index(fields=["person"], name="member_person")]


class Recheck(models.Model):
    """One of a member's swabs, in a tube of its own, sent to one laboratory (R72: two swabs, two laboratories)."""

    id = models.UUIDField(primary_key=True)
    member = models.ForeignKey(PoolMember, on_delete=models.PROTECT, related_name="rechecks")
    attempt = models.PositiveSmallIntegerField()
    tube = models.OneToOneField(Tube, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA)
    laboratory = models.ForeignKey(Laboratory, on_delete=models.PROTECT)
    swabbed_at = models.DateTimeField()
    outcome = models.CharField(max_length=16, null=True)
    outcome_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome=None, outcome_at=None)
                | Q(outcome__isnull=False, outcome_at__isnull=False),
                name="recheck_outcome",
            ),
        ]
        indexes = [models.Index(fields=["member", "attempt"], name="recheck_attempt")]


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
    """A person with a positive single test, from `result`. `doubt` names what speaks against it."""

    id = models.UUIDField(primary_key=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT)
    swab = models.ForeignKey(Swab, on_delete=models.PROTECT)
    result = models.ForeignKey(Result, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA, db_index=True)
    case_no = models.CharField(max_length=40, unique=True)
    found_at = models.DateTimeField()
    state = models.CharField(max_length=12)
    doubt = models.CharField(max_length=24, default="")
    household_measure = models.CharField(max_length=24, default="")
    reported_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_reason = models.CharField(max_length=200, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "person"], name="positive_once"),
            models.CheckConstraint(
                condition=Q(
                    state__in=["initial", "rechecked", "confirmed", "excluded", "transferred"]
                ),
                name="positive_state",
            ),
            models.CheckConstraint(
                condition=~Q(state="excluded") | ~Q(decided_reason=""),
                name="positive_excluded_reason",
            ),
            models.CheckConstraint(
                condition=Q(reported_at=None) | Q(reported_at__gte=F("found_at")),
                name="positive_reported_after",
            ),
        ]


class Notice(models.Model):
    """One message to one party about a positive (R69: two messages to six parties, no order among them).

    `withdrawal` follows when the positive was excluded or its result corrected: whoever was told is told again.
    """

    id = models.UUIDField(primary_key=True)
    positive = models.ForeignKey(Positive, on_delete=models.PROTECT, related_name="notices")
    area = models.CharField(max_length=AREA)
    party = models.CharField(max_length=16)
    message = models.CharField(max_length=12)
    sent_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=80, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["positive", "party", "message"], name="notice_once"),
            models.CheckConstraint(
                condition=Q(message__in=["person", "report", "withdrawal"]), name="notice_message"
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at=None, acknowledged_by="")
                | Q(acknowledged_at__gte=F("sent_at")) & ~Q(acknowledged_by=""),
                name="notice_acknowledged",
            ),
        ]


class Contact(models.Model):
    """Somebody who may have been exposed to a positive. For now the household, as a suggestion for the investigator."""

    id = models.UUIDField(primary_key=True)
    positive = models.ForeignKey(Positive, on_delete=models.PROTECT, related_name="contacts")
    person = models.ForeignKey(Person, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA, db_index=True)
    category = models.CharField(max_length=32)
    basis = models.CharField(max_length=16)
    suggested_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["positive", "person"], name="contact_once"),
            models.CheckConstraint(condition=Q(basis__in=["household"]), name="contact_basis"),
        ]
