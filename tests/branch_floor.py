"""Print the branch coverage of rules, actions and queries, and fail below the floor.

Coverage's own total mixes lines and branches; the promise is about branches. The floor stands in
pyproject.toml, ``[tool.yingjian] branch_floor``. Usage: ``python tests/branch_floor.py FILE.json``.
"""

import json
import sys
import tomllib
from pathlib import Path


def main() -> int:
    """Returns the exit code: 1 below the floor."""
    pyproject = tomllib.loads(
        (Path(__file__).resolve().parent.parent / "pyproject.toml").read_text("utf-8")
    )
    floor = float(pyproject["tool"]["yingjian"]["branch_floor"])
    measured = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    out = sys.stdout.write
    out("branches  of rules, actions and queries\n")
    for name, entry in sorted(measured["files"].items()):
        summary = entry["summary"]
        if summary["num_branches"] and summary["missing_branches"]:
            part = summary["covered_branches"] / summary["num_branches"]
            missing = ", ".join(f"{a}→{b}" for a, b in entry["missing_branches"][:6])
            out(f"  {part:7.1%}  {name.removeprefix('src/yingjian/')}  missing {missing}\n")
    totals = measured["totals"]
    whole = 100 * totals["covered_branches"] / max(1, totals["num_branches"])
    out(f"branches  {totals['covered_branches']} of {totals['num_branches']} covered: "
        f"{whole:.1f} % (floor {floor:g} %)\n")  # fmt: skip
    return int(whole < floor)


if __name__ == "__main__":
    raise SystemExit(main())
