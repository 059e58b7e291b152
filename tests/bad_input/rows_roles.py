"""People who may not, phones where users belong, other people's towns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.test import Client

from tests.bad_input.ground import OTHER_TOWN, Told, Town, told
from tests.bad_input.table import row
from yingjian.access.tests.factories import PASSWORD, TOWN_A, new_id

G: Final = "roles"


@row(G, "a sampler releases a result", "refused", "access.not_permitted", status=403)
def _(town: Town) -> Iterator[Any]:
    result = town.result()
    yield
    yield town.does("sampler", "result.release", {"result_ids": [result]})


@row(G, "a sampler approves a round", "refused", "access.not_permitted", status=403)
def _(town: Town) -> Told:
    return town.does("sampler", "round.approve", {"round_id": town.round_id})


@row(G, "a phone closes the round", "parked", "access.not_permitted")
def _(town: Town) -> Told:
    return town.said("round.close", {"round_id": town.round_id})


@row(G, "a user sends a command of the system", "refused", "access.not_permitted", status=403)
def _(town: Town) -> Told:
    return town.does("commander", "pool.flag", {"result_ids": [new_id()]})


@row(G, "a phone on a user's page", "refused", "access.not_permitted", status=403)
def _(town: Town) -> Told:
    given = {"user_id": str(new_id()), "username": "x", "full_name": "x", "area": TOWN_A, "password": "x",
             "roles": []}  # fmt: skip
    answer = town.nobody.post(
        "/api/users", given, content_type="application/json", headers=town.phone
    )
    return told(answer)


@row(
    G, "a phone asks for another station's list", "refused", "sampling.station_unknown", status=404
)
def _(town: Town) -> Told:
    other = town.field.other.station_code
    return told(town.nobody.get(f"/api/stations/{other}/pack", headers=town.phone))


@row(G, "nobody asks for the rounds", "refused", "access.sign_in_required", status=401)
def _(town: Town) -> Told:
    return told(town.nobody.get("/api/rounds"))


@row(G, "a page from yesterday sends a command", "refused", "access.page_expired", status=403)
def _(town: Town) -> Told:
    answer = town.user("sampler").post(
        "/api/commands", {"commands": []}, content_type="application/json",
        headers={"X-CSRFToken": "0" * 64},
    )  # fmt: skip
    return told(answer)


@row(G, "a wrong password", "refused", "access.sign_in_refused", status=401, journals=1)
def _(town: Town) -> Told:
    return _sign_in(town, "nobody-at-all")


@row(G, "the eleventh wrong password", "refused", "access.locked_out", status=429)
def _(town: Town) -> Iterator[Any]:
    for _ in range(10):
        assert _sign_in(town, "guessed").code == "access.sign_in_refused"
    yield
    yield _sign_in(town, "guessed")


@row(G, "a user name with a NUL", "refused", "access.input_unstorable")
def _(town: Town) -> Told:
    return _sign_in(town, "a\0b")


@row(G, "a password everybody uses", "refused", "access.password_weak")
def _(town: Town) -> Told:
    return town.post("administrator", "/users", _account(password="password"))


@row(G, "a user name that is taken", "refused", "access.username_taken", status=409)
def _(town: Town) -> Iterator[Any]:
    assert town.post("administrator", "/users", _account()).kept == "taken"
    yield
    yield town.post("administrator", "/users", _account())


@row(G, "a user name of blanks", "refused", "access.username_malformed")
def _(town: Town) -> Told:
    return town.post("administrator", "/users", _account(username="  "))


@row(G, "a role nobody knows", "refused", "access.role_unknown")
def _(town: Town) -> Told:
    return town.post(
        "administrator", "/users", _account(roles=[{"role": "emperor", "area": TOWN_A}])
    )


@row(
    G,
    "an administrator makes one for the whole country",
    "refused",
    "access.outside_area",
    status=403,
)
def _(town: Town) -> Told:
    given = _account(roles=[{"role": "administrator", "area": ""}])
    return town.post("administrator", "/users", given)


@row(G, "another town's round is frozen", "refused", "access.outside_area", status=403)
def _(town: Town) -> Told:
    given = {"round_id": town.drafted_before}
    return town.does("round_planner", "round.freeze", given, area=OTHER_TOWN)


@row(G, "another town's sampler opens a tube here", "parked", "access.outside_area")
def _(town: Town) -> Told:
    given = {"tube_id": new_id(), "code": "T77", "mode": "pool", "capacity": 10,
             "station_code": town.field.phone.station_code}  # fmt: skip
    return town.does("sampler", "tube.open", given, area=OTHER_TOWN)


@row(G, "another town's person is revealed", "refused", "population.person.unknown", status=404)
def _(town: Town) -> Told:
    path = f"/persons/{town.people[0]}/reveal"
    return town.post("information_maintainer", path, {"reason": "好奇得很"}, area=OTHER_TOWN)


@row(G, "another town's round is read", "refused", "campaigns.round_unknown", status=404)
def _(town: Town) -> Told:
    return town.get("commander", f"/rounds/{town.round_id}", area=OTHER_TOWN)


@row(G, "another town's people are exported", "refused", "access.outside_area", status=403)
def _(town: Town) -> Told:
    given = {"area": TOWN_A, "reason": "核对名单"}
    return town.post("town_worker", "/persons/export", given, area=OTHER_TOWN)


@row(G, "everybody everywhere is exported", "refused", "population.export.too_wide")
def _(town: Town) -> Told:
    return town.post("town_worker", "/persons/export", {"area": "", "reason": "核对名单"})


@row(G, "a person is revealed for no reason", "refused", "population.person.reason_missing")
def _(town: Town) -> Told:
    path = f"/persons/{town.people[0]}/reveal"
    return town.post("information_maintainer", path, {"reason": " "})


@row(
    G,
    "a commander takes the list of persons home",
    "refused",
    "campaigns.persons_hidden",
    status=403,
)
def _(town: Town) -> Told:
    return town.get("commander", f"/rounds/{town.round_id}/due.xlsx")


@row(G, "a resident's result is asked for with a wrong telephone", "refused", "population.lookup_not_found",
     status=404, journals=2)  # fmt: skip
def _(town: Town) -> Told:
    return _look_up(town)


@row(
    G, "the look-up is guessed at again and again", "refused", "population.lookup_shut", status=429
)
def _(town: Town) -> Iterator[Any]:
    for _ in range(40):
        if _look_up(town).code == "population.lookup_shut":
            break
    yield
    yield _look_up(town)


def _sign_in(town: Town, username: str) -> Told:
    client = Client(headers=town.headers(), raise_request_exception=False)
    given = {"username": username, "password": "guess"}
    return told(client.post("/api/session", given, content_type="application/json"))


def _account(**changed: Any) -> dict[str, Any]:
    return {
        "user_id": new_id(), "username": "newcomer", "full_name": "新人", "area": TOWN_A,
        "password": f"{PASSWORD} battery staple", "roles": [{"role": "sampler", "area": TOWN_A}], **changed,
    }  # fmt: skip


def _look_up(town: Town) -> Told:
    given = {"id_number": "990000199001010011", "phone": "13000000000"}
    return told(town.nobody.post("/api/results/lookup", given, content_type="application/json"))
