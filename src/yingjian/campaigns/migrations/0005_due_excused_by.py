"""Whoever is excused is so by a command, which tells who did it and when."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0004_due_room")]

    operations = [
        migrations.AddField("dueperson", "excused_by", models.UUIDField(null=True)),
    ]
