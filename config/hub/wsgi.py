"""The WSGI entry of a hub's web part."""

from config import env

from .relay import Relay
from .store import Store

application = Relay(Store(env.VAR / "hub"))
