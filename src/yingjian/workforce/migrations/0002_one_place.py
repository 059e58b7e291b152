"""One person, one post at a time: the database refuses an overlap."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("workforce", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            CREATE EXTENSION IF NOT EXISTS btree_gist;
            ALTER TABLE workforce_post ADD CONSTRAINT post_one_place
                EXCLUDE USING gist (staff_id WITH =, tstzrange(starts, ends) WITH &&);
            """,
            "ALTER TABLE workforce_post DROP CONSTRAINT post_one_place",
        )
    ]
