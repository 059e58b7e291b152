"""`yingjian synth`: write the roster of a synthetic county. Needs no database."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from drill import synth, synth_files
from yingjian.kernel.errors import RuleBroken
from yingjian.population import rules
from yingjian.population.regions import RegionIndex, read_regions


class Command(BaseCommand):
    help = (
        "Make a synthetic roster (csv or xlsx) of exactly N people; the same seed, the same people."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--region", required=True, help="county or town code, e.g. 640121")
        parser.add_argument("--people", required=True, type=int)
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--out", required=True, type=Path, help=".csv or .xlsx")
        parser.add_argument("--regions", type=Path, help="region list; default: data/regions")
        parser.add_argument("--centre", help="longitude,latitude in degrees")
        parser.add_argument("--radius", type=float, help="kilometres around the centre")

    def handle(self, *args: Any, **options: Any) -> None:
        code = rules.clean_region(options["region"])
        villages = self._villages(code, options["regions"])
        centre, radius = self._place(code, options["centre"], options["radius"])
        try:
            made = synth.county(
                villages=villages,
                people=options["people"],
                seed=options["seed"],
                centre=centre,
                radius_km=radius,
            )
        except ValueError as error:
            raise CommandError(str(error)) from None
        out: Path = options["out"]
        write = synth_files.write_xlsx if out.suffix == ".xlsx" else synth_files.write_csv
        write(made, out)
        self.stdout.write(
            f"{out}: {len(made)} people, {len(made.household_no)} households, {len(villages)} villages"
        )

    def _villages(self, code: str, given: Path | None) -> list[synth.Village]:
        files = [given] if given else sorted((settings.BASE_DIR / "data" / "regions").glob("*.csv"))
        try:
            rows = {row.code: row for file in files for row in read_regions(file)}
        except RuleBroken as error:
            raise CommandError(f"{error.code} {error.params}") from None
        if not code or code not in rows:
            raise CommandError(f"The region is in none of: {', '.join(map(str, files))}.")
        return synth_villages(RegionIndex(rows.values()), rules.region_path(code))

    def _place(
        self, code: str, centre: str | None, radius: float | None
    ) -> tuple[tuple[float, float], float]:
        known = synth.CENTRES.get(rules.region_path(code))
        if centre is None:
            if known is None:
                raise CommandError("Give --centre LONGITUDE,LATITUDE and --radius KILOMETRES.")
            return known[0], radius or known[1]
        try:
            east, north = (float(part) for part in centre.split(","))
        except ValueError:
            raise CommandError("--centre is LONGITUDE,LATITUDE, e.g. 106.25,38.28.") from None
        return (east, north), radius or (known[1] if known else 15.0)


def synth_villages(index: RegionIndex, area: str) -> list[synth.Village]:
    """The villages below an area path, with the names an address begins with."""
    return [
        synth.Village(
            row.code,
            row.name,
            "".join(
                index.by_code[code].name
                for width in (6, 9)
                if (code := row.code[:width].ljust(12, "0")) in index and code != row.code
            ),
            urban=rules.place_key(row.name)[1] == "居",
        )
        for row in index
        if row.code.startswith(area) and index.is_leaf(row.code)
    ]
