from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("access", "0003_device_beat")]

    operations = [
        migrations.AddField("device", "address", models.CharField(default="", max_length=200)),
    ]
