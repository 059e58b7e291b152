"""A small town in the middle of a round, who works there, and what they may do wrong.

`Town` sends what a row of the table says and reads the answer into one shape: `Told`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from yingjian.access import scope
from yingjian.access.actor import SYSTEM
from yingjian.access.permissions import ROLES
from yingjian.access.tests import factories
from yingjian.access.tests.factories import NOON, TOWN_A, new_id
from yingjian.campaigns.tests import factories as campaigns
from yingjian.kernel.errors import sentence
from yingjian.planning import jobs as planning_jobs
from yingjian.planning.models import CandidateList
from yingjian.population import actions as population
from yingjian.population import jobs
from yingjian.population.models import BuildingList
from yingjian.population.tests.files import person, write_csv
from yingjian.sampling.tests import factories as sampling

REGIONS: Final = Path(__file__).resolve().parents[2] / "data" / "regions"
OTHER_TOWN: Final = "231183102"
LATER: Final = NOON + timedelta(hours=2)
STREAM: Final = "application/octet-stream"


@dataclass(frozen=True)
class Told:
    """What somebody was told: the HTTP status, the code, its parameters, and how far the thing got.

    `kept`: `refused` (an error), `parked` (a verdict), `flagged` (taken, with a mark), `taken`, `problem` (found in a
    roster, whose state is `state`).
    """

    status: int
    kept: str
    code: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    says: str = ""
    do: str = ""
    state: str = ""


def told(answer: Any) -> Told:
    """An answer in one shape. A refusal that is not this house's JSON fails the row."""
    if answer.status_code < 400:
        return Told(answer.status_code, "taken")
    assert answer["Content-Type"].startswith("application/json"), answer.content[:300]
    body = json.loads(answer.content)
    assert set(body) >= {"code", "says", "do", "params"}, body
    return Told(
        answer.status_code, "refused", body["code"], body["params"], body["says"], body["do"]
    )


def verdict(answer: Any) -> Told:
    """The verdict on the first command of a request, or the request's own refusal."""
    if answer.status_code >= 400:
        return told(answer)
    given = answer.json()["verdicts"][0]
    if given["verdict"] == "parked" or given.get("first") == "parked":
        return Told(200, "parked", given["code"], given["params"], given["says"], given["do"])
    answered = given.get("answer", {})
    flags = answered.get("flags") or answered.get("tube") or answered.get("swabs")
    if isinstance(flags, dict):
        flags = sorted({flag for some in flags.values() for flag in some})
    if answered.get("held"):
        return Told(200, "flagged", answered["held"][0]["code"])
    return Told(200, "flagged" if flags else "taken", ",".join(flags or []))


def _signed_in(role: str, area: str, headers: dict[str, str]) -> Client:
    made = factories.user(role, area)
    client = Client(enforce_csrf_checks=True, headers=headers, raise_request_exception=False)
    client.defaults["HTTP_X_CSRFTOKEN"] = factories.sign_in(client, made)["csrf"]
    return client


