"""Two towns with records of every kind, and what only the first of them knows.

The played round fills most tables in both towns. `dress` adds, through the same API, what a round's day does not
bring: a round of the town's own with a plan and a report, staff, tasks, a device invited, a parked command, a roster
with a faulty line, a laboratory with a held result. `secrets` then reads, as the tables' owner, every id, code, name
and number that stands in rows of the first town and in none of the second: no answer to the second may hold one.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import psycopg
from python_calamine import CalamineWorkbook

from drill.client import AT
from tests.played import COUNTY, Asker, Played
from yingjian.access import security
from yingjian.access.permissions import ROLES
from yingjian.campaigns.preset_schema import EXCUSES

EVERY_ROLE: Final = sorted(set(ROLES) - {"system", "hub"})  # those a person can hold
PROVINCE: Final = COUNTY[
    :2
]  # laboratories of the province serve the county; only from above are they all seen
_WORD: Final = re.compile(r"[\w.-]+")
_CELL: Final = re.compile(r">([^<>]+)<")
_SHORT: Final = (
    6  # letters of a word that could turn up by chance; a name of three characters could not
)
_TEXT: Final = ("text", "character varying")
VOCABULARY: Final = {"kind", "outcome"}  # columns of the system's own words, the same in every town
BEARS_A_CODE: Final = {"sampling_tube", "logistics_box"}


@dataclass
class Town:
    """One town and what can be asked about it: for each parameter of a route the values that exist there."""

    area: str
    known: dict[str, list[str]] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    """Told apart from an earlier walk over the same system."""

    @property
    def planted(self) -> str:
        """A number in a roster's line that is refused: it stands sealed in one row and plain in none."""
        return f"99{self.mark}{self.area}"

    @property
    def village(self) -> str:
        return f"{self.area}001"


def dress(asker: Asker, town: Town, played: Played) -> None:
    """Records a played round does not bring, made by somebody of the town who may do everything there."""
    own_round = asker.new()
    _dress_round(asker, town, own_round)
    _dress_staff(asker, town, played, own_round)
    _dress_goods(asker, town, own_round)
    _dress_field(asker, town, played)
    _dress_bench(asker, town, played)
    _dress_places(asker, town, played)
    _searched(asker, own_round)
    _rehearsed(asker, own_round)
    town.known |= {"sampled_round": [played.round_id]}
    town.known |= {"round_id": [played.round_id, own_round], "imported": [_roster(asker, town)]}


def _dress_round(asker: Asker, town: Town, own_round: str) -> None:
    """A campaign and a round of its own, with a plan, a stated figure and a report."""
    at, new, area = asker.at, asker.new, town.area
    campaign, plan, report = new(), new(), new()
    window = {"window_start": at.isoformat(), "window_end": (at + timedelta(days=1)).isoformat()}
    asker.done(
        "campaign.create", campaign_id=campaign, area=area, name=f"筛查行动{town.mark}", trigger="t"
    )
    asker.done(
        "round.create", round_id=own_round, campaign_id=campaign, no=7, area=area, name=f"本地轮次{town.mark}",
        preset={"code": "yongning"}, **window,
    )  # fmt: skip
    asker.done("round.freeze", round_id=own_round)
    asker.done("plan.propose", plan_id=plan, round_id=own_round)
    asker.done("plan.search", plan_id=new(), round_id=own_round, options={"seconds": 1})
    asker.done(
        "figure.state", round_id=own_round, figure="sites", value=3, source=f"来源{town.mark}"
    )
    answer = asker.ask(
        "POST", f"/rounds/{own_round}/reports", json={"report_id": report, "form": "work"}
    )
    assert answer.status_code == 200, answer.text


def _searched(asker: Asker, own_round: str, *, seconds: float = 120.0) -> None:
    """Wait until the plan that is looked for is found, so that nothing changes by itself during the walk."""
    until = time.monotonic() + seconds
    while True:
        found = asker.ask("GET", f"/rounds/{own_round}/plan-searches").json()["items"]
        if found and all(one["state"] not in {"waiting", "running"} for one in found):
            return
        assert time.monotonic() < until, found
        time.sleep(0.2)


def _rehearsed(asker: Asker, own_round: str, *, seconds: float = 120.0) -> None:
    """Wait until every plan is rehearsed as the walk asks for it: the first to ask begins it."""
    until = time.monotonic() + seconds
    for plan in asker.ask("GET", f"/rounds/{own_round}/plans").json()["items"]:
        path = f"/plans/{plan['id']}/rehearsal?runs=3&trials=1"
        while (answer := asker.ask("GET", path)).status_code != 200:
            assert answer.status_code == 202, answer.text
            assert time.monotonic() < until, answer.text
            time.sleep(0.2)


