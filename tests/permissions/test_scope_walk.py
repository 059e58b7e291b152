"""Nobody of one town sees, or changes, anything of another: every route, every command kind, every table.

The same questions that a stranger gets nothing from are asked by somebody of the town and by somebody of the province:
each route has to tell them something of it, so that a walk which asks the wrong thing fails too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

import httpx
import pytest

from config.postgres import APP_ROLE
from tests.permissions import towns
from tests.permissions.asked import ROUTES, Question, questions
from tests.permissions.kinds import FORGED, forge
from tests.permissions.test_routes import routes
from tests.permissions.towns import EVERY_ROLE, PROVINCE, Town
from tests.played import TOWN_A, TOWN_B, Asker, Played
from yingjian.access import journal, security
from yingjian.access.permissions import granted

pytestmark = pytest.mark.e2e
OK: Final = 400
SECRETS_LEAST: Final = 5_000
OPAQUE: Final = {
    "application/pdf",
    "application/octet-stream",
    "image/svg+xml",
}  # a stranger gets no such file at all


@dataclass(frozen=True)
class Ground:
    """Both towns dressed, the secrets of the first, and who asks: of the town, of the other one, of the province."""

    played: Played
    town: Town
    own: Town
    secrets: dict[str, str]
    neighbour: Asker
    stranger: Asker
    above: Asker


@pytest.fixture(scope="module")
def ground(round_played: Played) -> Iterator[Ground]:
    admin = Asker(round_played, round_played.after).sign_in(round_played.administrator)
    both, askers = [Town(TOWN_A), Town(TOWN_B)], {}
    for who, area in (("a", TOWN_A), ("b", TOWN_B), ("above", PROVINCE)):
        name = f"walker-{both[0].mark}-{who}"
        roles = [{"role": role, "area": area} for role in EVERY_ROLE]
        account = {"user_id": admin.new(), "username": name, "full_name": name, "area": area,
                   "password": round_played.password, "roles": roles}  # fmt: skip
        made = admin.ask("POST", "/users", json=account)
        assert made.status_code == 200, made.text
        askers[who] = Asker(round_played, round_played.after).sign_in(name)
    for town, who in zip(both, "ab", strict=True):
        towns.dress(askers[who], town, round_played)
    report = {"report_id": admin.new(), "form": "work"}
    told = askers["above"].ask("POST", f"/rounds/{round_played.round_id}/reports", json=report)
    assert told.status_code == 200, told.text
    # The system's own clock is years ahead: what is late by it is marked now, not in between.
    towns.swept(admin)
    for town in both:
        towns.look_up(round_played, town)
    secrets = towns.secrets(round_played, both[0], both[1]) | {both[0].planted: "a refused line"}
    yield Ground(round_played, both[0], both[1], secrets, askers["a"], askers["b"], askers["above"])
    for asker in (admin, *askers.values()):
        asker.http.close()


def put(asker: Asker, question: Question) -> httpx.Response:
    """Ask; no question may bring the system down."""
    if question.form is not None:
        files = {"file": ("r.csv", b"a,b\n1,2\n")}
        answer = asker.ask(question.method, question.path, data=question.form, files=files)
    else:
        answer = asker.ask(question.method, question.path, json=question.json)
    assert answer.status_code < 500, (question.path, answer.text[:500])
    return answer


def test_every_route_is_walked() -> None:
    assert set(ROUTES) == set(routes())


def test_the_towns_have_secrets_of_every_kind(ground: Ground) -> None:
    assert len(ground.secrets) > SECRETS_LEAST
    sources = {source for sources in ground.secrets.values() for source in sources.split()}
    tables = {source.split(".")[0] for source in sources}
    assert tables >= set(security.scoped_tables()), set(security.scoped_tables()) - tables


def test_whoever_may_see_the_town_is_told_of_it_by_every_route(ground: Ground) -> None:
    """The walk's own proof: each route, asked the same questions, does tell."""
    silent = {
        route
        for route, asks in ROUTES.items()
        if not any(ask.nothing for ask in asks) and not any(ask.changes for ask in asks)
    }
    mute = set()
    spoke = set()
    for question in questions(ground.town):
        if question.ask.changes or question.ask.machine:
            continue
        answers = [put(asker, question) for asker in (ground.neighbour, ground.above)]
        if any(answer.status_code < OK for answer in answers):
            spoke.add(question.route)
        elif question.ask.nothing:
            mute.add(question.route if question.ask.lacks else question.path)
        if any(towns.found_in(answer, ground.secrets) for answer in answers):
            silent.discard(question.route)
    assert silent == set(), "routes that told nobody anything of the town"
    assert mute - spoke == set()


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_a_stranger_is_told_nothing_by_any_route(ground: Ground, role: str) -> None:
    """For each role by itself: what it may ask for, it asks about the other town."""
    before = towns.fingerprint(ground.played, ground.town)
    with towns.only_role(ground.played, f"walker-{ground.town.mark}-b", role):
        leaks, open_files = [], []
        for question in questions(ground.town):
            permission = routes()[question.route]
            if question.route in SIGNED_OUT or (
                permission not in {"open", "signed in"} and permission not in granted(role)
            ):
                continue
            answer = put(ground.stranger, question)
            told = towns.found_in(answer, ground.secrets, asked=question.asked)
            if told:
                leaks.append((question.method, question.path, dict(list(told.items())[:5])))
            if answer.headers["content-type"] in OPAQUE:
                open_files.append(question.path)
    assert leaks == []
    assert open_files == []
    after = towns.fingerprint(ground.played, ground.town)
    assert {table for table in after if after[table] != before[table]} == set()


