"""The pressure test a county's system passes before a round (R104): stated load, steps of it, a verdict, a report."""
