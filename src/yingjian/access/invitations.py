"""An invitation as it is taken up: for a phone a link into the station app that carries the token, for a hub the line
to type; both as text and as a QR.
"""

from __future__ import annotations

import io
import re
from typing import Final

import segno

from .rules import HUB

HUB_STATION: Final = "hub-"
"""What stands before a hub's name where other devices have their station's code."""
_SHELL: Final = re.compile(
    r"""["'`$\\!%^&|<>\x00-\x1f]"""
)  # what some shell or other would read itself


def taken_up(home: str, token: str, *, role: str, station_code: str) -> str:
    """What the QR says. A phone that reads a hub's must not become the hub, so that one is no link."""
    if role == HUB:
        return hub_line(home, token, station_code.removeprefix(HUB_STATION))
    return link(home, token)


def link(home: str, token: str) -> str:
    """Behind the `#` it is never sent to a server, so that no log holds it."""
    return f"{home}station/#enrol={token}"


def hub_line(home: str, token: str, name: str) -> str:
    """What to type at the laptop that becomes a hub: good in every shell, for one start."""
    plain = _SHELL.sub("", name).strip()
    named = f' --name="{plain}"' if plain else ""
    return f"yingjian hub --county={home.rstrip('/')} --invitation={token}{named}"


def picture(text: str) -> bytes:
    """The QR as SVG, with the quiet border readers need."""
    stream = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        stream,
        kind="svg",
        xmldecl=False,
        svgns=True,
        border=4,
        scale=8,
        omitsize=True,
        light="#fff",
    )
    return stream.getvalue()
