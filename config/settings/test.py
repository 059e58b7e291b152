"""Settings of the test suite: see ``conftest.py`` for who connects as whom."""

from config import databases
from config.settings.base import *  # noqa: F403  (a settings module is a namespace)

YINGJIAN_OUTBOX = "memory"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

databases.use_for_tests()
DATABASES = databases.databases()
for _alias in DATABASES.values():
    # The tests' database is thrown away: a lost second of it costs nothing.
    _given = str(_alias["OPTIONS"].get("options", ""))
    _alias["OPTIONS"]["options"] = f"{_given} -c synchronous_commit=off".strip()
    _alias["CONN_MAX_AGE"] = 0
    _alias["CONN_HEALTH_CHECKS"] = False
