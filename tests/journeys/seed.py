"""Accounts (and, as the rooms allow, a round) for the journeys. Synthetic people only."""

import os
import sys

import django

PASSWORD = "yingjian-journey-1"
TOWN = "231183104"
PLANNER = "journey-planner"


def _accounts() -> None:
    from datetime import UTC, datetime

    from django.contrib.auth.hashers import make_password

    from yingjian.access import scope
    from yingjian.access.models import Grant, User
    from yingjian.kernel.ids import derived, uuid7

    with scope.everywhere():
        user = User.objects.create(
            id=uuid7(datetime.now(UTC)), username=PLANNER, name="王秀兰", area=TOWN,
            password=make_password(PASSWORD),
        )  # fmt: skip
        for role in ("round_planner", "information_maintainer", "cdc_investigator"):
            Grant.objects.create(id=derived(user.id, role), user=user, role=role, area=TOWN)


def main(url: str) -> int:
    """Seed the system that listens at ``url``."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
    django.setup()
    _accounts()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
