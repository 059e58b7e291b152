"""Tube codes given out to stations by range (`range.give`, `range.withdraw`), and labels printed (`labels.print`).

Tube codes are the manufacturer's: where a station was given no range, any code may come. Where it was, a code outside
is marked (缺码), by the phone before it is used and here in the work list. A label sheet is printed by a command, so
that the log of prints and reprints is the journal's.
"""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from django.db import connection

from yingjian.access import journal, scope
from yingjian.access.actor import Actor
from yingjian.engines.plan import codes as plan_codes
from yingjian.kernel.errors import RuleBroken

from .values import Text40

UNALLOTTED: Final = "code_unallotted"
GIVEN_OUT: Final = """EXISTS (SELECT 1 FROM sampling_tuberange r
  WHERE r.station_id = s.station_id AND r.withdrawn_at IS NULL AND length(r.first) = length(s.code)
    AND s.code COLLATE "C" BETWEEN r.first AND r.last)"""
"""Whether the code of a tube `s` was given out to its station, as the phone tells it: same length, and between."""
_CODE: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z./+$%_-]{2,39}")
Reason = Annotated[str, msgspec.Meta(max_length=200)]
Serial = Annotated[int, msgspec.Meta(ge=1, le=plan_codes.BOXES_PER_STATION)]


class RangeGive(msgspec.Struct, frozen=True):
    range_id: uuid.UUID
    round_id: uuid.UUID
    station_code: str
    first: Text40
    last: Text40


class RangeWithdraw(msgspec.Struct, frozen=True):
    range_id: uuid.UUID
    reason: Reason


class LabelsPrint(msgspec.Struct, frozen=True):
    """`site`, `station`, `box`: the labels of a site (of one of its stations), boxes from serial `first` to `last`.
    `resident`: family codes of a village or town (`area`).
    """

    print_id: uuid.UUID
    round_id: uuid.UUID
    kind: Literal["site", "station", "box", "resident"]
    site_code: str = ""
    station_code: str = ""
    area: str = ""
    first: Serial = 1
    last: Serial = 1
    reason: Reason = ""


@journal.handles("range.give", RangeGive, permission="invite_device", decision=True)
@journal.handles("range.withdraw", RangeWithdraw, permission="invite_device", decision=True)
@journal.handles("labels.print", LabelsPrint, permission="invite_device", decision=True)
def allot(batch: journal.Batch) -> list[journal.Verdict]:
    """Rare decisions, one by one."""
    return [_allot(batch, command) for command in batch.commands]


def _allot(batch: journal.Batch, command: journal.Command) -> journal.Verdict:
    given, actor, at = command.payload, batch.actor, batch.received_at
    match given:
        case RangeGive():
            area = range_give(actor=actor, at=at, given=given)
        case RangeWithdraw():
            area = range_withdraw(actor=actor, at=at, id=given.range_id, reason=given.reason)
        case LabelsPrint():
            area, labels = labels_print(actor=actor, at=at, given=given)
            return journal.applied(command, area=area, labels=labels)
    return journal.applied(command, area=area)


def _one(statement: str, given: dict[str, Any]) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        found: tuple[Any, ...] | None = cursor.fetchone() if cursor.description else None
        return found


# -- ranges --------------------------------------------------------------------------------------


def range_give(*, actor: Actor, at: datetime, given: RangeGive) -> str:
    """Give a station the codes from `first` to `last`; tells the area.

    `sampling.range_malformed`, `sampling.station_unknown`, `access.outside_area`, `sampling.range_taken` (another
    station of the round has some of them).
    """
    first, last = given.first.strip(), given.last.strip()
    if not (
        _CODE.fullmatch(first)
        and _CODE.fullmatch(last)
        and len(first) == len(last)
        and first <= last
    ):
        raise RuleBroken("sampling.range_malformed", first=first, last=last)
    told = {"round": given.round_id, "station": given.station_code, "first": first, "last": last}
    # One hand at a time in a round: two could give the same codes to two stations.
    _one("SELECT 1 FROM campaigns_round WHERE id = %(round)s FOR NO KEY UPDATE", told)
    station = _one(
        "SELECT id, area FROM sampling_station WHERE round_id = %(round)s AND code = %(station)s",
        told,
    )
    if station is None:
        raise RuleBroken("sampling.station_unknown", status=404, station=given.station_code[:32])
    scope.require(actor, "invite_device", station[1])
    taken = _one(
        """SELECT st.code FROM sampling_tuberange r JOIN sampling_station st ON st.id = r.station_id
            WHERE r.round_id = %(round)s AND r.withdrawn_at IS NULL AND length(r.first) = length(%(first)s)
              AND r.first COLLATE "C" <= %(last)s AND r.last COLLATE "C" >= %(first)s
            ORDER BY r.given_at LIMIT 1""",
        told,
    )
    if taken is not None:
        raise RuleBroken("sampling.range_taken", status=409, station=taken[0])
    _one(
        """INSERT INTO sampling_tuberange (id, round_id, station_id, area, first, last, given_at, given_by,
                                           withdrawn_reason)
           VALUES (%(id)s, %(round)s, %(station_id)s, %(area)s, %(first)s, %(last)s, %(at)s, %(by)s, '')""",
        told | {"id": given.range_id, "station_id": station[0], "area": station[1], "at": at, "by": actor.id},
    )  # fmt: skip
    return str(station[1])


