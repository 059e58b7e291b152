"""Who may change tables."""

from typing import Any


class OwnerMigrates:
    """Only the owner's connection migrates; the application has no right to."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Whether migrations of ``app_label`` run on the connection ``db``."""
        return db == "owner"
