"""What a web process does not carry: the compiler costs 190 MB and a second of every start."""

import subprocess
import sys

LOADED = (
    "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings.test';"
    "import django; django.setup(); import config.urls; print(*sys.modules)"
)


def test_only_who_plans_or_rehearses_loads_the_compiler() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "yingjian.planning.api" in loaded
    assert loaded.isdisjoint({"numba", "llvmlite", "highspy", "pyvrp", "scipy"})
