from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("access", "0005_restored_settled")]

    operations = [
        migrations.AddField("device", "version", models.CharField(default="", max_length=32)),
    ]
