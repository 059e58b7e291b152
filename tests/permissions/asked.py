"""What the scope walk asks of each route: every route stands here once, with what to ask it about a town.

`{name}` in a path, a query or a body is filled with what exists in the town (`towns.look_up`); a route is asked once
for each of the first few values. A route that has nothing of a town to tell says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.permissions.towns import Town
from yingjian.oversight.figures import FIGURES

VALUES: Final = 2  # of each parameter
_GAP: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Ask:
    """One way to ask a route about a town. `fill` names the town's values for the gaps of the path."""

    fill: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    nothing: str = ""
    """Why the route has nothing of any town to tell."""
    changes: bool = False
    """It changes the town's records when somebody of the town asks, so only strangers do."""
    lacks: str = ""
    """Why some of the values it is asked for have no answer; one of them has."""
    machine: bool = False
    """Only a machine that the walk has none of gets an answer: strangers ask all the same."""


def _round(query: str = "", **more: Any) -> Ask:
    return Ask({"round_id": "round_id"}, query, **more)


PUBLIC: Final = "the same for everybody"
OWN: Final = "tells of the asker only"

ROUTES: Final[dict[str, list[Ask]]] = {
    "DELETE /session": [Ask(nothing=OWN, changes=True)],
    "GET /boxes/{code}": [Ask({"code": "box_code"})],
    "GET /boxes/{code}/manifest.xlsx": [Ask({"code": "box_code"})],
    "GET /buildings": [Ask(nothing="counts by village")],
    "GET /buildings/lists": [Ask()],
    "GET /buildings/lists/{list_id}": [Ask({"list_id": "building_list_id"})],
    "GET /buildings/lists/{list_id}/problems.xlsx": [
        Ask({"list_id": "building_list_id"}, nothing="lines that were refused: there are none")
    ],
    "GET /buildings/missing.xlsx": [Ask(nothing="addresses without a place: there are none")],
    "GET /buildings/template.xlsx": [Ask(nothing=PUBLIC)],
    "GET /candidates": [Ask(query="limit=1000&withdrawn=true")],
    "GET /candidates.geojson": [Ask()],
    "GET /candidates.xlsx": [Ask()],
    "GET /candidates/lists": [Ask()],
    "GET /candidates/lists/{list_id}": [Ask({"list_id": "candidate_list_id"})],
    "GET /candidates/lists/{list_id}/problems.xlsx": [
        Ask({"list_id": "candidate_list_id"}, nothing="lines that were refused: there are none")
    ],
    "GET /candidates/template.xlsx": [Ask(nothing=PUBLIC)],
    "GET /clocks": [Ask(query="limit=1000"), Ask(query="round={round_id}&state=met&limit=1000")],
    "GET /codes/revoked": [Ask(query="limit=1000")],
    "GET /devices": [Ask()],
    "GET /devices/invitations/{token_id}": [
        Ask({"token_id": "token_id"}, nothing="a token, which stands in no row")
    ],
    "GET /devices/invitations/{token_id}/qr.svg": [
        Ask({"token_id": "token_id"}, nothing="a drawing; the walk asks that a stranger gets none")
    ],
    "GET /discrepancies": [Ask(), Ask(query="round={round_id}&limit=1000")],
    "GET /hub/keys": [Ask(nothing="for a hub; its own tests ask across areas", machine=True)],
    "GET /hubs": [Ask()],
    "GET /journal": [Ask(query="limit=1000"), Ask(query="limit=1000&after=1000")],
    "GET /laboratories": [Ask()],
    "GET /laboratories/{laboratory_id}/bench": [Ask({"laboratory_id": "laboratory_id"})],
    "GET /laboratories/{laboratory_id}/held": [Ask({"laboratory_id": "laboratory_id"})],
    "GET /matters": [Ask(query="limit=1000"), Ask(query="kind=command&state=decided")],
    "GET /matters.xlsx": [Ask()],
    "GET /matters/counts": [Ask(nothing="counts by kind")],
    "GET /matters/{key}": [Ask({"key": "matter_key"})],
    "GET /parked": [Ask(query="limit=1000")],
    "GET /persons": [
        Ask(), Ask(query="q={id_number}"), Ask(query="q={phone}"), Ask(query="area={village}&limit=500"),
    ],
    "GET /persons/{person_id}": [Ask({"person_id": "person_id"})],
    "GET /persons/{person_id}/chain": [Ask({"person_id": "person_id"})],
    "GET /plans/{plan_id}": [Ask({"plan_id": "plan_id"}), Ask({"plan_id": "plan_id"}, "full=true")],
    "GET /plans/{plan_id}/codes.pdf": [
        Ask({"plan_id": "plan_id"}, nothing="a drawing; the walk asks that a stranger gets none"),
        Ask({"plan_id": "plan_id"}, "under={village}", nothing="the same"),
    ],
    "GET /plans/{plan_id}/crew": [Ask({"plan_id": "plan_id"})],
    "GET /plans/{plan_id}/goods": [Ask({"plan_id": "plan_id"})],
    "GET /plans/{plan_id}/plan.docx": [Ask({"plan_id": "plan_id"})],
    "GET /plans/{plan_id}/plan.geojson": [Ask({"plan_id": "plan_id"})],
    "GET /plans/{plan_id}/plan.xlsx": [Ask({"plan_id": "plan_id"})],
    "GET /plans/{plan_id}/rehearsal": [Ask({"plan_id": "plan_id"}, "runs=3&trials=1")],
    "GET /plans/{plan_id}/rehearsal.docx": [Ask({"plan_id": "plan_id"}, "runs=3&trials=1")],
    "GET /plans/{plan_id}/rehearsal.xlsx": [Ask({"plan_id": "plan_id"}, "runs=3&trials=1")],
    "GET /pools/{pool_id}": [Ask({"pool_id": "pool_id"})],
    "GET /positives/{positive_id}": [Ask({"positive_id": "positive_id"})],
    "GET /presets": [Ask(nothing=PUBLIC)],
    "GET /presets/diff": [Ask(query="a=yongning&b=mule", nothing=PUBLIC)],
    "GET /presets/{code}": [Ask({"code": "preset"}, nothing=PUBLIC)],
    "GET /prints/{uuidstr:print_id}/labels.pdf": [
        Ask({"print_id": "print_id"}, nothing="a drawing; the walk asks that a stranger gets none")
    ],
    "GET /regions": [Ask(query="under={area}", nothing="the region tree is public")],
    "GET /reports/{report_id}/file": [Ask({"report_id": "report_id"})],
    "GET /rosters": [Ask()],
    "GET /rosters/template.xlsx": [Ask(nothing=PUBLIC)],
    "GET /rosters/{import_id}": [Ask({"import_id": "import_id"})],
    "GET /rosters/{import_id}/problems": [
        Ask({"import_id": "import_id"}, nothing="findings name lines and columns, no ids")
    ],
    "GET /rosters/{import_id}/problems.xlsx": [Ask({"import_id": "import_id"})],
    "GET /rounds": [Ask(query="limit=1000")],
    "GET /rounds/{round_id}/cadence": [_round("days=3", nothing="counts by town of a round that is wholly one's own")],
    "GET /rounds/{round_id}/cadence.docx": [_round("days=3", nothing="the same")],
    "GET /rounds/{round_id}/cadence.xlsx": [_round("days=3", nothing="the same")],
    "GET /rounds/{round_id}/coverage": [_round(nothing="counts by village")],
    "GET /rounds/{round_id}/coverage.xlsx": [_round(nothing="counts by village")],
    "GET /rounds/{round_id}/disinfections": [_round("limit=1000")],
    "GET /rounds/{round_id}/drift": [_round(nothing="counts by laboratory")],
    "GET /rounds/{round_id}/figures": [_round()],
    "GET /rounds/{round_id}/figures/{key}/rows": [
        Ask({"round_id": "round_id", "key": f"={key}"}, "limit=1000") for key in FIGURES
    ],
    "GET /rounds/{round_id}/outlook": [
        _round(nothing="counts and sites of a round that is wholly one's own", lacks="a round without a plan")
    ],
    "GET /rounds/{round_id}/matching": [_round(nothing="lots and laboratories of a round that is wholly one's own")],
    "GET /rounds/{round_id}/matching.xlsx": [_round(nothing="the same")],
    "GET /rounds/{round_id}/overview": [_round()],
    "GET /rounds/{round_id}/plan-searches": [_round()],
    "GET /rounds/{round_id}/plans": [_round()],
    "GET /rounds/{round_id}/pool-sizes": [_round(nothing="counts by town of a round that is wholly one's own")],
    "GET /rounds/{round_id}/pool-sizes.xlsx": [_round(nothing="the same")],
    "GET /rounds/{round_id}/pools": [_round("limit=1000")],
    "GET /rounds/{round_id}/positives": [_round("limit=1000")],
    "GET /rounds/{round_id}/posts": [_round(), _round("site={site_code}")],
    "GET /rounds/{round_id}/reconciliation": [_round(nothing="counts")],
    "GET /rounds/{round_id}/results": [_round("limit=1000"), _round("laboratory={laboratory_id}")],
    "GET /rounds/{round_id}/workgroups": [_round()],
    "GET /rounds/{uuidstr:round_id}": [_round()],
    "GET /rounds/{uuidstr:round_id}/boxes": [_round("limit=1000")],
    "GET /rounds/{uuidstr:round_id}/codes": [_round("site={site_code}")],
    "GET /rounds/{uuidstr:round_id}/devices": [_round(), _round("site={site_code}")],
    "GET /rounds/{uuidstr:round_id}/due": [_round("limit=1000"), _round("area={village}")],
    "GET /rounds/{uuidstr:round_id}/due.xlsx": [_round(), _round("area={village}")],
    "GET /rounds/{uuidstr:round_id}/flagged": [_round("limit=1000")],
    "GET /rounds/{uuidstr:round_id}/invitations.pdf": [
        Ask({"round_id": "sampled_round"}, "site={invited_site}",
            nothing="drawings; the walk asks that a stranger gets none")
    ],
    "GET /rounds/{uuidstr:round_id}/prints": [_round("limit=1000")],
    "GET /rounds/{uuidstr:round_id}/ranges": [_round()],
    "GET /rounds/{uuidstr:round_id}/sites": [_round("limit=1000")],
    "GET /session": [Ask(nothing=OWN)],
    "GET /sites/{uuidstr:site_id}": [Ask({"site_id": "site_id"})],
    "GET /staff": [Ask(), Ask(query="area={area}")],
    "GET /stations/{code}/doors": [
        Ask({"code": "station_code"}, nothing="hashes, masked names and doors; a stranger gets none")
    ],
    "GET /stations/{code}/pack": [Ask({"code": "station_code"})],
    "GET /stations/{code}/roster": [
        Ask({"code": "station_code"}, nothing="hashes; the walk asks that a stranger gets none")
    ],
    "GET /status": [Ask(nothing="a count of jobs")],
    "GET /supplies": [Ask(), Ask(query="round={round_id}")],
    "GET /tasks": [Ask(query="limit=1000&state=all"), Ask(query="round={round_id}&state=all")],
    "GET /tubes/{code}": [Ask({"code": "tube_code"})],
    "GET /vehicles": [Ask()],
    "GET /waste": [Ask(query="round={round_id}")],
    "POST /buildings/lists": [Ask(form={"area": "{area}"}, changes=True)],
    "POST /candidates/lists": [Ask(form={"area": "{area}"}, changes=True)],
    "POST /clocks/sweep": [Ask(json={}, nothing="a count of clocks")],
    "POST /commands": [Ask(json={"commands": []}, nothing="commands are walked by themselves")],
    "POST /codes/own": [
        Ask(json={"id_number": "{id_number}", "phone": "13000000000"}, changes=True,
            nothing="asked with a wrong telephone; the right one is the resident's own key")
    ],
    "POST /devices/enrol": [
        Ask(json={"token": "{token_id}", "device_id": "{device_id}", "name": "x"}, changes=True,
            nothing="tells the secret to whoever holds the token")
    ],
    "POST /hub/forward": [Ask(json={}, nothing="for a hub; its own tests ask across areas", machine=True)],
    "POST /matters/{key}/reveal": [Ask({"key": "matter_key"}, json={"reason": "核对本人"})],
    "POST /persons/export": [
        Ask(json={"area": "{area}", "reason": "核对名单"}),
        Ask(json={"area": "{village}", "reason": "核对名单", "full": True}),
    ],
    "POST /persons/{person_id}/reveal": [Ask({"person_id": "person_id"}, json={"reason": "联系本人"})],
    "POST /plans/{plan_id}/rehearsal/stop": [
        Ask({"plan_id": "plan_id"}, "runs=3&trials=1", changes=True)
    ],
    "POST /plans/{plan_id}/troubles": [
        Ask({"plan_id": "plan_id"}, json={"absent": 15}, changes=True)
    ],
    "POST /results/lookup": [
        Ask(json={"id_number": "{id_number}", "phone": "13000000000"}, changes=True,
            nothing="asked with a wrong telephone; the right one is the resident's own key")
    ],
    "POST /rosters": [Ask(form={"area": "{area}"}, changes=True)],
    "POST /rounds/{round_id}/reports": [_round(json={"report_id": "{fresh}", "form": "work"}, changes=True)],
    "POST /session": [Ask(json={"username": "walker", "password": "no"}, changes=True, nothing=OWN)],
    "POST /sync": [Ask(json={"commands": []}, nothing="commands are walked by themselves")],
    "POST /users": [
        Ask(json={"user_id": "{fresh}", "username": "someone-new", "full_name": "x", "area": "{area}",
                  "password": "a long word for walking", "roles": [{"role": "sampler", "area": "{area}"}]},
            changes=True)
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Question:
    """A request as it is sent."""

    route: str
    method: str
    path: str
    json: Any
    form: Mapping[str, str] | None
    ask: Ask

    @property
    def asked(self) -> str:
        """Everything the question itself says: an answer may repeat it."""
        return f"{self.path} {self.json} {self.form}"


def questions(town: Town, *, routes: Mapping[str, list[Ask]] = ROUTES) -> Iterator[Question]:
    """Every question about a town, filled in."""
    for route, asks in routes.items():
        method, path = route.split(" ")
        plain = path.replace("uuidstr:", "")
        for ask in asks:
            text = f"{plain}?{ask.query}" if ask.query else plain
            renamed = _GAP.sub(lambda gap, ask=ask: _named(gap[1], ask), text)  # type: ignore[misc]
            for index in range(VALUES):
                given = _values(town, index)
                if index and not any(
                    len(town.known.get(name, [])) > 1 for name in _GAP.findall(renamed)
                ):
                    continue
                filled = _fill(renamed, given)
                yield Question(
                    route, method, filled, _fill(ask.json, given), _fill(ask.form, given), ask
                )


def _named(name: str, ask: Ask) -> str:
    """The gap as the town knows it; `=text` stands for itself."""
    known = ask.fill.get(name, name)
    return known[1:] if known.startswith("=") else "{" + known + "}"


def _values(town: Town, index: int) -> dict[str, str]:
    from tests.permissions.towns import fresh_id

    given = {name: values[min(index, len(values) - 1)] for name, values in town.known.items()}
    return given | {
        "area": town.area, "village": town.village, "preset": "yongning", "fresh": fresh_id(),
    }  # fmt: skip


def _fill(value: Any, given: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _GAP.sub(lambda gap: given[gap[1]], value)
    if isinstance(value, Mapping):
        return {key: _fill(one, given) for key, one in value.items()}
    if isinstance(value, list):
        return [_fill(one, given) for one in value]
    return value
