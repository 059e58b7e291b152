"""The rooms of the house, and what Django does with each of them at start.

This module stands beside the rooms, not above them: it imports none of them by name.
"""

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig

# Floors from top to bottom; design §2. Rooms on one floor know nothing of each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("oversight", "planning"),
    ("containment",),
    ("cases",),
    ("laboratory",),
    ("sampling",),
    ("logistics", "workforce"),
    ("campaigns",),
    ("ledgers",),
    ("population",),
    ("access",),
)
ROOMS: tuple[str, ...] = tuple(room for floor in FLOORS for room in floor)

# Modules with registrations (event subscribers, command kinds) that must be loaded once.
_REGISTERING = ("commands", "subscribers")


class RoomConfig(AppConfig):
    """Base of every room's ``AppConfig``: the app label is the room's name.

    ``jobs`` modules are loaded by procrastinate itself (PROCRASTINATE_AUTODISCOVER_MODULE_NAME).
    """

    default_auto_field = "django.db.models.BigAutoField"
    default = False  # Django would fall back to a bare AppConfig where it finds two candidates

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.default = True

    def ready(self) -> None:
        """Import the room's registering modules, where it has them."""
        for name in _REGISTERING:
            module = f"{self.name}.{name}"
            if find_spec(module) is not None:
                import_module(module)
