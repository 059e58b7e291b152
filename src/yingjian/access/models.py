"""Who may do what, where, on which device; the journal; clocks. Constraints live here, verbs do not."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Cast

AREA = 12  # digits of a full village code; shorter areas are prefixes (county 6, town 9)


class CurrentTransaction(Func):
    """The id of the running transaction, which orders the journal for sealing."""

    function = "pg_current_xact_id"
    arity = 0


class Organisation(models.Model):
    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=32)
    area = models.CharField(max_length=AREA, db_index=True)
    legal_code = models.CharField(max_length=18, null=True, unique=True)


class User(AbstractBaseUser):
    id = models.UUIDField(primary_key=True)
    username = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=64)
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA, db_index=True)
    language = models.CharField(max_length=8, default="zh-hans")
    is_active = models.BooleanField(default=True)

    objects = BaseUserManager["User"]()
    USERNAME_FIELD = "username"


class Grant(models.Model):
    """One role in one area (a region prefix). No grant, no sight."""

    id = models.UUIDField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="grants")
    role = models.CharField(max_length=32)
    area = models.CharField(max_length=AREA)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role", "area"], name="grant_once"),
            models.CheckConstraint(
                condition=~Q(area="") | Q(role="administrator"), name="grant_area_given"
            ),
        ]


class EnrolToken(models.Model):
    """A one-time invitation for a device, shown as a QR; only its hash is kept."""

    id = models.UUIDField(primary_key=True)
    token_hash = models.BinaryField(unique=True)
    station_code = models.CharField(max_length=32)
    area = models.CharField(max_length=AREA, db_index=True)
    role = models.CharField(max_length=32)
    issued_by = models.ForeignKey(User, on_delete=models.PROTECT)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("issued_at")), name="token_span"),
            models.CheckConstraint(
                condition=Q(used_at=None) | Q(cancelled_at=None), name="token_used_or_cancelled"
            ),
        ]


class Device(models.Model):
    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=64)
    station_code = models.CharField(max_length=32)
    area = models.CharField(max_length=AREA, db_index=True)
    role = models.CharField(max_length=32)
    secret_hash = models.BinaryField(unique=True)
    enrol_token = models.OneToOneField(EnrolToken, on_delete=models.PROTECT)
    enrolled_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    # What the phone last told of itself (a beat): no fact of the field, so it is not journalled.
    beat_at = models.DateTimeField(null=True)
    waiting = models.IntegerField(null=True)
    stuck = models.IntegerField(null=True)
    restored_at = models.DateTimeField(null=True)
    restored_settled = models.DateTimeField(null=True)  # the restoration somebody has looked into
    address = models.CharField(max_length=200, default="")  # a hub's: where phones reach it
    version = models.CharField(max_length=32, default="")  # a hub's: the program it runs


class JournalEntry(models.Model):
    """Every write is one row: audit, idempotency and offline inbox in one append-only table.

    The application role may insert and select, never update or delete. `payload` is canonical JSON with personal
    fields sealed; `fingerprint` is a keyed digest of the payload as it arrived, to tell a replay from a changed one.
    """

    seq = models.BigAutoField(primary_key=True)
    txid = models.BigIntegerField(
        db_default=Cast(Cast(CurrentTransaction(), models.TextField()), models.BigIntegerField()),
        editable=False,
    )
    command_id = models.UUIDField(unique=True)
    kind = models.CharField(max_length=48)
    actor_kind = models.CharField(max_length=8)
    actor_id = models.UUIDField()
    device_seq = models.BigIntegerField(null=True)
    area = models.CharField(max_length=AREA)
    captured_at = models.DateTimeField()
    skew_ms = models.IntegerField(default=0)
    received_at = models.DateTimeField()
    payload = models.TextField()
    fingerprint = models.BinaryField()
    verdict = models.CharField(max_length=8)
    code = models.CharField(max_length=64, null=True)
    answer = models.TextField()

    class Meta:
        db_table = "access_journal"
        indexes = [
            models.Index(fields=["txid", "seq"], name="journal_txid"),
            models.Index(
                fields=["received_at"], name="journal_parked", condition=Q(verdict="parked")
            ),
            models.Index(fields=["actor_id", "device_seq"], name="journal_actor"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict__in=["applied", "parked"]), name="journal_verdict"
            ),
            models.CheckConstraint(
                condition=Q(actor_kind__in=["user", "device", "system"]), name="journal_actor_kind"
            ),
            models.CheckConstraint(
                condition=Q(verdict="applied", code=None) | Q(verdict="parked", code__isnull=False),
                name="journal_parked_has_code",
            ),
        ]


class JournalBlock(models.Model):
    """A sealed stretch of the journal: SM3 over the previous digest and the rows of [from_txid, to_txid)."""

    no = models.BigIntegerField(primary_key=True)
    cluster = models.CharField(max_length=32)
    from_txid = models.BigIntegerField()
    to_txid = models.BigIntegerField()
    entries = models.BigIntegerField()
    last_seq = models.BigIntegerField()
    after_seq = models.BigIntegerField(default=0)
    previous = models.BinaryField()
    digest = models.BinaryField(unique=True)
    sealed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(to_txid__gt=F("from_txid")), name="block_span")
        ]


class ParkedDecision(models.Model):
    """What a person decided about a parked command: `retried` (applied under a new command) or `closed`."""

    id = models.UUIDField(primary_key=True)
    command_id = models.UUIDField(unique=True)
    area = models.CharField(max_length=AREA, db_index=True)
    decision = models.CharField(max_length=8)
    reason = models.CharField(max_length=200)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT)
    decided_at = models.DateTimeField()
    retried_as = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decision__in=["retried", "closed"]), name="parked_decision"
            )
        ]


class Clock(models.Model):
    """An obligation: it starts, is due, has an owner, stops, may breach and escalate. Values come from the preset."""

    id = models.UUIDField(primary_key=True)
    code = models.CharField(max_length=32)
    subject_kind = models.CharField(max_length=24)
    subject_id = models.UUIDField()
    subject_label = models.CharField(max_length=80)
    round_id = models.UUIDField(null=True)
    area = models.CharField(max_length=AREA, db_index=True)
    origin = models.CharField(max_length=120)
    owner_role = models.CharField(max_length=32)
    owner_name = models.CharField(max_length=80, default="")
    escalates_to = models.CharField(max_length=32, default="")
    started_at = models.DateTimeField()
    due_at = models.DateTimeField()
    escalate_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    breached_at = models.DateTimeField(null=True)
    escalated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "subject_id"], name="clock_once"),
            models.CheckConstraint(condition=Q(due_at__gte=F("started_at")), name="clock_span"),
            models.CheckConstraint(
                condition=Q(breached_at=None) | Q(breached_at__gte=F("due_at")), name="clock_breach"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="clock_running", condition=Q(stopped_at=None)),
            models.Index(fields=["round_id", "code"], name="clock_round"),
        ]