def range_withdraw(*, actor: Actor, at: datetime, id: uuid.UUID, reason: str) -> str:
    """Take a range back; again changes nothing. `sampling.range_unknown`, `access.reason_missing`."""
    if not reason.strip():
        raise RuleBroken("access.reason_missing")
    row = _one("SELECT area FROM sampling_tuberange WHERE id = %(id)s", {"id": id})
    if row is None:
        raise RuleBroken("sampling.range_unknown", status=404)
    scope.require(actor, "invite_device", row[0])
    _one(
        """UPDATE sampling_tuberange SET withdrawn_at = %(at)s, withdrawn_reason = %(reason)s
            WHERE id = %(id)s AND withdrawn_at IS NULL""",
        {"id": id, "at": at, "reason": reason.strip()},
    )
    return str(row[0])


# -- prints --------------------------------------------------------------------------------------


def labels_print(*, actor: Actor, at: datetime, given: LabelsPrint) -> tuple[str, int]:
    """Write down that labels are printed; tells the area and how many. What was printed before needs a reason.

    `sampling.print_scope` (no site or village named), `sampling.site_unknown`, `access.outside_area`,
    `sampling.print_nothing`, `sampling.print_again` (a reprint without a reason).
    """
    told = {
        "round": given.round_id, "kind": given.kind, "site": given.site_code, "station": given.station_code,
        "area": given.area, "first": given.first, "last": given.last, "digits": plan_codes.STATION,
    }  # fmt: skip
    area, labels = _counted(actor, given, told)
    again = _one(
        """SELECT 1 FROM sampling_labelprint WHERE round_id = %(round)s AND kind = %(kind)s AND site_code = %(site)s
              AND (station_code = '' OR %(station)s IN ('', station_code))
              AND (%(kind)s <> 'resident' OR area ^@ %(area)s OR %(area)s ^@ area)
              AND (%(kind)s <> 'box' OR (first <= %(last)s AND last >= %(first)s)) LIMIT 1""",
        told,
    )
    reason = given.reason.strip()
    if again is not None and not reason:
        raise RuleBroken("sampling.print_again", status=409)
    _one(
        """INSERT INTO sampling_labelprint (id, round_id, kind, area, site_code, station_code, first, last, labels,
                                            again, reason, printed_by, printed_at)
           VALUES (%(id)s, %(round)s, %(kind)s, %(area)s, %(site)s, %(station)s, %(first)s, %(last)s, %(labels)s,
                   %(again)s, %(reason)s, %(by)s, %(at)s)""",
        told | {"id": given.print_id, "area": area, "labels": labels, "again": again is not None, "reason": reason,
                "by": actor.id, "at": at},
    )  # fmt: skip
    return area, labels


def _counted(actor: Actor, given: LabelsPrint, told: dict[str, Any]) -> tuple[str, int]:
    """Where the labels belong, and how many there are."""
    if given.last < given.first:
        raise RuleBroken("sampling.print_scope")
    if given.kind == "resident":
        if not plan_codes.PROVINCE < len(given.area) <= plan_codes.REGION:
            raise RuleBroken("sampling.print_scope")
        for permission in ("invite_device", "see_persons"):
            scope.require(actor, permission, given.area)
        row = _one(
            "SELECT count(*) FROM campaigns_dueperson WHERE round_id = %(round)s AND area ^@ %(area)s",
            told,
        )
        area, labels = given.area, 0 if row is None else int(row[0])
    else:
        if not given.site_code:
            raise RuleBroken("sampling.print_scope")
        row = _one(
            """SELECT s.area, count(st.id) FROM sampling_site s LEFT JOIN sampling_station st
                   ON st.site_id = s.id AND %(station)s IN ('', st.code)
                  AND (%(kind)s <> 'box' OR length(st.code) = %(digits)s)  -- a box code begins with a lane's digits
                WHERE s.round_id = %(round)s AND s.code = %(site)s GROUP BY s.id""",
            told,
        )
        if row is None:
            raise RuleBroken("sampling.site_unknown", status=404)
        scope.require(actor, "invite_device", row[0])
        each = {"site": 1, "station": row[1], "box": row[1] * (given.last - given.first + 1)}
        area, labels = str(row[0]), each[given.kind]
    if not labels:
        raise RuleBroken("sampling.print_nothing", status=404)
    return area, labels
