"""Things done in the wrong order, twice, or to what does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from tests.bad_input.ground import Told, Town
from tests.bad_input.table import row
from yingjian.access.tests.factories import TOWN_A, new_id
from yingjian.sampling.tests.factories import token

G: Final = "states"


@row(G, "a tube sealed that nobody opened", "flagged", "count_differs,empty,not_opened")
def _(town: Town) -> Told:
    return town.said("tube.seal", {"tube_id": new_id(), "count": 3})


@row(G, "a tube sealed with another count", "flagged", "count_differs")
def _(town: Town) -> Iterator[Any]:
    opened = {"tube_id": new_id(), "code": "T0002", "mode": "pool", "capacity": 10}
    town.said("tube.open", opened)
    town.said("swab.add", {"swab_id": new_id(), "tube_id": opened["tube_id"], "entry": "code",
                           "token": token(town.people[9])})  # fmt: skip
    yield
    yield town.said("tube.seal", {"tube_id": opened["tube_id"], "count": 9})


@row(G, "a tube voided that is nowhere", "flagged", "not_opened")
def _(town: Town) -> Told:
    return town.said("tube.void", {"tube_id": new_id(), "reason": "破损"})


@row(G, "a swab voided without a reason", "parked", "access.payload_malformed")
def _(town: Town) -> Told:
    return town.said("swab.void", {"swab_id": new_id(), "reason": " "})


@row(G, "a site opened that does not exist", "parked", "sampling.site_unknown")
def _(town: Town) -> Told:
    return town.said("site.open", {"site_id": new_id()})


@row(G, "a box received that nobody packed", "parked", "laboratory.box_unknown")
def _(town: Town) -> Iterator[Any]:
    lab = town.laboratory
    yield
    given = {"receipt_id": new_id(), "laboratory_id": lab, "box_code": "B9999", "received": None}
    yield town.does("laboratory_clerk", "box.receive", given)


@row(
    G,
    "a box received at a laboratory that does not exist",
    "parked",
    "laboratory.laboratory_unknown",
)
def _(town: Town) -> Told:
    given = {"receipt_id": new_id(), "laboratory_id": new_id(), "box_code": "B1", "received": None}
    return town.does("laboratory_clerk", "box.receive", given)


@row(G, "a result for a tube code nobody knows", "flagged", "laboratory.tube_unknown")
def _(town: Town) -> Iterator[Any]:
    run = town.run
    yield
    yield _entered(town, run, "T9999", "negative")


@row(G, "a result of an outcome nobody knows", "flagged", "laboratory.outcome_unknown")
def _(town: Town) -> Iterator[Any]:
    run = town.run
    yield
    yield _entered(town, run, town.tube_code, "rather not")


@row(G, "a second result of one tube", "flagged", "laboratory.second_result")
def _(town: Town) -> Iterator[Any]:
    town.result()
    yield
    yield _entered(town, town.run, town.tube_code, "positive")


@row(G, "a result released by whoever entered it", "refused", "laboratory.same_person", status=409)
def _(town: Town) -> Iterator[Any]:
    result = town.result(by="laboratory_reviewer")
    yield
    yield town.does("laboratory_reviewer", "result.release", {"result_ids": [result]})


@row(G, "nothing chosen for release", "refused", "laboratory.nothing_to_release")
def _(town: Town) -> Told:
    return town.does("laboratory_reviewer", "result.release", {"result_ids": []})


@row(G, "a result released that does not exist", "refused", "laboratory.result_unknown", status=404)
def _(town: Town) -> Told:
    return town.does("laboratory_reviewer", "result.release", {"result_ids": [new_id()]})


@row(
    G,
    "a correction of a result that does not exist",
    "refused",
    "laboratory.result_unknown",
    status=404,
)
def _(town: Town) -> Told:
    given = {"result_id": new_id(), "corrects": new_id(), "outcome": "positive", "reason": "复核"}
    return town.does("laboratory_clerk", "result.correct", given)


@row(G, "a correction without a reason", "refused", "laboratory.reason_missing")
def _(town: Town) -> Iterator[Any]:
    result = town.result()
    yield
    given = {"result_id": new_id(), "corrects": result, "outcome": "positive", "reason": ""}
    yield town.does("laboratory_clerk", "result.correct", given)


@row(G, "a run that ends before it began", "parked", "laboratory.run_times")
def _(town: Town) -> Iterator[Any]:
    run = town.run
    yield
    early = town.now - timedelta(hours=5)
    yield town.does("laboratory_clerk", "run.end", {"run_id": run}, at=early)


@row(G, "a run ended that nobody began", "parked", "laboratory.run_unknown")
def _(town: Town) -> Told:
    return town.does("laboratory_clerk", "run.end", {"run_id": new_id()})


@row(
    G,
    "a laboratory moved to a state it cannot reach",
    "refused",
    "laboratory.state_refused",
    status=409,
)
def _(town: Town) -> Iterator[Any]:
    lab = town.laboratory
    yield
    given = {"laboratory_id": lab, "to": "cleared", "reason": "x"}
    yield town.does("administrator", "lab.state", given)


@row(G, "a round closed while people are due", "refused", "campaigns.not_terminal", status=409)
def _(town: Town) -> Iterator[Any]:
    round_id = town.reconciling()
    yield
    yield town.does("commander", "round.close", {"round_id": round_id})


@row(G, "a round closed in the middle of sampling", "refused", "campaigns.round_state", status=409)
def _(town: Town) -> Told:
    return town.does("commander", "round.close", {"round_id": town.round_id})


@row(G, "a round approved before its list is frozen", "refused", "campaigns.not_frozen", status=409)
def _(town: Town) -> Iterator[Any]:
    round_id = town.drafted()
    yield
    yield town.does("commander", "round.approve", {"round_id": round_id})


@row(G, "a round activated before it is approved", "refused", "campaigns.round_state", status=409)
def _(town: Town) -> Iterator[Any]:
    round_id = town.frozen()
    yield
    yield town.does("commander", "round.activate", {"round_id": round_id})


@row(G, "a list frozen a second time", "refused", "campaigns.already_frozen", status=409)
def _(town: Town) -> Told:
    return town.does("round_planner", "round.freeze", {"round_id": town.round_id})


@row(G, "a round sent to a step nobody knows", "refused", "campaigns.advance_unknown")
def _(town: Town) -> Told:
    return town.does("round_planner", "round.advance", {"round_id": town.round_id, "to": "party"})


@row(G, "somebody excused who was sampled", "refused", "campaigns.due_state", status=409)
def _(town: Town) -> Told:
    given = {"round_id": town.round_id, "person_id": town.people[0], "reason": "left_area"}
    return town.does("town_worker", "due.excuse", given)


@row(G, "somebody excused who is on no list", "refused", "campaigns.due_unknown", status=404)
def _(town: Town) -> Told:
    given = {"round_id": town.round_id, "person_id": new_id(), "reason": "left_area"}
    return town.does("town_worker", "due.excuse", given)


@row(G, "somebody excused for a reason nobody knows", "refused", "campaigns.excuse_unknown")
def _(town: Town) -> Told:
    given = {"round_id": town.round_id, "person_id": town.people[9], "reason": "外出"}
    return town.does("town_worker", "due.excuse", given)


@row(G, "somebody excused for another reason that is not told", "refused", "campaigns.text_missing")
def _(town: Town) -> Told:
    given = {
        "round_id": town.round_id,
        "person_id": town.people[9],
        "reason": "other",
        "remark": " ",
    }
    return town.does("town_worker", "due.excuse", given)


@row(G, "somebody excused without a reason", "refused", "campaigns.text_missing")
def _(town: Town) -> Told:
    given = {"round_id": town.round_id, "person_id": town.people[9], "reason": "  "}
    return town.does("town_worker", "due.excuse", given)


@row(G, "a plan for a round whose list is not frozen", "refused", "planning.not_frozen", status=409)
def _(town: Town) -> Iterator[Any]:
    round_id = town.drafted()
    yield
    yield town.does("round_planner", "plan.propose", {"plan_id": new_id(), "round_id": round_id})


@row(G, "a plan applied that does not exist", "refused", "planning.plan_unknown", status=404)
def _(town: Town) -> Told:
    return town.does("commander", "plan.apply", {"plan_id": new_id()})


@row(G, "a team that arrives and was never sent", "parked", "cases.dispatch_unknown")
def _(town: Town) -> Told:
    return town.does("cdc_investigator", "pool.arrive", {"dispatch_id": new_id()})


@row(G, "a notice acknowledged that was never sent", "parked", "cases.notice_unknown")
def _(town: Town) -> Told:
    return town.does("commander", "notice.acknowledge", {"notice_id": new_id(), "by": "张"})


@row(G, "a disinfection done that nobody ordered", "parked", "containment.order_unknown")
def _(town: Town) -> Told:
    return town.does("site_lead", "disinfection.done", {"order_id": new_id(), "done_by": "李"})


@row(G, "waste handed over that was never packed", "parked", "logistics.waste_unknown")
def _(town: Town) -> Told:
    given = {"lot_id": new_id(), "note_no": "LD-1", "taker": "处置单位"}
    return town.does("courier", "waste.hand", given)


@row(G, "goods moved from a place to itself", "parked", "logistics.move_nowhere")
def _(town: Town) -> Told:
    given = {
        "move_id": new_id(),
        "item": "n95",
        "giver": "库房",
        "taker": "库房",
        "quantity": 2,
        "area": TOWN_A,
    }
    return town.does("storekeeper", "supply.move", given)


@row(
    G,
    "a difference explained that does not exist",
    "refused",
    "logistics.discrepancy_unknown",
    status=404,
)
def _(town: Town) -> Told:
    given = {"discrepancy_id": new_id(), "resolution": "重新清点"}
    return town.does("information_maintainer", "discrepancy.resolve", given)


@row(G, "a task done that does not exist", "refused", "ledgers.task_unknown", status=404)
def _(town: Town) -> Told:
    return town.does("site_lead", "task.done", {"task_id": new_id(), "outcome": "x"})


@row(G, "a parked command decided a second time", "refused", "access.parked_decided", status=409)
def _(town: Town) -> Iterator[Any]:
    command = town.command("tube.fly", {})
    town.sync([command])
    given = {"command_id": command["id"], "decision": "closed", "reason": "误发"}
    town.done("information_maintainer", "parked.decide", given)
    yield
    yield town.does("information_maintainer", "parked.decide", given)


@row(G, "a parked command applied again in vain", "refused", "access.retry_parked", status=409)
def _(town: Town) -> Iterator[Any]:
    command = town.command("tube.void", {"tube_id": new_id(), "reason": 7})
    town.sync([command])
    given = {"command_id": command["id"], "decision": "retried", "reason": "再试"}
    yield
    yield town.does("information_maintainer", "parked.decide", given)


@row(G, "an unreadable command applied again", "refused", "access.retry_pointless", status=409)
def _(town: Town) -> Iterator[Any]:
    command = town.command("tube.fly", {})
    town.sync([command])
    given = {"command_id": command["id"], "decision": "retried", "reason": "再试"}
    yield
    yield town.does("information_maintainer", "parked.decide", given)


@row(G, "a flag decided a second time", "refused", "sampling.flag_decided", status=409)
def _(town: Town) -> Iterator[Any]:
    given = {"subjects": [_garbled(town)], "decision": "kept", "reason": "已核对"}
    town.done("information_maintainer", "flag.decide", given)
    yield
    yield town.does("information_maintainer", "flag.decide", given)


@row(G, "a flag that nobody bears", "refused", "sampling.flag_unknown", status=404)
def _(town: Town) -> Told:
    subject = {"kind": "tube", "id": town.tube, "flag": "opened_twice"}
    given = {"subjects": [subject], "decision": "kept", "reason": "已核对"}
    return town.does("information_maintainer", "flag.decide", given)


@row(G, "a tube voided at a desk", "refused", "sampling.tube_not_voided")
def _(town: Town) -> Iterator[Any]:
    twice = town.command(
        "tube.open", {"tube_id": new_id(), "code": town.tube_code, "mode": "pool", "capacity": 10}
    )
    town.sync([twice])
    yield
    subject = {"kind": "tube", "id": town.tube, "flag": "duplicate_tube"}
    given = {"subjects": [subject], "decision": "voided", "reason": "重码"}
    yield town.does("information_maintainer", "flag.decide", given)


@row(G, "a kind of matter nobody knows", "refused", "sampling.matter_kind")
def _(town: Town) -> Told:
    return town.get("information_maintainer", "/matters?kind=gossip")


@row(G, "a matter that is none", "refused", "sampling.matter_unknown", status=404)
def _(town: Town) -> Told:
    return town.get("information_maintainer", f"/matters/swab.{new_id()}.code_garbled")


def _garbled(town: Town) -> dict[str, Any]:
    """A swab of an unreadable code."""
    swab = {"swab_id": new_id(), "tube_id": town.tube, "entry": "code", "token": "no code at all"}
    town.sync([town.command("swab.add", swab)])
    return {"kind": "swab", "id": swab["swab_id"], "flag": "code_garbled"}


@row(G, "a new invitation under an old id", "refused", "access.already_recorded", status=409)
def _(town: Town) -> Iterator[Any]:
    given = {"token_id": new_id(), "station_code": "S1", "area": TOWN_A, "role": "sampler"}
    town.done("site_lead", "device.invite", given)
    yield
    yield town.does("site_lead", "device.invite", given)


@row(G, "a report in a form nobody knows", "refused", "oversight.report_kind")
def _(town: Town) -> Told:
    given = {"report_id": new_id(), "form": "ballad"}
    return town.post("round_planner", f"/rounds/{town.round_id}/reports", given)


@row(G, "a figure nobody defined", "refused", "oversight.figure_unknown", status=404)
def _(town: Town) -> Told:
    return town.get("commander", f"/rounds/{town.round_id}/figures/happiness/rows")


def _entered(town: Town, run: Any, code: str, outcome: str) -> Told:
    given = {"laboratory_id": town.laboratory, "run_id": run, "tested_at": town.now,
             "results": [{"result_id": new_id(), "tube_code": code, "outcome": outcome}]}  # fmt: skip
    return town.does("laboratory_clerk", "result.enter", given)
