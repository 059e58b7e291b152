from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("planning", "0006_rehearsal_positives"),
    ]

    operations = [
        migrations.AddField(
            model_name="plansearch",
            name="error_params",
            field=models.JSONField(default=dict),
        ),
    ]