SIGNED_OUT: Final = {"DELETE /session", "POST /session"}  # they would end or lock the walk itself


def test_every_command_kind_is_forged() -> None:
    assert set(FORGED) == set(journal.KINDS)


@pytest.mark.parametrize("path", ["/commands", "/sync"])
def test_a_stranger_changes_nothing_by_any_command(ground: Ground, path: str) -> None:
    """Every kind of command with the ids and codes of the other town in every field that takes one."""
    before = towns.fingerprint(ground.played, ground.town)
    leaks, broken = [], []
    touched: dict[str, set[str]] = {}
    last = before
    walk = itertools.groupby(forge(ground.town, ground.stranger, ground.own), itemgetter(0))
    for kind, payloads in walk:
        for _, payload in payloads:
            answer = ground.stranger.send(kind, payload, path=path)
            assert answer.status_code < 500, (kind, payload, answer.text[:500])
            if told := towns.found_in(answer, ground.secrets, asked=str(payload)):
                leaks.append((kind, payload, told))
            if "access.handler_failed" in answer.text:
                broken.append((kind, payload, answer.text[:300]))
        now = towns.fingerprint(ground.played, ground.town)
        if changed := {table for table in now if now[table] != last[table]}:
            touched[kind] = changed
        last = now
    assert touched == {}
    towns.settled(ground.above)
    after = towns.fingerprint(ground.played, ground.town)
    assert leaks == []
    assert {table for table in after if after[table] != last[table]} == set()
    assert {kind for kind, *_ in broken} == set(), broken


def test_a_strangers_device_changes_nothing(ground: Ground) -> None:
    """A phone stands where it is enrolled: it cannot reach into another town's tubes, boxes and sites."""
    # What an earlier walk wrote down in its own town with this town's codes is no news from there.
    secrets = towns.secrets(ground.played, ground.town, ground.own)
    device = towns.enrolled(ground.stranger, ground.played, TOWN_B)
    before = towns.fingerprint(ground.played, ground.town)
    leaks: list[Any] = []
    for question in questions(ground.town):
        if question.route not in SIGNED_OUT:
            answer = put(device, question)
            if told := towns.found_in(answer, secrets, asked=question.asked):
                leaks.append((question.path, told))
    for kind, payload in forge(ground.town, ground.stranger, ground.own):
        answer = device.send(kind, payload, path="/sync")
        assert answer.status_code < 500, (kind, answer.text[:500])
        if told := towns.found_in(answer, secrets, asked=str(payload)):
            leaks.append((kind, told))
    device.http.close()
    towns.settled(ground.above)
    after = towns.fingerprint(ground.played, ground.town)
    assert leaks == []
    assert {table for table in after if after[table] != before[table]} == set()


def test_the_application_sees_the_town_only_when_told_to(ground: Ground) -> None:
    """Raw SQL under the application's role, in every table that has an area: nothing without a scope, and in the
    scope of one town nothing of the other; what the owner counts there is what the town itself sees."""
    counted: dict[str, tuple[int, ...]] = {}
    with ground.played.sql() as owner, ground.played.sql(APP_ROLE) as application:
        for table in security.scoped_tables():
            count = f'SELECT count(*) FROM "{table}" WHERE area ^@ %s'
            stored = towns.number(owner, count, TOWN_A)
            seen = []
            for areas in ("", TOWN_B, TOWN_A):
                application.execute("SELECT set_config('yingjian.areas', %s, true)", [areas])
                seen.append(towns.number(application, count, TOWN_A))
            counted[table] = (stored, *seen)
            application.rollback()
    assert {table: rows for table, rows in counted.items() if rows[0] == 0} == {}, "nothing to hide"
    assert {table: rows for table, rows in counted.items() if rows[1:] != (0, 0, rows[0])} == {}


def test_the_application_cannot_write_into_another_town(ground: Ground) -> None:
    """Under one town's scope the database changes no row of the other and takes no row for it."""
    with ground.played.sql(APP_ROLE) as application:
        for table in security.scoped_tables():
            application.execute("SELECT set_config('yingjian.areas', %s, true)", [TOWN_B])
            if table in security.APPEND_ONLY:
                continue
            changed = application.execute(
                f'UPDATE "{table}" SET area = area WHERE area ^@ %s', [TOWN_A]
            )
            assert changed.rowcount == 0, table
            application.rollback()