def _dress_staff(asker: Asker, town: Town, played: Played, own_round: str) -> None:
    """An institution, somebody of it at a post, a work group, a training."""
    at, new, area = asker.at, asker.new, town.area
    staff, institution = new(), new()
    site = _one(played, "SELECT code FROM sampling_site WHERE area ^@ %s ORDER BY code", area)
    asker.done(
        "institution.add",
        institution_id=institution,
        area=area,
        name=f"卫生院{town.mark}",
        kind="hospital",
    )
    member = {"staff_id": staff, "institution_id": institution, "name": f"采样员甲{town.mark}", "job": "sampler",
              "area": area, "qualified_for": ["sampler"]}  # fmt: skip
    asker.done("staff.add", staff=[member])
    post = {"post_id": new(), "round_id": own_round, "staff_id": staff, "job": "sampler", "site_code": site,
            "starts": at.isoformat(), "ends": (at + timedelta(hours=4)).isoformat()}  # fmt: skip
    asker.done("post.assign", posts=[post])
    asker.done(
        "workgroup.add",
        group_id=new(),
        round_id=own_round,
        area=area,
        name=f"专班{town.mark}",
        leader="某",
    )
    asker.done(
        "training.record", training_id=new(), area=area, topic=f"培训{town.mark}", held_at=at.isoformat(),
        attended=3, round_id=own_round,
    )  # fmt: skip


def _dress_goods(asker: Asker, town: Town, own_round: str) -> None:
    """A task, a vehicle, goods into a store, an organisation."""
    new, area = asker.new, town.area
    asker.done(
        "task.open", task_id=new(), kind="finding", area=area, title=f"问题{town.mark}", owner_role="site_lead",
        round_id=own_round,
    )  # fmt: skip
    asker.done(
        "vehicle.add",
        vehicle_id=new(),
        plate=f"宁{town.mark}",
        driver=f"驾{town.mark}",
        route="t",
        area=area,
    )
    asker.done(
        "supply.move", move_id=new(), item="protective_suit", giver="supplier", taker=f"库房{town.mark}", quantity=2,
        area=area, round_id=own_round, form_no=f"RK{town.mark}",
    )  # fmt: skip
    asker.done(
        "organisation.add", organisation_id=new(), title=f"单位{town.mark}", kind="town", area=area
    )


def _dress_field(asker: Asker, town: Town, played: Played) -> None:
    """An invitation, a count, a tube with an unreadable code, a command parked and one decided."""
    at, new, token = asker.at, asker.new, asker.new()
    station = _one(
        played, "SELECT code FROM sampling_station WHERE area ^@ %s ORDER BY code", town.area
    )
    asker.done(
        "device.invite", token_id=token, station_code=station, area=town.village, role="sampler"
    )
    asker.done(
        "device.invite", token_id=new(), station_code=f"hub-{town.mark}", area=town.area, role="hub"
    )
    asker.done(
        "range.give", range_id=new(), round_id=played.round_id, station_code=station, first=f"{town.mark}0001",
        last=f"{town.mark}9999",
    )  # fmt: skip
    asker.done(
        "labels.print", print_id=new(), round_id=played.round_id, kind="resident", area=town.village,
        reason=f"补印{town.mark}",
    )  # fmt: skip
    asker.done(
        "rack.count", count_id=new(), tubes=9_999, by=f"清点人{town.mark}", station_code=station
    )
    swab = new()
    asker.done(
        "tube.record", tube_id=new(), code=f"T{town.mark}", mode="pool", capacity=10, opened_at=at.isoformat(),
        sealed_at=at.isoformat(), count=1, station_code=station,
        swabs=[{"swab_id": swab, "at": at.isoformat(), "entry": "code", "token": "no code at all"}],
    )  # fmt: skip
    flagged = {"kind": "swab", "id": swab, "flag": "code_garbled"}
    asker.done("flag.decide", subjects=[flagged], decision="kept", reason=f"已判{town.mark}")
    for _ in range(2):
        gone = asker.send("tube.void", {"tube_id": new(), "reason": "t"}, path="/sync")
        parked = gone.json()["verdicts"][0]
        assert parked["verdict"] == "parked", parked
    lost = _one(played, "SELECT id FROM population_person WHERE area ^@ %s ORDER BY id", town.area)
    asker.done("codes.revoke", revocation_id=new(), person_id=lost, reason=f"码已丢失{town.mark}")
    asker.done(
        "parked.decide", command_id=parked["id"], decision="closed", reason=f"已核{town.mark}"
    )


