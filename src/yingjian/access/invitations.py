"""An invitation as a phone reads it: a link into the station app that carries the token, as text and as a QR."""

from __future__ import annotations

import io

import segno


def link(home: str, token: str) -> str:
    """What the QR says. Behind the `#` it is never sent to a server, so that no log holds it."""
    return f"{home}station/#enrol={token}"


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