class Town:
    """The ground every row of the table stands on."""

    def __init__(self) -> None:
        for name in ("231183101-yilaha.csv", "640121-yongning.csv"):
            population.regions_import(actor=SYSTEM, path=REGIONS / name)
        self.field = sampling.a_field(people=24)
        self.round_id, self.people = self.field.round_id, self.field.people
        self.device, self.secret = factories.device(self.field.phone.station_code)
        self.drafted_before = campaigns.drafted(TOWN_A)
        self.users = {
            (role, area): _signed_in(role, area, self.headers())
            for role in sorted(set(ROLES) - {"system"})
            for area in (TOWN_A, OTHER_TOWN)
        }
        self.tube, self.tube_code = new_id(), "T0001"
        self.recorded = sampling.recorded(self.tube_code, self.people[:5], tube=self.tube)
        good = self.sync([self._as_sent(self.recorded)])
        assert verdict(good).kept == "taken", good.content

    @staticmethod
    def _as_sent(command: Any) -> dict[str, Any]:
        return {"id": str(command.id), "kind": command.kind, "at": command.at.isoformat(),
                "payload": json.loads(bytes(command.payload))}  # fmt: skip

    # -- sending ------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return LATER

    def headers(self, **more: str) -> dict[str, str]:
        return {"X-Yingjian-At": self.now.isoformat(), "Accept-Language": "zh-CN", **more}

    @property
    def phone(self) -> dict[str, str]:
        return self.headers(Authorization=f"Device {self.device.id}:{self.secret}")

    def user(self, role: str, area: str = TOWN_A) -> Client:
        """Somebody signed in with one role in one area."""
        return self.users[role, area]

    @cached_property
    def nobody(self) -> Client:
        return Client(headers=self.headers(), raise_request_exception=False)

    def raw(self, body: bytes, *, role: str = "", path: str = "/api/commands") -> Any:
        """A body as it is: from a device, or from a user."""
        if not role:
            return self.nobody.post("/api/sync", body, content_type=STREAM, headers=self.phone)
        return self.user(role).post(path, body, content_type="application/json")

    def sync(self, commands: list[Any], **more: Any) -> Any:
        return self.raw(json.dumps({"commands": commands, **more}, default=str).encode())

    def said(self, kind: str, payload: Any, **changed: Any) -> Told:
        """One command from the phone at the station."""
        return verdict(self.sync([self.command(kind, payload, **changed)]))

    def does(
        self, role: str, kind: str, payload: Any, *, area: str = TOWN_A, **changed: Any
    ) -> Told:
        """One command from a user."""
        body = {"commands": [self.command(kind, payload, **changed)]}
        sent = json.dumps(body, default=str)
        return verdict(
            self.user(role, area).post("/api/commands", sent, content_type="application/json")
        )

    def done(self, role: str, kind: str, payload: Any, **changed: Any) -> None:
        """A command that must go through, to set the scene."""
        got = self.does(role, kind, payload, **changed)
        assert got.kept in {"taken", "flagged"}, (kind, got)

    def command(self, kind: str, payload: Any, **changed: Any) -> dict[str, Any]:
        return {"id": new_id(), "kind": kind, "at": self.now, "payload": payload, **changed}

    def get(self, role: str, path: str, *, area: str = TOWN_A) -> Told:
        return told(self.user(role, area).get(f"/api{path}"))

    def post(self, role: str, path: str, body: Any, *, area: str = TOWN_A) -> Told:
        sent = json.dumps(body, default=str)
        return told(
            self.user(role, area).post(f"/api{path}", sent, content_type="application/json")
        )

    # -- rosters ------------------------------------------------------------------------------

    def upload(self, content: bytes, name: str = "花名册.xlsx", **form: Any) -> Any:
        file = SimpleUploadedFile(name, content)
        given = {"file": file, "area": TOWN_A, **form}
        return self.user("town_worker").post("/api/rosters", given)

    def roster(self, content: bytes, name: str = "花名册.xlsx", **form: Any) -> Told:
        """Hand in a roster, let the job read it, and read the first thing it found."""
        answer = self.upload(content, name, **form)
        if answer.status_code != 202:
            return told(answer)
        run = answer.json()["id"]
        actor = {"actor_id": str(uuid.UUID(int=7)), "actor_name": "x"}
        jobs.import_roster(
            import_id=run, at=self.now.isoformat(), region=form.get("region", ""), **actor
        )
        state = self.user("town_worker").get(f"/api/rosters/{run}").json()["state"]
        found = self.user("town_worker").get(f"/api/rosters/{run}/problems").json()["items"]
        if not found:
            return Told(202, "taken", state=state)
        worst = next((one for one in found if one["refused"]), found[0])
        return Told(
            202, "problem", worst["code"], worst["params"], worst["says"], worst["do"], state
        )

    last_list = uuid.UUID(int=0)

    def places(
        self, content: bytes, name: str = "点.csv", *, subject: str = "candidates", **form: Any
    ) -> Told:
        """Hand in a list of places, let the job read it, and read the first thing it found; nothing else changes."""
        given = {"file": SimpleUploadedFile(name, content), "area": TOWN_A, **form}
        role = "round_planner" if subject == "candidates" else "town_worker"
        answer = self.user(role).post(f"/api/{subject}/lists", given)
        if answer.status_code != 202:
            return told(answer)
        self.last_list = uuid.UUID(answer.json()["item"]["id"])
        reads = {"candidates": planning_jobs.read_candidates, "buildings": jobs.read_buildings}
        reads[subject](list_id=str(self.last_list), at=self.now.isoformat())
        model = CandidateList if subject == "candidates" else BuildingList
        with scope.everywhere():
            found = model.objects.get(id=self.last_list)
        problem = found.error or (found.problems[0]["faults"][0] if found.problems else {})
        if not problem:
            return Told(202, "taken", state=found.state)
        says = sentence(problem["code"], "zh", problem["params"])
        return Told(202, "problem", problem["code"], problem["params"], **says, state="refused")

    def csv(self, folder: Path, *lines: list[str], **given: Any) -> bytes:
        return write_csv(folder / "r.csv", list(lines), **given).read_bytes()

    # -- the bench ----------------------------------------------------------------------------

    @cached_property
    def laboratory(self) -> uuid.UUID:
        """A laboratory of the town that holds the tube, with a result of it entered by the reviewer."""
        lab = new_id()
        given = {"laboratory_id": lab, "code": "L1", "name": "检验科", "kind": "hospital", "area": TOWN_A,
                 "tubes_per_day": 1000}  # fmt: skip
        self.done("administrator", "lab.add", given)
        self.done(
            "laboratory_clerk", "tube.receive",
            {"receipt_id": new_id(), "laboratory_id": lab, "round_id": self.round_id, "tube_codes": [self.tube_code]},
        )  # fmt: skip
        return lab

    @cached_property
    def run(self) -> uuid.UUID:
        run = new_id()
        self.done(
            "laboratory_clerk", "run.start",
            {"run_id": run, "laboratory_id": self.laboratory, "round_id": self.round_id, "instrument": "PCR-1",
             "kit": "k", "tube_codes": [self.tube_code]},
        )  # fmt: skip
        return run

    def result(
        self, by: str = "laboratory_clerk", outcome: str = "negative", code: str = ""
    ) -> uuid.UUID:
        """A result of the tube, entered and waiting for its second person."""
        made = new_id()
        given = {"laboratory_id": self.laboratory, "run_id": self.run, "tested_at": self.now,
                 "results": [{"result_id": made, "tube_code": code or self.tube_code, "outcome": outcome}]}  # fmt: skip
        self.done(by, "result.enter", given)
        return made

    # -- rounds -------------------------------------------------------------------------------

    def drafted(self) -> uuid.UUID:
        return campaigns.drafted(TOWN_A)

    def frozen(self) -> uuid.UUID:
        return campaigns.frozen(TOWN_A)

    def reconciling(self) -> uuid.UUID:
        return campaigns.active(TOWN_A, state="reconciling")


