"""Sites and stations that are open in a round; tubes and the swabs in them. The hot path."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from yingjian.campaigns.models import DuePerson, Round
from yingjian.logistics.models import Box
from yingjian.population.models import AREA, Person

from .values import TUBE_STATES


class Site(models.Model):
    """A sampling site open in a round. `area` decides custody and counts; never the person's registered residence."""

    id = models.UUIDField(primary_key=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="sites")
    code = models.CharField(max_length=32)
    area = models.CharField(max_length=AREA, db_index=True)
    name = models.CharField(max_length=120)
    address = models.CharField(max_length=200, default="")
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    people_planned = models.PositiveIntegerField(default=0)
    lead = models.CharField(max_length=64, default="")
    kind = models.CharField(max_length=12, default="fixed")
    state = models.CharField(max_length=12, default="filed")
    opens_at = models.DateTimeField(null=True)
    closes_at = models.DateTimeField(null=True)
    ready_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "code"], name="site_code_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["fixed", "mobile", "home"]), name="site_kind"
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["filed", "ready", "open", "paused", "closed", "disinfected"]
                ),
                name="site_state",
            ),
        ]


class Station(models.Model):
    """A lane (采样台) of a site: where a device is bound."""

    id = models.UUIDField(primary_key=True)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="stations")
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    code = models.CharField(max_length=32)
    area = models.CharField(max_length=AREA, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["round", "code"], name="station_code_once")]


class Tube(models.Model):
    """A sample tube. `code` is the printed barcode; a second binding of a code is kept, numbered and flagged (重码).

    `people` counts the swabs not voided; `key`: a key person is among them (R66). `count_stated` is what the sampler
    counted at the seal. `pair_id` joins the two tubes of a double swab (双采双检). A tube of which only later facts
    have arrived has no `opened_at` and no code yet.
    """

    id = models.UUIDField(primary_key=True)
    code = models.CharField(max_length=40, default="")
    binding = models.PositiveSmallIntegerField(default=1)
    round = models.ForeignKey(Round, on_delete=models.PROTECT, db_index=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, db_index=False)
    station = models.ForeignKey(Station, on_delete=models.PROTECT, db_index=False)
    area = models.CharField(max_length=AREA)
    purpose = models.CharField(max_length=10, default="screening")
    mode = models.CharField(max_length=10, default="unknown")
    capacity = models.PositiveSmallIntegerField(default=0)
    people = models.PositiveSmallIntegerField(default=0)
    key = models.BooleanField(default=False)
    state = models.CharField(max_length=12)
    opened_at = models.DateTimeField(null=True)
    first_swab_at = models.DateTimeField(null=True)
    locked_at = models.DateTimeField(null=True)
    sealed_at = models.DateTimeField(null=True)
    count_stated = models.PositiveSmallIntegerField(null=True)
    boxed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_reason = models.CharField(max_length=120, default="")
    pair_id = models.UUIDField(null=True)
    box = models.ForeignKey(Box, null=True, on_delete=models.PROTECT)
    flags = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["code", "binding"], condition=~Q(code=""), name="tube_code_once"
            ),
            models.CheckConstraint(condition=Q(state__in=TUBE_STATES), name="tube_state"),
            models.CheckConstraint(
                condition=Q(mode__in=["pool", "single", "household"])
                | Q(mode="unknown", opened_at=None),
                name="tube_mode",
            ),
            models.CheckConstraint(
                condition=Q(purpose__in=["screening", "recheck"]), name="tube_purpose"
            ),
            models.CheckConstraint(
                condition=Q(capacity__gt=0) | Q(opened_at=None), name="tube_capacity"
            ),
            models.CheckConstraint(
                condition=~Q(state="voided") | ~Q(ended_reason=""), name="tube_void_reason"
            ),
            models.CheckConstraint(condition=Q(binding__gt=0), name="tube_binding"),
        ]
        indexes = [
            models.Index(fields=["round", "area", "state"], name="tube_area_state"),
            models.Index(fields=["station", "state"], name="tube_station"),
            models.Index(fields=["area"], condition=~Q(flags=[]), name="tube_flagged"),
        ]


class Swab(models.Model):
    """One swab that happened: who, into which tube, when, where, entered how. Never refused; flagged instead.

    `person` is null while identity is unknown; then `identity_cipher` holds what was typed or scanned. `area` is the
    site's. While only a void or a move of it has arrived, `tube` and `taken_at` are null; `moved_to` waits for it.
    """

    id = models.UUIDField(primary_key=True)
    tube = models.ForeignKey(Tube, null=True, on_delete=models.PROTECT, related_name="swabs")
    position = models.PositiveSmallIntegerField(default=0)
    round = models.ForeignKey(Round, on_delete=models.PROTECT, db_index=False)
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, db_index=False)
    due = models.ForeignKey(DuePerson, null=True, on_delete=models.PROTECT)
    station = models.ForeignKey(Station, on_delete=models.PROTECT, db_index=False)
    area = models.CharField(max_length=AREA)
    person_area = models.CharField(max_length=AREA, default="")
    entry = models.CharField(max_length=8, default="")
    taken_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    device_id = models.UUIDField(null=True)
    identity_cipher = models.BinaryField(null=True)
    stub_no = models.CharField(max_length=32, default="")
    flags = models.JSONField(default=list)
    voided_at = models.DateTimeField(null=True)
    void_reason = models.CharField(max_length=120, default="")
    moved_at = models.DateTimeField(null=True)
    moved_from = models.UUIDField(null=True)
    moved_to = models.UUIDField(null=True)
    move_reason = models.CharField(max_length=120, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(entry__in=["code", "family", "id", "card", "walk_in"])
                | Q(entry="", taken_at=None),
                name="swab_entry",
            ),
            models.CheckConstraint(
                condition=Q(tube=None, taken_at=None)
                | Q(tube__isnull=False, taken_at__isnull=False),
                name="swab_taken",
            ),
            models.CheckConstraint(
                condition=Q(voided_at=None) | ~Q(void_reason=""), name="swab_void_reason"
            ),
            models.CheckConstraint(
                condition=Q(moved_at=None) | ~Q(move_reason=""), name="swab_move_reason"
            ),
        ]
        indexes = [
            models.Index(fields=["round", "person"], name="swab_round_person"),
            models.Index(fields=["round", "area"], name="swab_area"),
            models.Index(fields=["received_at"], condition=~Q(flags=[]), name="swab_flagged"),
            models.Index(
                fields=["moved_to"],
                condition=Q(tube=None, moved_to__isnull=False),
                name="swab_moved",
            ),
        ]


