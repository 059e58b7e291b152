"""Which database, and as whom.

``default`` is the application (web, jobs): the role ``yingjian_app``, which owns nothing and so
stands under row-level security. ``owner`` is the same database as the role that owns the tables:
migrations, ``verify`` and the tests' set-up.

* nothing set: the embedded PostgreSQL under ``var/postgres`` (``config.postgres``);
* ``DATABASE_URL``: the owner's address on a real server (16–18); the embedded one is not touched;
* ``APP_DATABASE_URL``: the application's own login there; without it the application connects
  with the owner's login and takes the role ``yingjian_app`` at once.
"""

from typing import Any

from config import env, postgres

APP_ROLE = postgres.APP_ROLE
_cluster = postgres.Cluster.of(env.VAR)
OLDEST, NEWEST = 16, 18  # PostgreSQL's major versions
_NEVER = 2**31 - 1


def embedded() -> bool:
    """Whether this process uses the embedded server."""
    return not env.text("DATABASE_URL")


def name() -> str:
    """The database on the embedded server: ``YINGJIAN_DATABASE`` lets a drill have its own."""
    return env.text("YINGJIAN_DATABASE") or postgres.DATABASE


def cluster() -> postgres.Cluster:
    """The embedded server of this process."""
    return _cluster


def use_for_tests() -> None:
    """Let the suite have an embedded server of its own: it never meets the real rows, and does
    not wait for the disk. Called by the test settings, before anything connects.
    """
    global _cluster  # noqa: PLW0603  (one server per process, chosen once)
    _cluster = postgres.Cluster.of(env.VAR / "test", durable=False)


def databases() -> dict[str, dict[str, Any]]:
    """Django's ``DATABASES``: ``default`` (application) and ``owner``."""
    if embedded():
        owner, app = _embedded(postgres.OWNER_ROLE), _embedded(postgres.APP_ROLE)
    else:
        owner = env.database(env.text("DATABASE_URL"))
        if url := env.text("APP_DATABASE_URL"):
            app = env.database(url)
        else:
            app = env.database(env.text("DATABASE_URL"))
            given = str(app["OPTIONS"].get("options", ""))
            app["OPTIONS"]["options"] = f"{given} -c role={APP_ROLE}".strip()
    for alias in (owner, app):
        alias["OPTIONS"].setdefault("application_name", "yingjian")
        alias["CONN_MAX_AGE"] = 600
        alias["CONN_HEALTH_CHECKS"] = True
    # Nothing is prepared unasked; what asks for it (`access.prepared`) may, but behind a pooler that cannot.
    if not env.flag("YINGJIAN_UNPREPARED"):
        app["OPTIONS"]["prepare_threshold"] = _NEVER
        # Whoever keeps a plan says so: one made by the way while tables are empty would be used when they are full.
        given = str(app["OPTIONS"].get("options", ""))
        app["OPTIONS"]["options"] = f"{given} -c plan_cache_mode=force_custom_plan".strip()
    # The test database is made and migrated by the owner; the application joins it by name.
    app["TEST"] = {"MIRROR": "owner"}
    owner["TEST"] = {"NAME": f"test_{owner['NAME']}"}
    return {"default": app, "owner": owner}


def _embedded(role: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name(),
        "USER": role,
        "PASSWORD": postgres.password(role),
        "HOST": str(cluster().sockets),
        "PORT": str(postgres.PORT),
        "OPTIONS": {},
    }
