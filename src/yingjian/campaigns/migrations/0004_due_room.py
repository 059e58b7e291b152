"""Half of every page of the due list stays free: a request swabs a whole village, whose people lie on the same pages."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0003_due_in_place")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE campaigns_dueperson SET (fillfactor = 50)",
            "ALTER TABLE campaigns_dueperson SET (fillfactor = 70)",
        ),
    ]