def _dress_places(asker: Asker, town: Town, played: Played) -> None:
    """A list of candidate sites in force, and a list of buildings that was read."""
    home = _one(
        played, "SELECT no FROM population_household WHERE area ^@ %s ORDER BY no", town.area
    )
    for kind, line in (
        (
            "candidates",
            f"编号,名称,区划代码,经度,纬度\nA{town.mark},广场{town.mark},{town.village},106.2,38.2\n",
        ),
        ("buildings", f"区划代码,户号,经度,纬度\n{town.village},{home},106.2,38.2\n"),
    ):
        file = {"file": (f"{kind}-{town.mark}.csv", line.encode())}
        answer = asker.ask("POST", f"/{kind}/lists", data={"area": town.area}, files=file)
        assert answer.status_code == 202, answer.text
        list_id, until = answer.json()["item"]["id"], time.monotonic() + 60
        while (told := asker.ask("GET", f"/{kind}/lists/{list_id}").json()["item"])["state"] in {
            "waiting",
            "reading",
        }:
            assert time.monotonic() < until, told
            time.sleep(0.2)
        assert told["state"] == "ready", told
        if kind == "candidates":
            asker.done("candidate.import", candidate_list_id=list_id)


def _dress_bench(asker: Asker, town: Town, played: Played) -> None:
    """A laboratory with a tube of the town, a run, and a result nobody can bind to a tube."""
    at, new, area, lab, run = asker.at, asker.new, town.area, asker.new(), asker.new()
    tube = f"T{town.mark}"
    asker.done(
        "lab.add", laboratory_id=lab, code=f"LAB-{town.mark}", name=f"化验室{town.mark}", kind="hospital", area=area,
        tubes_per_day=100,
    )  # fmt: skip
    asker.done(
        "tube.receive",
        receipt_id=new(),
        laboratory_id=lab,
        round_id=played.round_id,
        tube_codes=[tube],
    )
    asker.done(
        "run.start", run_id=run, laboratory_id=lab, round_id=played.round_id, instrument=f"PCR-{town.mark}", kit="k",
        tube_codes=[tube],
    )  # fmt: skip
    asker.done(
        "result.enter", laboratory_id=lab, run_id=run, tested_at=at.isoformat(),
        results=[{"result_id": new(), "tube_code": f"NONE{town.mark}", "outcome": "negative"}],
    )  # fmt: skip


def _roster(asker: Asker, town: Town) -> str:
    """A roster with one line that is refused; its import, when the job has read it."""
    text = io.StringIO()
    csv.writer(text).writerows(
        [
            ["姓名", "证件号码", "现住村(社区)代码", "证件类型"],
            ["王某某", town.planted, town.village, "居民身份证"],
        ]
    )
    run = asker.new()
    file = {"file": (f"花名册{town.mark}.csv", text.getvalue().encode())}
    answer = asker.ask("POST", "/rosters", data={"area": town.area, "import_id": run}, files=file)
    assert answer.status_code == 202, answer.text
    return run


def _one(played: Played, query: str, area: str) -> str:
    with played.sql() as connection:
        row = connection.execute(query, [area]).fetchone()
    assert row is not None, query
    return str(row[0])


# -- what exists in a town ------------------------------------------------------------------------

