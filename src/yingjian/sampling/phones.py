"""The phones of a round: which lane has one, which is invited, and the sheets a site lead prints for enrolling them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.utils import timezone
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from yingjian.access import actions as access
from yingjian.access import journal
from yingjian.access import queries as enrolled
from yingjian.access.actor import Actor
from yingjian.campaigns import queries as rounds
from yingjian.kernel import drawing
from yingjian.kernel.errors import RuleBroken

from . import matters

SHEETS_MOST: Final = 500
QR: Final = 110 * mm
_LANES: Final = """
SELECT si.id, si.code, si.name, si.state, st.code, st.area
  FROM sampling_station st JOIN sampling_site si ON si.id = st.site_id
 WHERE st.round_id = %(round)s AND (%(site)s = '' OR si.code = %(site)s)
   AND (%(station)s = '' OR st.code = %(station)s)
 ORDER BY si.code, st.code
"""


@dataclass(slots=True)
class Lane:
    """A lane with its phones in use and shut out, and the invitations nobody has taken up."""

    site_id: uuid.UUID
    site_code: str
    site_name: str
    site_state: str
    station_code: str
    area: str
    devices: Sequence[enrolled.DeviceRow] = ()
    invitations: Sequence[enrolled.InvitationRow] = ()

    @property
    def state(self) -> str:
        """`enrolled` with a phone in use, `invited` with an open invitation, else `none`."""
        if any(device.revoked_at is None for device in self.devices):
            return "enrolled"
        return "invited" if any(one.state == "open" for one in self.invitations) else "none"


def lanes_for(
    actor: Actor, round_id: uuid.UUID, *, at: datetime, site: str = "", station: str = ""
) -> list[Lane]:
    """Lanes of a round in the actor's sight with their phones. `sampling.round_unknown`."""
    rounds.round_brief_for(actor, round_id)
    with connection.cursor() as cursor:
        cursor.execute(_LANES, {"round": round_id, "site": site, "station": station})
        lanes = [Lane(*row) for row in cursor.fetchall()]
    codes = [lane.station_code for lane in lanes]
    phones = _by_station(enrolled.devices_for(actor, stations=codes))
    invited = _by_station(enrolled.invitations_for(actor, stations=codes, at=at))
    for lane in lanes:
        lane.devices = phones.get(lane.station_code, [])
        lane.invitations = invited.get(lane.station_code, [])
    return lanes


def _by_station(rows: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row.station_code, []).append(row)
    return found


# -- the sheet -----------------------------------------------------------------------------------


def sheets(
    actor: Actor, round_id: uuid.UUID, *, at: datetime, id: uuid.UUID, link: Callable[[str], str],
    language: str, site: str = "", station: str = "",
) -> bytes:  # fmt: skip
    """One page for each lane with an open invitation: the QR, large, with site, lane and validity. Who printed which is
    journalled, because a sheet is a key. `sampling.no_invitation` (404), `sampling.too_many_sheets`.
    """
    lanes = lanes_for(actor, round_id, at=at, site=site, station=station)
    wanted = [
        (lane, one)
        for lane in lanes
        if (one := next((i for i in lane.invitations if i.state == "open"), None)) is not None
    ]
    if not wanted:
        raise RuleBroken("sampling.no_invitation", status=404)
    if len(wanted) > SHEETS_MOST:
        raise RuleBroken("sampling.too_many_sheets", sheets=len(wanted), most=SHEETS_MOST)
    told = {"round_id": round_id, "site": site, "station": station,
            "invitations": [str(one.id) for _, one in wanted]}  # fmt: skip
    journal.record("invitation.print", told, actor=actor, id=id, at=at)
    say = matters.words(language)["enrol"]
    stream, canvas = drawing.sheets(say["title"])
    for lane, one in wanted:
        _sheet(canvas, lane, one, link(access.invitation_token(one.id)), say)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def _sheet(
    canvas: Canvas, lane: Lane, one: enrolled.InvitationRow, text: str, say: Mapping[str, Any]
) -> None:
    width, height = A4
    middle = width / 2
    canvas.setFont(drawing.FONT, 15)
    canvas.drawCentredString(middle, height - 26 * mm, say["title"])
    canvas.setFont(drawing.FONT, 30)
    for no, line in enumerate(drawing.wrapped(lane.site_name, width - 40 * mm, size=30)):
        canvas.drawCentredString(middle, height - (44 + 13 * no) * mm, line)
    canvas.setFont(drawing.FONT, 20)
    canvas.drawCentredString(middle, height - 72 * mm, say["lane"].format(no=_number(lane)))
    drawing.qr(canvas, text, middle - QR / 2, height - 84 * mm - QR, QR)
    low = height - 84 * mm - QR
    canvas.setFont(drawing.DIGITS, 15)
    canvas.drawCentredString(middle, low - 12 * mm, lane.station_code)
    canvas.setFont(drawing.FONT, 13)
    until = timezone.localtime(one.expires_at).strftime("%Y-%m-%d %H:%M")
    canvas.drawCentredString(middle, low - 22 * mm, say["valid"].format(until=until))
    canvas.setFont(drawing.FONT, 12)
    for no, line in enumerate(say["steps"]):
        canvas.drawString(34 * mm, low - (36 + 7.5 * no) * mm, line)
    canvas.setFont(drawing.DIGITS, 11)
    token = text.rsplit("=", 1)[-1]
    parts = [token[n : n + 4] for n in range(0, len(token), 4)]
    canvas.drawCentredString(middle, 12 * mm, " ".join(parts))


def _number(lane: Lane) -> str:
    """The lane's number within its site, as people say it."""
    tail = lane.station_code.removeprefix(lane.site_code).lstrip("-0")
    return tail or lane.station_code
