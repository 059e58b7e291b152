import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("campaigns", "0002_round_reasons"),
        ("logistics", "0001_initial"),
        ("population", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Site",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("code", models.CharField(max_length=32)),
                ("area", models.CharField(db_index=True, max_length=12)),
                ("name", models.CharField(max_length=120)),
                ("address", models.CharField(default="", max_length=200)),
                ("lon", models.FloatField(null=True)),
                ("lat", models.FloatField(null=True)),
                ("people_planned", models.PositiveIntegerField(default=0)),
                ("lead", models.CharField(default="", max_length=64)),
                ("kind", models.CharField(default="fixed", max_length=12)),
                ("state", models.CharField(default="filed", max_length=12)),
                ("opens_at", models.DateTimeField(null=True)),
                ("closes_at", models.DateTimeField(null=True)),
                ("ready_at", models.DateTimeField(null=True)),
                ("opened_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "round",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sites",
                        to="campaigns.round",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("round", "code"), name="site_code_once"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["fixed", "mobile", "home"])),
                        name="site_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                ["filed", "ready", "open", "paused", "closed", "disinfected"],
                            )
                        ),
                        name="site_state",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Station",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("code", models.CharField(max_length=32)),
                ("area", models.CharField(db_index=True, max_length=12)),
                (
                    "round",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="campaigns.round"
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stations",
                        to="sampling.site",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("round", "code"), name="station_code_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RackCount",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("area", models.CharField(db_index=True, max_length=12)),
                ("at", models.DateTimeField()),
                ("tubes_counted", models.PositiveIntegerField()),
                ("tubes_system", models.PositiveIntegerField()),
                ("by", models.CharField(default="", max_length=64)),
                (
                    "round",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="campaigns.round"
                    ),
                ),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="sampling.station"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Tube",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("code", models.CharField(default="", max_length=40)),
                ("binding", models.PositiveSmallIntegerField(default=1)),
                ("area", models.CharField(max_length=12)),
                ("purpose", models.CharField(default="screening", max_length=10)),
                ("mode", models.CharField(default="unknown", max_length=10)),
                ("capacity", models.PositiveSmallIntegerField(default=0)),
                ("people", models.PositiveSmallIntegerField(default=0)),
                ("key", models.BooleanField(default=False)),
                ("state", models.CharField(max_length=12)),
                ("opened_at", models.DateTimeField(null=True)),
                ("first_swab_at", models.DateTimeField(null=True)),
                ("locked_at", models.DateTimeField(null=True)),
                ("sealed_at", models.DateTimeField(null=True)),
                ("count_stated", models.PositiveSmallIntegerField(null=True)),
                ("boxed_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_reason", models.CharField(default="", max_length=120)),
                ("pair_id", models.UUIDField(null=True)),
                ("flags", models.JSONField(default=list)),
                (
                    "box",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="logistics.box"
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="campaigns.round",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="sampling.site",
                    ),
                ),
                (
                    "station",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="sampling.station",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("code", ""), _negated=True),
                        fields=("code", "binding"),
                        name="tube_code_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                (
                                    "issued",
                                    "open",
                                    "locked",
                                    "sealed",
                                    "boxed",
                                    "in_transit",
                                    "missing",
                                    "received",
                                    "testing",
                                    "broken",
                                    "rejected",
                                    "voided",
                                    "resulted",
                                    "released",
                                ),
                            )
                        ),
                        name="tube_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("mode__in", ["pool", "single", "household"]),
                            models.Q(("mode", "unknown"), ("opened_at", None)),
                            _connector="OR",
                        ),
                        name="tube_mode",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("purpose__in", ["screening", "recheck"])),
                        name="tube_purpose",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("capacity__gt", 0), ("opened_at", None), _connector="OR"
                        ),
                        name="tube_capacity",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "voided"), _negated=True),
                            models.Q(("ended_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="tube_void_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("binding__gt", 0)), name="tube_binding"
                    ),
                ],
                "indexes": [
                    models.Index(fields=["round", "area", "state"], name="tube_area_state"),
                    models.Index(fields=["station", "state"], name="tube_station"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Swab",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("area", models.CharField(max_length=12)),
                ("person_area", models.CharField(default="", max_length=12)),
                ("entry", models.CharField(default="", max_length=8)),
                ("taken_at", models.DateTimeField(null=True)),
                ("received_at", models.DateTimeField()),
                ("device_id", models.UUIDField(null=True)),
                ("identity_cipher", models.BinaryField(null=True)),
                ("stub_no", models.CharField(default="", max_length=32)),
                ("flags", models.JSONField(default=list)),
                ("voided_at", models.DateTimeField(null=True)),
                ("void_reason", models.CharField(default="", max_length=120)),
                ("moved_at", models.DateTimeField(null=True)),
                ("moved_from", models.UUIDField(null=True)),
                ("moved_to", models.UUIDField(null=True)),
                ("move_reason", models.CharField(default="", max_length=120)),
                (
                    "due",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="campaigns.dueperson",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="population.person",
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="campaigns.round",
                    ),
                ),
                (
                    "station",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="sampling.station",
                    ),
                ),
                (
                    "tube",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="swabs",
                        to="sampling.tube",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("entry__in", ["code", "family", "id", "card", "walk_in"]),
                            models.Q(("entry", ""), ("taken_at", None)),
                            _connector="OR",
                        ),
                        name="swab_entry",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("taken_at", None), ("tube", None)),
                            models.Q(("taken_at__isnull", False), ("tube__isnull", False)),
                            _connector="OR",
                        ),
                        name="swab_taken",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("voided_at", None),
                            models.Q(("void_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="swab_void_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("moved_at", None),
                            models.Q(("move_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="swab_move_reason",
                    ),
                ],
                "indexes": [
                    models.Index(fields=["person", "round"], name="swab_person"),
                    models.Index(fields=["round", "area"], name="swab_area"),
                    models.Index(
                        condition=models.Q(("moved_to__isnull", False), ("tube", None)),
                        fields=["moved_to"],
                        name="swab_moved",
                    ),
                ],
            },
        ),
    ]