_KNOWN: Final = {
    # parameter of a route, or field of a command: what exists in the town
    "site_id": "SELECT id FROM sampling_site WHERE area ^@ %(a)s",
    "site_code": "SELECT code FROM sampling_site WHERE area ^@ %(a)s",
    "station_code": "SELECT code FROM sampling_station WHERE area ^@ %(a)s",
    "tube_id": "SELECT id FROM sampling_tube WHERE area ^@ %(a)s ORDER BY state, id",
    "tube_code": "SELECT code FROM sampling_tube WHERE area ^@ %(a)s AND code <> '' ORDER BY state, id",
    "box_id": "SELECT id FROM logistics_box WHERE area ^@ %(a)s",
    "box_code": "SELECT code FROM logistics_box WHERE area ^@ %(a)s",
    "revocation_id": "SELECT id FROM sampling_revocation WHERE area ^@ %(a)s",
    "swab_id": "SELECT id FROM sampling_swab WHERE area ^@ %(a)s ORDER BY id",
    "flagged_id": "SELECT id FROM sampling_swab WHERE area ^@ %(a)s AND flags ? 'code_garbled' ORDER BY id DESC",
    "matter_key": """(SELECT 'parked.' || command_id FROM access_journal WHERE area ^@ %(a)s AND verdict = 'parked'
                       ORDER BY seq DESC LIMIT 1)
                     UNION ALL (SELECT 'swab.' || id || '.code_garbled' FROM sampling_swab
                       WHERE area ^@ %(a)s AND flags ? 'code_garbled' ORDER BY id DESC LIMIT 1)""",
    "print_id": "SELECT id FROM sampling_labelprint WHERE area ^@ %(a)s ORDER BY printed_at DESC",
    "range_id": "SELECT id FROM sampling_tuberange WHERE area ^@ %(a)s ORDER BY given_at DESC",
    "person_id": """(SELECT person_id FROM cases_positive WHERE area ^@ %(a)s LIMIT 1) UNION ALL
                    (SELECT person_id FROM campaigns_dueperson WHERE area ^@ %(a)s AND state = 'missed' LIMIT 1)""",
    "pool_id": "SELECT id FROM cases_flaggedpool WHERE area ^@ %(a)s ORDER BY id",
    "positive_id": "SELECT id FROM cases_positive WHERE area ^@ %(a)s ORDER BY id",
    "member_id": "SELECT id FROM cases_poolmember WHERE area ^@ %(a)s ORDER BY id",
    "dispatch_id": "SELECT id FROM cases_dispatch WHERE area ^@ %(a)s ORDER BY id",
    "notice_id": "SELECT id FROM cases_notice WHERE area ^@ %(a)s ORDER BY id",
    "plan_id": "SELECT id FROM planning_planrecord WHERE area ^@ %(a)s OR area = %(county)s ORDER BY length(area) DESC",
    "report_id": "SELECT id FROM oversight_report WHERE area ^@ %(a)s OR area = %(county)s ORDER BY length(area) DESC",
    "laboratory_id": "SELECT id FROM laboratory_laboratory WHERE code = 'LAB-' || %(mark)s",
    "run_id": "SELECT id FROM laboratory_run WHERE area ^@ %(a)s",
    "receipt_id": "SELECT id FROM laboratory_receipt WHERE area ^@ %(a)s",
    "result_id": "SELECT id FROM laboratory_result WHERE area ^@ %(a)s ORDER BY id",
    "held_id": "SELECT id FROM laboratory_heldresult WHERE area ^@ %(a)s",
    "token_id": """SELECT id FROM access_enroltoken WHERE area ^@ %(a)s AND used_at IS NULL AND cancelled_at IS NULL
                    ORDER BY issued_at DESC""",
    "invited_site": """SELECT si.code FROM sampling_site si JOIN sampling_station st ON st.site_id = si.id
                         JOIN access_enroltoken t ON t.station_code = st.code
                        WHERE si.area ^@ %(a)s AND t.used_at IS NULL AND t.cancelled_at IS NULL LIMIT 1""",
    "device_id": "SELECT id FROM access_device WHERE area ^@ %(a)s",
    "user_id": "SELECT id FROM access_user WHERE area ^@ %(a)s",
    "organisation_id": "SELECT id FROM access_organisation WHERE area ^@ %(a)s",
    "command_id": """SELECT command_id FROM access_journal WHERE area ^@ %(a)s AND verdict = 'parked'
                      ORDER BY seq DESC LIMIT 2""",
    "campaign_id": "SELECT id FROM campaigns_campaign WHERE area ^@ %(a)s",
    "discrepancy_id": "SELECT id FROM logistics_discrepancy WHERE area ^@ %(a)s",
    "vehicle_id": "SELECT id FROM logistics_vehicle WHERE area ^@ %(a)s",
    "lot_id": "SELECT id FROM logistics_wastelot WHERE area ^@ %(a)s",
    "move_id": "SELECT id FROM logistics_supplymove WHERE area ^@ %(a)s",
    "handover_id": "SELECT id FROM logistics_handover WHERE area ^@ %(a)s",
    "order_id": "SELECT id FROM containment_disinfectionorder WHERE area ^@ %(a)s",
    "candidate_list_id": "SELECT id FROM planning_candidatelist WHERE area ^@ %(a)s",
    "candidate_id": "SELECT id FROM planning_candidate WHERE area ^@ %(a)s",
    "building_list_id": "SELECT id FROM population_buildinglist WHERE area ^@ %(a)s",
    "task_id": "SELECT id FROM ledgers_task WHERE area ^@ %(a)s ORDER BY done_at NULLS FIRST",
    "staff_id": "SELECT id FROM workforce_staffmember WHERE area ^@ %(a)s",
    "institution_id": "SELECT id FROM workforce_institution WHERE area ^@ %(a)s",
    "group_id": "SELECT id FROM workforce_workgroup WHERE area ^@ %(a)s",
    "post_id": "SELECT id FROM workforce_post WHERE area ^@ %(a)s",
    "training_id": "SELECT id FROM workforce_training WHERE area ^@ %(a)s",
    "count_id": "SELECT id FROM sampling_rackcount WHERE area ^@ %(a)s",
}


