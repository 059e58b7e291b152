"""``yingjian openapi``: the API's own description, from which the console's typed client is generated."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from yingjian.api import api


class Command(BaseCommand):
    """Writes OpenAPI as JSON to standard output, keys in a fixed order."""

    help = "The API's OpenAPI description, as JSON."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        document = api.get_openapi_schema()
        self.stdout.write(json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True))
