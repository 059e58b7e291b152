"""The hub's three parts by themselves: its store, its answers to phones, its way up."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from config import env
from config.hub import upward
from config.hub.main import main
from config.hub.relay import Relay
from config.hub.store import Settled, Store
from yingjian.access import envelopes

NOON = datetime(2026, 1, 16, 4, 0, tzinfo=UTC)
HUB = uuid.UUID(int=1)
PHONE = uuid.UUID(int=2)
SECRET = "the phone's own"
KEY = envelopes.hub_key(SECRET, HUB)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "hub")
    made.tell(id=str(HUB), secret="s", name="站", area="640121", address="http://192.168.8.2:8100")
    made.know({str(PHONE): KEY})
    yield made
    made.close()


def sealed(text: str = "x", device: uuid.UUID = PHONE) -> bytes:
    salt = hashlib.sha256(text.encode()).digest()
    return envelopes.seal_request(SECRET, device, text.encode(), salt=salt)


class Phone:
    """Asks the relay as the station does."""

    def __init__(self, store: Store) -> None:
        self.relay = Relay(store, lambda: NOON)

    def ask(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        told: list[Any] = []
        environ = {
            "REQUEST_METHOD": method, "PATH_INFO": path, "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body), **headers,
        }  # fmt: skip
        raw = b"".join(self.relay(environ, lambda status, heads: told.extend((status, heads))))
        heads = dict(told[1])
        is_json = raw and heads["Content-Type"] == "application/json"
        answer = json.loads(raw) if is_json else {"text": raw.decode()}
        return int(told[0].split()[0]), answer, heads

    def keep(
        self, body: bytes, *, after: int = 0, key: bytes = KEY, device: uuid.UUID = PHONE
    ) -> tuple[int, dict[str, Any]]:
        shown = envelopes.proof(key, "keep", str(after).encode(), body)
        status, told, _ = self.ask(
            "POST", "/api/hub/keep", body, HTTP_X_YINGJIAN_DEVICE=str(device),
            HTTP_X_YINGJIAN_AFTER=str(after), HTTP_X_YINGJIAN_PROOF=shown,
        )  # fmt: skip
        return status, told


def test_what_is_kept_is_there_for_the_next_process_once_and_in_order(store: Store) -> None:
    phone = Phone(store)
    for text in ("a", "b", "a"):
        status, told = phone.keep(sealed(text))
        assert (status, told["kept"]) == (200, envelopes.proof(KEY, "kept", sealed(text)))
    other = Store(store.file.parent)  # nothing is in anybody's memory
    waiting = other.waiting(most=10, most_bytes=10**6)
    assert [one.sealed for one in waiting] == [sealed("a"), sealed("b")]
    assert {one.kept_at for one in waiting} == {NOON}
    assert len(other.waiting(most=10, most_bytes=1)) == 1, "at least one, however large"
    other.close()


def test_a_stranger_keeps_nothing(store: Store) -> None:
    phone = Phone(store)
    assert phone.keep(sealed(), key=bytes(32)) == (401, {"code": "hub.proof_wrong"})
    assert phone.keep(sealed(), device=uuid.UUID(int=9)) == (401, {"code": "hub.device_unknown"})
    assert phone.keep(sealed(device=uuid.UUID(int=9))) == (400, {"code": "hub.unreadable"})
    assert phone.keep(b"no seal") == (400, {"code": "hub.unreadable"})
    assert phone.ask("POST", "/api/hub/keep", b"", HTTP_X_YINGJIAN_DEVICE="?")[0] == 400
    assert phone.ask("POST", "/api/hub/keep", b"", CONTENT_LENGTH="99999999")[0] == 413
    assert phone.ask("POST", "/api/hub/keep", b"ab", CONTENT_LENGTH="4")[0] == 400
    assert phone.ask("GET", "/etc/passwd")[0] == 404
    assert store.counts().kept == 0


def test_a_page_of_another_address_may_ask(store: Store) -> None:
    status, _, heads = Phone(store).ask("OPTIONS", "/api/hub/keep")
    assert (status, heads["Access-Control-Allow-Origin"]) == (204, "*")
    assert "X-Yingjian-Proof" in heads["Access-Control-Allow-Headers"]


HEARD = datetime(2022, 6, 2, 9, tzinfo=UTC)


def test_an_answer_is_let_go_of_when_the_phone_has_it_or_nobody_came_for_it(store: Store) -> None:
    phone = Phone(store)
    for text in ("a", "b", "c"):
        phone.keep(sealed(text))
    waiting = store.waiting(most=3, most_bytes=10**6)
    for one, hours in zip(waiting, (0, 0, 48), strict=True):
        at = HEARD + timedelta(hours=hours)
        store.settle([Settled(one.no, f"word on {one.no}".encode(), None)], at=at)
    first, _, last = (answer["no"] for answer in phone.keep(b"")[1]["answers"])
    assert store.had(uuid.UUID(int=3), upto=last) == 0, "another phone's word takes nothing"
    assert len(phone.keep(b"", after=0)[1]["answers"]) == 3
    assert len(phone.keep(b"", after=first)[1]["answers"]) == 2
    assert len(store.answers(PHONE, after=0)) == 2, "what it has had is gone"
    assert store.forget(before=HEARD + timedelta(hours=1)) == 1
    assert [no for no, _ in store.answers(PHONE, after=0)] == [last]
    assert store.counts().forwarded == 3


def test_a_file_of_an_earlier_version_learns_when_answers_were_heard(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "hub.sqlite") as old:
        columns = "no INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, sealed BLOB NOT NULL"
        old.execute(f"CREATE TABLE answer ({columns}) STRICT")
        old.execute("INSERT INTO answer (device, sealed) VALUES ('x', x'00')")
    store = Store(tmp_path)
    assert store.forget(before=HEARD) == 1
    store.close()


def test_answers_come_in_order_above_what_the_phone_has(store: Store) -> None:
    phone = Phone(store)
    for text in ("a", "b"):
        phone.keep(sealed(text))
    one, two = store.waiting(most=2, most_bytes=10**6)
    settled = [Settled(one.no, b"first", None), Settled(two.no, None, "access.device_shut_out")]
    store.settle(settled, at=HEARD)
    store.settle([Settled(one.no, b"once more", None)], at=HEARD)  # an answer heard twice
    told = phone.keep(b"")[1]["answers"]
    assert [base64.b64decode(answer["sealed"]) for answer in told] == [b"first"]
    assert phone.keep(b"", after=told[0]["no"])[1]["answers"] == []
    counts = store.counts()
    assert (counts.kept, counts.forwarded, counts.stuck) == (0, 1, 1)
    assert store.stuck() == [("access.device_shut_out", 1)]
    assert (store.again(), store.counts().kept) == (1, 1)


def test_the_page_says_how_many_and_where(store: Store) -> None:
    store.tell(line="down", heard_at=(NOON - timedelta(minutes=7)).isoformat(), name="<站>")
    phone = Phone(store)
    phone.keep(sealed())
    _, told, _ = phone.ask("GET", "/")
    assert '<dd id="kept">1</dd>' in told["text"]
    assert "7 分钟前" in told["text"]
    assert "&lt;站&gt;" in told["text"]
    assert "<svg" in told["text"]
    assert phone.ask("GET", "/api/hub")[1] == {"hub": str(HUB), "name": "<站>", "area": "640121"}


def test_a_store_that_fails_keeps_nothing_and_says_so(store: Store) -> None:
    phone = Phone(store)
    store._open().execute("PRAGMA query_only=ON")
    assert phone.keep(sealed()) == (503, {"code": "hub.store_failed"})


class County:
    """Answers the hub as it is told to, one answer after the other; then it takes everything."""

    def __init__(self, *plan: Callable[[httpx.Request], httpx.Response]) -> None:
        self.plan = list(plan)
        self.handed: list[list[str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("keys"):
            devices = [{"device_id": str(PHONE), "key": KEY.hex()}]
            return httpx.Response(200, json={"area": "640121", "devices": devices})
        given = [one["sealed"] for one in json.loads(request.content)["requests"]]
        self.handed.append(given)
        if self.plan:
            return self.plan.pop(0)(request)
        answers = [{"sealed": base64.b64encode(b"ok").decode(), "code": None} for _ in given]
        return httpx.Response(200, json={"answers": answers})


def up(store: Store, county: County, told: list[str]) -> upward.Upward:
    line = httpx.Client(base_url="http://county", transport=httpx.MockTransport(county))
    return upward.Upward(store, line, told.append, lambda: NOON)


def dead(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route")


def says(
    status: int, body: Any = None, **headers: str
) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, json=body or {}, headers=headers)


def test_without_a_line_everything_stays_and_then_goes_up_once(store: Store) -> None:
    phone, told = Phone(store), list[str]()
    for n in range(25):
        phone.keep(sealed(str(n)))
    county = County(dead, dead, says(200, {"hello": "guest"}))
    hub = up(store, county, told)
    assert [hub.step() for _ in range(3)] == [1.0, 2.0, 4.0]
    assert (store.counts().kept, store.told("line")) == (25, "down")
    assert [hub.step(), hub.step(), hub.step()] == [0.0, 0.0, upward.PAUSE]
    assert [len(given) for given in county.handed[3:]] == [20, 5, 0]
    assert (store.counts().kept, store.counts().forwarded, store.told("line")) == (0, 25, "up")
    assert sum("no word" in line for line in told) == 1


def test_an_answer_lost_on_the_way_sends_again(store: Store) -> None:
    Phone(store).keep(sealed())
    county = County(dead)
    hub = up(store, county, [])
    hub.step()
    hub.step()
    assert county.handed[0] == county.handed[1]
    assert len(store.answers(PHONE, after=0)) == 1


def test_does_as_the_county_says(store: Store) -> None:
    Phone(store).keep(sealed())
    told: list[str] = []
    busy = says(429, {"code": "access.busy"}, **{"Retry-After": "7"})
    hub = up(store, County(busy, says(401, {"code": "access.sign_in_required"})), told)
    assert hub.step() == 7.0
    assert hub.step() == upward.LONGEST
    assert any("does not know this hub" in line for line in told)
    assert store.counts().kept == 1
    assert "has shut this hub out" in Phone(store).ask("GET", "/")[1]["text"]
    assert "In touch" not in Phone(store).ask("GET", "/")[1]["text"]


def test_what_the_county_cannot_take_is_alone_in_the_end_and_stuck(store: Store) -> None:
    phone = Phone(store)
    for n in range(4):
        phone.keep(sealed(str(n)))
    bad = base64.b64encode(sealed("2")).decode()

    def picky(request: httpx.Request) -> httpx.Response:
        given = [one["sealed"] for one in json.loads(request.content)["requests"]]
        if bad in given:
            return httpx.Response(500, json={"code": "access.unexpected"})
        return httpx.Response(
            200, json={"answers": [{"sealed": "b2s=", "code": None} for _ in given]}
        )

    hub = up(store, County(*[picky] * 12), [])
    for _ in range(12):
        hub.step()
    counts = store.counts()
    assert (counts.kept, counts.forwarded, counts.stuck) == (0, 3, 1)
    assert store.stuck() == [("access.unexpected", 1)]


def test_a_hub_that_cannot_begin_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(env, "VAR", tmp_path)
    for words, told in (
        ([], "--county"),
        (["--county", "http://127.0.0.1:9"], "--invitation TOKEN"),
        (["--county", "http://127.0.0.1:9", "--user", "x"], "--area"),
        (["--county", "http://127.0.0.1:9", "--invitation", "x"], "does not answer"),
        (["--key", "x"], "belong together"),
    ):
        assert main(words) == 1
        assert told in capsys.readouterr().err


def test_enrolls_with_an_account_or_an_invitation(store: Store) -> None:
    asked: list[tuple[str, str, Any]] = []

    def county(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        asked.append((request.method, request.url.path, body))
        told = {"csrf": "c", "token": "TOKEN", "secret": "shh"}
        refused = body is not None and body.get("password") == "wrong"
        return httpx.Response(
            401 if refused else 200, json={"says": "no", "do": "ask"} if refused else told
        )

    line = httpx.Client(base_url="http://county", transport=httpx.MockTransport(county))
    given = {
        "username": "zhang",
        "token_id": "t",
        "command_id": "c",
        "area": "640121",
        "station": "hub-1",
    }
    assert upward.invite(line, password="right", **given) == "TOKEN"
    payload = next(body for _, path, body in asked if path == "/api/commands")["commands"][0][
        "payload"
    ]
    assert (payload["role"], payload["area"]) == ("hub", "640121")
    upward.enrol(store, line, token="TOKEN", device=str(HUB), name="n")
    assert store.told("secret") == "shh"
    with pytest.raises(upward.HubError, match="no ask"):
        upward.invite(line, password="wrong", **given)