def look_up(played: Played, town: Town) -> None:
    """Fill `town.known` from the tables; everything asked for must exist, or the walk proves nothing."""
    with played.sql() as connection:
        for name, query in _KNOWN.items():
            rows = connection.execute(
                query, {"a": town.area, "county": COUNTY, "mark": town.mark}
            ).fetchall()
            town.known[name] = [str(row[0]) for row in rows]
            assert town.known[name], f"there is no {name} in {town.area}"
    line = next(row for row in people(played) if row[0] == town.village)
    town.known["id_number"], town.known["phone"] = [line[2]], [line[3]]
    town.known["import_id"] = town.known.pop("imported")


def people(played: Played) -> Iterator[tuple[str, str, str, str]]:
    """Village, name, document number, telephone of everybody, from the roster as it was handed in."""
    head, *lines = CalamineWorkbook.from_path(str(played.roster)).get_sheet_by_index(0).to_python()
    column = {str(title): at for at, title in enumerate(head)}
    village = next(at for title, at in column.items() if title.startswith("现住村"))
    for line in lines:
        if str(line[village]).strip():
            yield (
                str(line[village]),
                str(line[column["姓名"]]),
                str(line[column["证件号码"]]),
                str(line[column["联系电话"]]),
            )


# -- what only one town knows ---------------------------------------------------------------------


def _columns(connection: psycopg.Connection[Any]) -> list[tuple[str, str, bool, bool]]:
    """(table, column, is an id, its table has an area) of every text and id column of the rooms' tables."""
    scoped = set(security.scoped_tables())
    found = connection.execute(
        """SELECT table_name, column_name, data_type FROM information_schema.columns
            WHERE table_schema = 'public' AND data_type = ANY(%s)""",
        [["uuid", *_TEXT]],
    ).fetchall()
    rooms = tuple(f"{table.split('_')[0]}_" for table in scoped)
    return [
        (table, column, kind == "uuid", table in scoped)
        for table, column, kind in found
        if table.startswith(rooms)
    ]


def secrets(played: Played, town: Town, stranger: Town) -> dict[str, str]:
    """Ids, codes, names and numbers in rows of `town` that stand in no row of the stranger's: value → where.

    What also stands in rows of the county or the province stays a secret: a town does not see those either.
    """
    own: dict[str, str] = {}
    others: set[str] = set(EXCUSES)  # every preset tells them to whoever may read it
    with played.sql() as connection:
        for table, column, is_id, scoped in _columns(connection):
            if column in VOCABULARY or (column.endswith("area") and column != "area_name"):
                continue
            if not scoped:
                rows = connection.execute(
                    f'SELECT DISTINCT "{column}"::text FROM "{table}"'
                ).fetchall()
                others |= {str(value) for (value,) in rows if value}
                continue
            rows = connection.execute(
                f'SELECT DISTINCT "{column}"::text, area ^@ %s, area ^@ %s FROM "{table}"',
                [town.area, stranger.area],
            ).fetchall()
            for value, here, there in rows:
                if value and here and (is_id or tells(value)):
                    own[value] = f"{own.get(value, '')} {table}.{column}".strip()
                elif value and there:
                    others.add(value)
    for village, name, number, phone in people(played):
        for column, value in (("name", name), ("number", number), ("phone", phone)):
            if village.startswith(town.area) and tells(value):
                own.setdefault(value, f"the roster's {column}")
            elif not village.startswith(town.area):
                others.add(value)
    return {value: source for value, source in own.items() if value not in others}


def tells(value: str) -> bool:
    """Whether a text is particular enough to be looked for."""
    chinese = any("一" <= letter <= "鿿" for letter in value)
    return len(value) >= (3 if chinese else _SHORT)


