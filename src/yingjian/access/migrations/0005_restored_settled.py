from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("access", "0004_hub_address")]

    operations = [
        migrations.AddField("device", "restored_settled", models.DateTimeField(null=True)),
    ]
