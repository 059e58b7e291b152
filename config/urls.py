"""Addresses: ``/api/`` for the rooms, ``/healthz`` for whoever watches, the console for the rest."""

from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, URLResolver, path, re_path

from config.web import page
from yingjian.api import api


def healthz(request: HttpRequest) -> JsonResponse:
    """Answers as soon as the process serves; touches nothing behind it."""
    return JsonResponse({"ok": True})


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz),
    path("api/", api.urls),
    re_path(r"^(?!api/)(?P<path>.*)$", page),
]
