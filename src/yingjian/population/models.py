"""Places and people: the region tree, grids, households, persons with two addresses, categories, roster imports."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

AREA = 12


class Region(models.Model):
    """A division of the 12-digit code tree. `area` is the code without its trailing zero levels."""

    code = models.CharField(max_length=12, primary_key=True)
    area = models.CharField(max_length=AREA, unique=True)
    name = models.CharField(max_length=80)
    level = models.CharField(max_length=12)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(level__in=["province", "city", "county", "town", "village"]),
                name="region_level",
            )
        ]


class Grid(models.Model):
    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    no = models.CharField(max_length=16)
    name = models.CharField(max_length=80)
    lead = models.CharField(max_length=64, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["area", "no"], name="grid_once")]


class Household(models.Model):
    """People who share a door (户). `area` is the village the door stands in."""

    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    grid = models.ForeignKey(Grid, null=True, on_delete=models.PROTECT)
    no = models.CharField(max_length=40)
    address = models.CharField(max_length=200)
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["area", "no"], name="household_once"),
            models.CheckConstraint(
                condition=Q(lon=None, lat=None)
                | Q(lon__gte=-180, lon__lte=180, lat__gte=-90, lat__lte=90),
                name="household_place",
            ),
        ]


class Person(models.Model):
    """One resident. `area` is the village of the *present* address: it decides who sees and serves the person.

    ID number and phone are SM4-GCM ciphertext beside a keyed HMAC-SM3 index. `found_by` is the command that found a
    person missing from the roster (R13: added with a trace, never silently).
    """

    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    household = models.ForeignKey(
        Household, null=True, on_delete=models.PROTECT, related_name="members"
    )
    name = models.CharField(max_length=80)
    sex = models.CharField(max_length=1)
    birth_date = models.DateField(null=True)
    id_type = models.CharField(max_length=16)
    id_cipher = models.BinaryField(null=True)
    id_index = models.BinaryField(null=True, unique=True)
    id_tail = models.CharField(max_length=4, default="")
    phone_cipher = models.BinaryField(null=True)
    phone_index = models.BinaryField(null=True, db_index=True)
    phone_tail = models.CharField(max_length=4, default="")
    registered_area = models.CharField(max_length=AREA, default="")
    registered_address = models.CharField(max_length=200, default="")
    address = models.CharField(max_length=200, default="")
    guardian = models.CharField(max_length=80, default="")
    source = models.CharField(max_length=16)
    found_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(sex__in=["M", "F", "U"]), name="person_sex"),
            models.CheckConstraint(
                condition=Q(source__in=["roster", "found", "manual"]), name="person_source"
            ),
            models.CheckConstraint(
                condition=Q(id_cipher=None, id_index=None)
                | Q(id_cipher__isnull=False, id_index__isnull=False),
                name="person_id_pair",
            ),
            models.CheckConstraint(
                condition=Q(phone_cipher=None, phone_index=None)
                | Q(phone_cipher__isnull=False, phone_index__isnull=False),
                name="person_phone_pair",
            ),
            models.CheckConstraint(
                condition=~Q(source="found") | Q(found_by__isnull=False), name="person_found_trace"
            ),
        ]
        indexes = [models.Index(fields=["name"], name="person_name")]


class PersonCategory(models.Model):
    """A person's category over `[since, until)`; categories decide mode and order (R10, R29, R51)."""

    id = models.UUIDField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="categories")
    area = models.CharField(max_length=AREA, db_index=True)
    code = models.CharField(max_length=32)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    source = models.CharField(max_length=80, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "code", "since"], name="category_once"),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gt=F("since")), name="category_span"
            ),
        ]


class ImportRun(models.Model):
    """One roster file: what it held, what was taken, control totals. Rows read = taken + unchanged + refused."""

    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    file_name = models.CharField(max_length=200)
    checksum = models.CharField(max_length=64)
    state = models.CharField(max_length=12)
    rows_read = models.BigIntegerField(default=0)
    rows_taken = models.BigIntegerField(default=0)
    rows_unchanged = models.BigIntegerField(default=0)
    rows_refused = models.BigIntegerField(default=0)
    rows_total = models.BigIntegerField(null=True)
    totals = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "reading", "done", "refused", "failed"]),
                name="import_state",
            ),
            models.CheckConstraint(
                condition=~Q(state="done")
                | Q(rows_read=F("rows_taken") + F("rows_unchanged") + F("rows_refused")),
                name="import_rows_conserved",
            ),
        ]


class ImportProblem(models.Model):
    """One refused row or one warning, with where it stands and a stable code."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="problems")
    area = models.CharField(max_length=AREA)
    sheet = models.CharField(max_length=80, default="")
    row = models.BigIntegerField()
    column = models.CharField(max_length=80, default="")
    code = models.CharField(max_length=64)
    params = models.JSONField(default=dict)
    refused = models.BooleanField()


class PlaceList(models.Model):
    """A list of places a county handed in: read and judged line by line, in force once somebody applies it.

    `rows` are the sound lines as they were understood (WGS 84), `problems` the refused ones as they came. What kind of
    places they are is the table's: each room keeps its own (`population.places`).
    """

    id = models.UUIDField(primary_key=True)
    area = models.CharField(max_length=AREA, db_index=True)
    file_name = models.CharField(max_length=200)
    checksum = models.CharField(max_length=64, default="")
    datum = models.CharField(max_length=8)
    state = models.CharField(max_length=10)
    rows_read = models.IntegerField(default=0)
    rows_total = models.IntegerField(null=True)
    rows_good = models.IntegerField(default=0)
    rows_refused = models.IntegerField(default=0)
    counts = models.JSONField(default=dict)
    headings = models.JSONField(default=list)
    rows = models.JSONField(default=list)
    problems = models.JSONField(default=list)
    error = models.JSONField(default=dict)
    asked_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    applied_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    state__in=["waiting", "reading", "ready", "applied", "refused", "failed"]
                ),
                name="%(class)s_state",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["ready", "applied"])
                | Q(rows_read=F("rows_good") + F("rows_refused")),
                name="%(class)s_rows_conserved",
            ),
        ]


class BuildingList(PlaceList):
    """Buildings and natural groups of villages: where the homes in them stand."""
