from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0002_invitation_cancelled"),
    ]

    operations = [
        migrations.AddField("device", "beat_at", models.DateTimeField(null=True)),
        migrations.AddField("device", "waiting", models.IntegerField(null=True)),
        migrations.AddField("device", "stuck", models.IntegerField(null=True)),
        migrations.AddField("device", "restored_at", models.DateTimeField(null=True)),
    ]
