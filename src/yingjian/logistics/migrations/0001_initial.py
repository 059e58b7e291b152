import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="SupplyItem",
            fields=[
                ("code", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("name_zh", models.CharField(max_length=80)),
                ("name_en", models.CharField(max_length=80)),
                ("unit_zh", models.CharField(max_length=8)),
                ("unit_en", models.CharField(max_length=16)),
            ],
        ),
        migrations.CreateModel(
            name="Box",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("code", models.CharField(default="", max_length=40)),
                ("binding", models.PositiveSmallIntegerField(default=1)),
                ("round_id", models.UUIDField(db_index=True)),
                ("area", models.CharField(db_index=True, max_length=12)),
                ("site_code", models.CharField(max_length=32)),
                ("station_code", models.CharField(max_length=32)),
                ("state", models.CharField(default="open", max_length=12)),
                ("seal_no", models.CharField(default="", max_length=40)),
                ("opened_at", models.DateTimeField(null=True)),
                ("sealed_at", models.DateTimeField(null=True)),
                ("oldest_sample_at", models.DateTimeField(null=True)),
                ("tubes_stated", models.PositiveIntegerField(null=True)),
                ("holder", models.CharField(default="", max_length=80)),
                ("flags", models.JSONField(default=list)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("code", ""), _negated=True),
                        fields=("code", "binding"),
                        name="box_code_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                ("open", "sealed", "handed_over", "received", "checked", "emptied"),
                            )
                        ),
                        name="box_state",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Discrepancy",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("round_id", models.UUIDField(db_index=True, null=True)),
                ("area", models.CharField(db_index=True, max_length=12)),
                ("kind", models.CharField(max_length=24)),
                ("subject_kind", models.CharField(max_length=24)),
                ("subject_id", models.UUIDField()),
                ("subject_label", models.CharField(max_length=80)),
                ("expected", models.IntegerField()),
                ("actual", models.IntegerField()),
                ("owner_role", models.CharField(max_length=32)),
                ("opened_at", models.DateTimeField()),
                ("resolved_at", models.DateTimeField(null=True)),
                ("resolution", models.CharField(default="", max_length=200)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "subject_id"), name="discrepancy_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("resolved_at", None),
                            models.Q(("resolution", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="discrepancy_explained",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Vehicle",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("area", models.CharField(db_index=True, max_length=12)),
                ("plate", models.CharField(max_length=16)),
                ("driver", models.CharField(default="", max_length=64)),
                ("route", models.CharField(default="", max_length=200)),
                ("boxes_max", models.PositiveIntegerField(null=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("plate",), name="vehicle_plate")],
            },
        ),
        migrations.CreateModel(
            name="HandOver",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("round_id", models.UUIDField(db_index=True, null=True)),
                ("area", models.CharField(db_index=True, max_length=12)),
                ("kind", models.CharField(max_length=16)),
                ("giver", models.CharField(max_length=80)),
                ("taker", models.CharField(max_length=80)),
                ("at", models.DateTimeField()),
                ("boxes_counted", models.PositiveIntegerField()),
                ("tubes_counted", models.PositiveIntegerField()),
                ("tubes_system", models.PositiveIntegerField()),
                ("temperature_c", models.FloatField(null=True)),
                ("flags", models.JSONField(default=list)),
                (
                    "vehicle",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="logistics.vehicle",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("pick_up", "delivery", "relay"))),
                        name="handover_kind",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WasteLot",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("area", models.CharField(db_index=True, max_length=12)),
                ("round_id", models.UUIDField(db_index=True)),
                ("site_code", models.CharField(max_length=32)),
                ("bags", models.PositiveIntegerField()),
                ("weight_g", models.PositiveIntegerField()),
                ("packed_at", models.DateTimeField()),
                ("note_no", models.CharField(default="", max_length=40)),
                ("taker", models.CharField(default="", max_length=80)),
                ("handed_at", models.DateTimeField(null=True)),
                ("disposed_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("handed_at", None),
                            ("handed_at__gte", models.F("packed_at")),
                            _connector="OR",
                        ),
                        name="waste_order",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="BoxLine",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("area", models.CharField(max_length=12)),
                ("tube_code", models.CharField(db_index=True, max_length=40)),
                ("tube_id", models.UUIDField(db_index=True, null=True)),
                ("people", models.PositiveSmallIntegerField(default=0)),
                ("added_at", models.DateTimeField()),
                ("moved_at", models.DateTimeField(null=True)),
                (
                    "box",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="logistics.box",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("box", "tube_code"), name="boxline_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="HandOverBox",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("code", models.CharField(db_index=True, max_length=40)),
                ("area", models.CharField(max_length=12)),
                ("tubes", models.PositiveIntegerField()),
                ("tubes_system", models.PositiveIntegerField(default=0)),
                (
                    "box",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="hand_overs",
                        to="logistics.box",
                    ),
                ),
                (
                    "hand_over",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="boxes",
                        to="logistics.handover",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("hand_over", "code"), name="handoverbox_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="SupplyMove",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("area", models.CharField(db_index=True, max_length=12)),
                ("round_id", models.UUIDField(db_index=True, null=True)),
                ("giver", models.CharField(max_length=64)),
                ("taker", models.CharField(max_length=64)),
                ("quantity", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                ("form_no", models.CharField(default="", max_length=40)),
                ("note", models.CharField(default="", max_length=200)),
                ("flags", models.JSONField(default=list)),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="logistics.supplyitem"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gt", 0)), name="supply_quantity"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("giver", models.F("taker")), _negated=True),
                        name="supply_moves",
                    ),
                ],
            },
        ),
    ]
