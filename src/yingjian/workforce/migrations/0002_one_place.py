"""One person, one post at a time: the database refuses an overlap."""

from typing import Any

from django.db import migrations

from yingjian.workforce import extension


def bring(apps: Any, editor: Any) -> None:
    extension.bring(editor)


class Migration(migrations.Migration):
    dependencies = [("workforce", "0001_initial")]

    operations = [
        migrations.RunPython(bring, migrations.RunPython.noop),
        migrations.RunSQL(
            """
            ALTER TABLE workforce_post ADD CONSTRAINT post_one_place
                EXCLUDE USING gist (staff_id WITH =, tstzrange(starts, ends) WITH &&);
            """,
            "ALTER TABLE workforce_post DROP CONSTRAINT post_one_place",
        ),
    ]