class RackCount(models.Model):
    """A count of tubes in the rack against the system at shift close (R65). A difference opens a discrepancy."""

    id = models.UUIDField(primary_key=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    station = models.ForeignKey(Station, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA, db_index=True)
    at = models.DateTimeField()
    tubes_counted = models.PositiveIntegerField()
    tubes_system = models.PositiveIntegerField()
    by = models.CharField(max_length=64, default="")


class Revocation(models.Model):
    """A code, everybody's codes of a key, or a person's codes issued until a day, no longer good from `at` on.

    `mark` is what a station's pack carries (see `tokens`): a hash that names nobody. Lifted, it strikes nothing from
    `lifted_at` on; a swab is judged by the time it was taken.
    """

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=6)
    mark = models.CharField(max_length=16, db_index=True)
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, db_index=False)
    until = models.DateField(null=True)
    area = models.CharField(max_length=AREA, db_index=True)
    at = models.DateTimeField()
    reason = models.CharField(max_length=120)
    lifted_at = models.DateTimeField(null=True)
    lifted_reason = models.CharField(max_length=120, default="")
    # Who decided; unknown of those before it was kept.
    by = models.UUIDField(null=True)
    lifted_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="person", person__isnull=False, until__isnull=False)
                | Q(kind__in=["key", "code"], person=None, until=None),
                name="revocation_kind",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="revocation_reason"),
            models.CheckConstraint(
                condition=Q(lifted_at=None) | ~Q(lifted_reason=""), name="revocation_lifted_reason"
            ),
        ]


class FlagDecision(models.Model):
    """What the information maintainer decided about one flag of a tube or a swab: `kept` (the record stands) or
    `voided` (the swab was voided for it). The flag itself stays: it tells what happened.
    """

    id = models.UUIDField(primary_key=True)
    subject_kind = models.CharField(max_length=4)
    subject_id = models.UUIDField()
    flag = models.CharField(max_length=32)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    area = models.CharField(max_length=AREA, db_index=True)
    decision = models.CharField(max_length=8)
    reason = models.CharField(max_length=200)
    decided_by = models.UUIDField()
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject_id", "flag"], name="flag_decided_once"),
            models.CheckConstraint(
                condition=Q(subject_kind="tube", decision="kept")
                | Q(subject_kind="swab", decision__in=["kept", "voided"]),
                name="flag_decision",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="flag_decision_reason"),
        ]


class TubeRange(models.Model):
    """Printed tube codes given out to a station, from `first` to `last`, of one length. Without any range every code
    may come; with one, a code outside is flagged (缺码). A range taken back stays, with the reason.
    """

    id = models.UUIDField(primary_key=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="ranges")
    area = models.CharField(max_length=AREA, db_index=True)
    first = models.CharField(max_length=40)
    last = models.CharField(max_length=40)
    given_at = models.DateTimeField()
    given_by = models.UUIDField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_reason = models.CharField(max_length=200, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(first="") & ~Q(last=""), name="range_codes"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | ~Q(withdrawn_reason=""), name="range_reason"
            ),
        ]


class LabelPrint(models.Model):
    """A sheet of labels or cards that was printed: who, when, which, and why again. `first`–`last` are the serials of
    boxes; the other kinds need none. `again`: the same was printed before.
    """

    id = models.UUIDField(primary_key=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    kind = models.CharField(max_length=12)
    area = models.CharField(max_length=AREA, db_index=True)
    site_code = models.CharField(max_length=32, default="")
    station_code = models.CharField(max_length=32, default="")
    first = models.PositiveSmallIntegerField(default=0)
    last = models.PositiveSmallIntegerField(default=0)
    labels = models.PositiveIntegerField()
    again = models.BooleanField(default=False)
    reason = models.CharField(max_length=200, default="")
    printed_by = models.UUIDField()
    printed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["site", "station", "box", "resident"]), name="print_kind"
            ),
            models.CheckConstraint(
                condition=Q(again=False) | ~Q(reason=""), name="print_again_reason"
            ),
            models.CheckConstraint(condition=Q(last__gte=models.F("first")), name="print_span"),
        ]
        indexes = [models.Index(fields=["round", "printed_at"], name="print_round")]
