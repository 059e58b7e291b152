"""A round may be of some towns of its area only."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0005_due_excused_by")]

    operations = [
        migrations.AddField("round", "within", models.JSONField(default=list)),
    ]