# -- what is stored -------------------------------------------------------------------------------

Stored = dict[str, dict[str, str]]
"""Table → primary key → the row as text."""


def stored() -> Stored:
    """Every row of every room, as it is."""
    from django.apps import apps

    found: Stored = {}
    with scope.everywhere(), connection.cursor() as cursor:
        for config in apps.get_app_configs():
            if not config.name.startswith("yingjian."):
                continue
            for model in config.get_models():
                meta = model._meta
                assert meta.pk is not None
                cursor.execute(f'SELECT "{meta.pk.column}"::text, t::text FROM "{meta.db_table}" t')
                found[meta.db_table] = dict(cursor.fetchall())
    return found


def added(before: Stored, after: Stored) -> dict[str, int]:
    """How many rows each table has more."""
    more = {table: len(set(after[table]) - set(before[table])) for table in after}
    return {table: count for table, count in more.items() if count}


def lost(before: Stored, after: Stored) -> list[tuple[str, str]]:
    """Rows that are gone."""
    return [
        (table, key) for table, rows in before.items() for key in rows if key not in after[table]
    ]


def changed(before: Stored, after: Stored) -> set[str]:
    """Tables in which a row that was there reads otherwise now."""
    return {
        table
        for table, rows in before.items()
        if any(after[table].get(key, text) != text for key, text in rows.items())
    }


__all__ = [
    "OTHER_TOWN",
    "Told",
    "Town",
    "added",
    "changed",
    "lost",
    "person",
    "stored",
    "told",
    "verdict",
]