def found_in(
    answer: httpx.Response, wanted: Mapping[str, str], *, asked: str = ""
) -> dict[str, str]:
    """Which of the wanted values an answer holds, apart from those that stood in the question."""
    words = set(_words(answer.content))
    told = {word for word in words if word in wanted}
    return {value: wanted[value] for value in told if value not in asked}


def _words(content: bytes) -> Iterator[str]:
    if content.startswith(b"PK\x03\x04"):  # a workbook or a document: the text of each of its parts
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                text = archive.read(name).decode("utf-8", "replace")
                for cell in _CELL.findall(text):
                    yield cell
                    yield from _WORD.findall(cell)
        return
    text = content.decode("utf-8", "replace")
    yield from _WORD.findall(text)
    try:
        yield from _strings(json.loads(text))
    except ValueError:
        return


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from itertools.chain.from_iterable(map(_strings, value.values()))
        yield from map(str, value)
    elif isinstance(value, list):
        yield from itertools.chain.from_iterable(map(_strings, value))


def fingerprint(played: Played, town: Town) -> dict[str, str]:
    """A digest of all rows of a town, table by table: two that are equal mean that nothing there was touched.

    A code that is used a second time marks both tubes or boxes that bear it (重码): those marks are left out.
    """
    asked = []
    for table in security.scoped_tables():
        row_text = "(to_jsonb(t) - 'flags')::text" if table in BEARS_A_CODE else "t::text"
        asked.append(
            f"""SELECT '{table}', count(*) || '/' || coalesce(sum(hashtextextended({row_text}, 0)), 0)
                  FROM "{table}" t WHERE area ^@ %(area)s"""
        )
    with played.sql() as connection:
        rows = connection.execute(" UNION ALL ".join(asked), {"area": town.area}).fetchall()
    return {str(table): str(digest) for table, digest in rows}


def fresh_id() -> str:
    return str(uuid.uuid4())


def number(connection: psycopg.Connection[Any], query: str, area: str) -> int:
    """The one number a query counts."""
    row = connection.execute(query, [area]).fetchone()
    assert row is not None
    return int(row[0])


# -- around the walk ------------------------------------------------------------------------------


def settled(asker: Asker, *, seconds: float = 120.0) -> None:
    """Wait until the news of what was done has arrived in every room."""
    until = time.monotonic() + seconds
    while asker.ask("GET", "/status").json()["jobs_waiting"]:
        assert time.monotonic() < until, "news is still on its way"
        time.sleep(0.1)


def swept(asker: Asker) -> None:
    """Let every late clock be marked by the system's own time, and the news of it arrive."""
    settled(asker)
    told = asker.headers.pop(AT)
    answer = asker.ask("POST", "/clocks/sweep", json={})
    assert answer.status_code == 200, answer.text
    settled(asker)
    asker.headers[AT] = told


@contextmanager
def only_role(played: Played, username: str, role: str) -> Iterator[None]:
    """Leave a user a single role for a while: by the owner's hand, because grants are only ever added."""
    query = """SELECT g.id, g.user_id, g.role, g.area FROM access_grant g JOIN access_user u ON u.id = g.user_id
                WHERE u.username = %s AND g.role <> %s"""
    with played.sql() as connection:
        taken = connection.execute(query, [username, role]).fetchall()
        connection.execute(
            "DELETE FROM access_grant WHERE id = ANY(%s)", [[row[0] for row in taken]]
        )
    try:
        yield
    finally:
        with played.sql() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO access_grant (id, user_id, role, area) VALUES (%s, %s, %s, %s)", taken
            )


class Phone(Asker):
    """An enrolled device: it speaks with its own secret instead of a session."""

    def __init__(self, played: Played, at: datetime, device_id: str, secret: str) -> None:
        super().__init__(played, at)
        self.headers["Authorization"] = f"Device {device_id}:{secret}"


def enrolled(asker: Asker, played: Played, area: str) -> Phone:
    """A device at the first station of a town, enrolled by somebody of the town."""
    station = _one(played, "SELECT code FROM sampling_station WHERE area ^@ %s ORDER BY code", area)
    token, device = asker.new(), asker.new()
    asker.done(
        "device.invite", token_id=token, station_code=station, area=f"{area}001", role="sampler"
    )
    told = asker.ask("GET", f"/devices/invitations/{token}").json()["token"]
    given = {"token": told, "device_id": device, "name": "phone"}
    answer = asker.ask("POST", "/devices/enrol", json=given)
    assert answer.status_code == 200, answer.text
    return Phone(played, asker.at, device, str(answer.json()["secret"]))
