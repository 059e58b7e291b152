from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("planning", "0005_rehearsal_troubles"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="planrehearsal",
            name="plan_rehearsal_asked",
        ),
        migrations.AddField(
            model_name="planrehearsal",
            name="positives",
            field=models.FloatField(default=0.0),
        ),
        migrations.AddConstraint(
            model_name="planrehearsal",
            constraint=models.UniqueConstraint(
                fields=("plan", "runs", "trials", "seed", "troubles", "positives"),
                name="plan_rehearsal_asked",
            ),
        ),
    ]
