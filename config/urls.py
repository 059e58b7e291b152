"""Addresses: ``/api/`` for the rooms, ``/healthz`` for whoever watches the process."""

from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, URLResolver, path

from yingjian.api import api


def healthz(request: HttpRequest) -> JsonResponse:
    """Answers as soon as the process serves; touches nothing behind it."""
    return JsonResponse({"ok": True})


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz),
    path("api/", api.urls),
]
