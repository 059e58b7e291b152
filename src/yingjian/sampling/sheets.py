"""Label sheets and residents' cards as PDF, made from the print that was written down; and the log of prints."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db import connection
from django.utils import timezone
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from yingjian.access import journal
from yingjian.access.actor import Actor
from yingjian.campaigns import queries as rounds
from yingjian.engines.plan import codes as plan_codes
from yingjian.kernel import drawing
from yingjian.kernel.errors import RuleBroken

from . import matters, tokens
from .reading import masked_name

LABELS_MOST: Final = 6_000
PEOPLE_MOST: Final = 6_000
COLUMNS, ROWS = 3, 8
CARD_COLUMNS, CARD_ROWS = 2, 5
EDGE: Final = 4 * mm
QUIET: Final = 5 * mm
QR: Final = 24 * mm
CARD_QR: Final = 40 * mm
BARS: Final = 6 * mm
_DIGITS_ONLY: Final = plan_codes.STATION


def _rows(statement: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@dataclass(frozen=True)
class Label:
    """One label: what it is, what is encoded, where it belongs."""

    kind: str
    code: str
    place: str


# -- reads ---------------------------------------------------------------------------------------


def prints_for(actor: Actor, round_id: uuid.UUID, *, limit: int) -> list[dict[str, Any]]:
    """What was printed in a round, in the actor's sight, the latest first. `sampling.round_unknown`."""
    rounds.round_brief_for(actor, round_id)
    return _rows(
        """SELECT p.id, p.kind, p.area, p.site_code, p.station_code, p.first, p.last, p.labels, p.again, p.reason,
                  p.printed_at, coalesce(u.name, '') AS printed_by, coalesce(s.name, '') AS site_name
             FROM sampling_labelprint p LEFT JOIN access_user u ON u.id = p.printed_by
             LEFT JOIN sampling_site s ON s.round_id = p.round_id AND s.code = p.site_code
            WHERE p.round_id = %(round)s ORDER BY p.printed_at DESC, p.id DESC LIMIT %(limit)s""",
        {"round": round_id, "limit": limit},
    )


def ranges_for(actor: Actor, round_id: uuid.UUID) -> list[dict[str, Any]]:
    """Ranges of tube codes given out in a round, in the actor's sight, by station. `sampling.round_unknown`."""
    rounds.round_brief_for(actor, round_id)
    return _rows(
        """SELECT r.id, st.code AS station_code, si.name AS site_name, r.area, r.first, r.last, r.given_at,
                  coalesce(u.name, '') AS given_by, r.withdrawn_at, r.withdrawn_reason
             FROM sampling_tuberange r JOIN sampling_station st ON st.id = r.station_id
             JOIN sampling_site si ON si.id = st.site_id LEFT JOIN access_user u ON u.id = r.given_by
            WHERE r.round_id = %(round)s ORDER BY r.withdrawn_at NULLS FIRST, st.code, r.first""",
        {"round": round_id},
    )


# -- the file ------------------------------------------------------------------------------------


def sheet(
    actor: Actor, print_id: uuid.UUID, *, language: str, at: datetime, id: uuid.UUID
) -> bytes:
    """The PDF of a print in the actor's sight; fetching it is journalled. `sampling.print_unknown`,
    `sampling.too_many_sheets`.
    """
    found = _rows("SELECT * FROM sampling_labelprint WHERE id = %(id)s", {"id": print_id})
    if not found:
        raise RuleBroken("sampling.print_unknown", status=404)
    one = found[0]
    if one["kind"] == "resident" and not actor.may("see_persons", one["area"]):
        raise RuleBroken("access.not_permitted", status=403, permission="see_persons")
    journal.record(
        "labels.fetch", {"print_id": print_id}, actor=actor, id=id, at=at, area=one["area"]
    )
    if one["kind"] == "resident":
        return _cards(one, language)
    labels = list(itertools.islice(_labels(one), LABELS_MOST + 1))
    if len(labels) > LABELS_MOST:
        raise RuleBroken("sampling.too_many_sheets", sheets=one["labels"], most=LABELS_MOST)
    return _label_sheet(labels, language)


def _labels(one: Mapping[str, Any]) -> Iterator[Label]:
    lanes = _rows(
        """SELECT si.code AS site, si.name, st.code, r.no,
                  (SELECT count(*) FROM campaigns_campaign o
                    WHERE o.area = c.area AND (o.created_at, o.id) <= (c.created_at, c.id)) AS campaign
             FROM sampling_site si JOIN campaigns_round r ON r.id = si.round_id
             JOIN campaigns_campaign c ON c.id = r.campaign_id LEFT JOIN sampling_station st ON st.site_id = si.id
            WHERE si.round_id = %(round_id)s AND si.code = %(site_code)s AND %(station_code)s IN ('', st.code)
            ORDER BY st.code""",
        one,
    )
    if one["kind"] == "site":
        yield from (Label("site", lane["site"], lane["name"]) for lane in lanes[:1])
        return
    for lane in lanes:
        if one["kind"] == "station":
            yield Label("station", lane["code"], lane["name"])
        elif len(lane["code"]) == _DIGITS_ONLY:
            for serial in range(one["first"], one["last"] + 1):
                code = plan_codes.box_code(lane["code"], lane["campaign"], lane["no"], serial)
                yield Label("box", code, lane["name"])


