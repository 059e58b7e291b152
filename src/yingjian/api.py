"""Assembles the rooms' routers into one API. Thin: no logic lives here."""

from importlib import import_module
from importlib.util import find_spec

from ninja import NinjaAPI

from yingjian.access.edges import install
from yingjian.rooms import ROOMS

api = NinjaAPI(title="Yingjian", version="1", urls_namespace="api")
install(api)

for _room in ROOMS:
    if find_spec(f"yingjian.{_room}.api") is not None:
        api.add_router("", import_module(f"yingjian.{_room}.api").router)
