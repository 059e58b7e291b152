"""What lists say of plans stands beside the document: a county's has tens of MB, read whole for each of its parts."""

from django.db import migrations

COLUMNS = {
    "totals": "jsonb GENERATED ALWAYS AS (document -> 'totals') STORED",
    "forecast": "jsonb GENERATED ALWAYS AS (document -> 'forecast') STORED",
    "siting": "jsonb GENERATED ALWAYS AS ((document -> 'siting')"
    " - '{multipliers,counted,count_prices,cases,options,spots,beyond}'::text[]) STORED",
    "barriers": "integer GENERATED ALWAYS AS"
    " (coalesce(jsonb_array_length(document #> '{params,barriers}'), 0)) STORED",
    "paths": "integer GENERATED ALWAYS AS"
    " (coalesce(jsonb_array_length(document #> '{params,paths}'), 0)) STORED",
}


class Migration(migrations.Migration):
    dependencies = [("planning", "0007_search_error_params")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE planning_planrecord "
            + ", ".join(f"ADD COLUMN {name} {kind}" for name, kind in COLUMNS.items()),
            "ALTER TABLE planning_planrecord "
            + ", ".join(f"DROP COLUMN {name}" for name in COLUMNS),
        ),
    ]