def _places(count: int, columns: int, rows: int, canvas: Canvas) -> Iterator[tuple[float, float]]:
    """Left and top of each place on A4, a new page when one is full."""
    for number in range(count):
        place = number % (columns * rows)
        if number and not place:
            canvas.showPage()
        yield place % columns * A4[0] / columns, A4[1] - place // columns * A4[1] / rows


def _label_sheet(labels: Sequence[Label], language: str) -> bytes:
    """24 labels to a page: QR, what it is, where it belongs, the digits in the groups a clerk reads out; on a box also
    Code 128, because couriers' and laboratories' hand scanners read nothing else.
    """
    say = matters.words(language)["label"]
    stream, canvas = drawing.sheets(say["title"])
    beside = A4[0] / COLUMNS - QR - 2 * EDGE - QUIET
    for label, (left, top) in zip(labels, _places(len(labels), COLUMNS, ROWS, canvas), strict=True):
        drawing.qr(canvas, label.code, left + EDGE, top - EDGE - QR, QR)
        text = left + EDGE + QR + QUIET
        canvas.setFont(drawing.FONT, 9)
        canvas.drawString(text, top - EDGE - 9, say[label.kind])
        canvas.setFont(drawing.FONT, 7.5)
        for line, part in enumerate(drawing.wrapped(label.place, beside, size=7.5)):
            canvas.drawString(text, top - EDGE - 20 - 9 * line, part)
        canvas.setFont(drawing.DIGITS, 7.5)
        for line, part in enumerate(_grouped(label.code)):
            canvas.drawString(text, top - EDGE - 42 - 9 * line, part)
        if label.kind == "box":
            low = top - EDGE - QR - BARS - 2 * mm
            room = A4[0] / COLUMNS - 2 * EDGE
            drawing.code128(canvas, label.code, left + EDGE, low, room=room, height=BARS)
    canvas.save()
    return stream.getvalue()


def _grouped(code: str) -> list[str]:
    """Digits in groups: region, site, station, campaign and round, serial."""
    cuts = [c for c in (0, 6, 12, 15, 17, 21, 24, 25) if c < len(code)] + [len(code)]
    parts = [code[a:b] for a, b in itertools.pairwise(cuts)]
    return [" ".join(line) for line in (parts[:2], parts[2:4], parts[4:]) if line]


# -- residents' cards ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Card:
    """A family's code: up to seven people behind one door."""

    token: str
    village: str
    door: str
    people: Sequence[str]


def _cards_of(one: Mapping[str, Any], day: date) -> Iterator[Card]:
    rows = _rows(
        """SELECT d.person_id, p.name, p.id_tail, p.household_id, coalesce(h.no, '') AS door,
                  coalesce(g.name, d.area) AS village
             FROM campaigns_dueperson d JOIN population_person p ON p.id = d.person_id
             LEFT JOIN population_household h ON h.id = p.household_id
             LEFT JOIN population_region g ON g.code = d.area
            WHERE d.round_id = %(round_id)s AND d.area ^@ %(area)s
            ORDER BY d.area, h.no, p.household_id, p.birth_date NULLS LAST, p.id LIMIT %(most)s""",
        {**one, "most": PEOPLE_MOST + 1},
    )
    if len(rows) > PEOPLE_MOST:
        raise RuleBroken("sampling.too_many_sheets", sheets=one["labels"], most=PEOPLE_MOST)
    for _, family in itertools.groupby(
        rows, key=lambda row: row["household_id"] or row["person_id"]
    ):
        members = list(family)
        for start in range(0, len(members), tokens.FAMILY_MAX):
            part = members[start : start + tokens.FAMILY_MAX]
            token = tokens.issue([row["person_id"] for row in part], day=day)
            names = [f"{masked_name(row['name'])} {row['id_tail'] or ''}".strip() for row in part]
            yield Card(token, part[0]["village"], part[0]["door"], names)


def _cards(one: Mapping[str, Any], language: str) -> bytes:
    """Ten cards to a page: the family's code, village and door, who it stands for (masked)."""
    say = matters.words(language)["label"]
    cards = list(_cards_of(one, timezone.localtime(one["printed_at"]).date()))
    stream, canvas = drawing.sheets(say["resident"])
    height = A4[1] / CARD_ROWS
    for card, (left, top) in zip(
        cards, _places(len(cards), CARD_COLUMNS, CARD_ROWS, canvas), strict=True
    ):
        drawing.qr(canvas, card.token, left + 2 * EDGE, top - (height + CARD_QR) / 2, CARD_QR)
        text = left + 2 * EDGE + CARD_QR + QUIET
        room = left + A4[0] / CARD_COLUMNS - EDGE - text
        canvas.setFont(drawing.FONT, 12)
        canvas.drawString(
            text, top - 14 * mm, say["family"] if len(card.people) > 1 else say["person"]
        )
        canvas.setFont(drawing.FONT, 8.5)
        canvas.drawString(
            text, top - 19.5 * mm, drawing.wrapped(card.village, room, size=8.5, lines=1)[0]
        )
        canvas.drawString(
            text, top - 23.5 * mm, drawing.wrapped(card.door, room, size=8.5, lines=1)[0]
        )
        canvas.setFont(drawing.FONT, 9.5)
        for line, name in enumerate(card.people):
            canvas.drawString(text, top - (29.5 + 4 * line) * mm, name)
    canvas.save()
    return stream.getvalue()
