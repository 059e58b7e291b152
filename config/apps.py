from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Makes ``config``'s own commands (``serve``, ``db``) known to Django."""

    name = "config"
    label = "config"
