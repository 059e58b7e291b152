from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sampling", "0004_ranges_and_prints")]

    operations = [
        migrations.AddField("revocation", "by", models.UUIDField(null=True)),
        migrations.AddField("revocation", "lifted_by", models.UUIDField(null=True)),
    ]
