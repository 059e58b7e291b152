"""States in refusals are words a reader knows, in both languages."""

from __future__ import annotations

import pytest

from yingjian.campaigns import rules as campaigns
from yingjian.cases import rules as cases
from yingjian.kernel.errors import sentence, states
from yingjian.laboratory import rules as laboratory

PLAN_STATES = ("proposed", "applied", "dropped")
MACHINES = {
    "campaigns": {*campaigns.ROUND_MOVES, *campaigns.DUE_MOVES},
    "planning": {*campaigns.ROUND_MOVES, *PLAN_STATES},
    "laboratory": set(laboratory.LABORATORY_STATES),
    "cases": set(cases.POSITIVE_STATES),
}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("room", MACHINES)
def test_every_state_a_refusal_may_name_has_a_word(room: str, language: str) -> None:
    assert states(language)[room].keys() == MACHINES[room]


def test_a_refusal_names_states_in_the_readers_words() -> None:
    params = {"state": "sampling", "to": "closed"}
    told = sentence("campaigns.round_state", "zh-CN", params)["says"]
    assert told == "轮次现在是“采样中”，不能改为“已收口”。"
    assert params == {"state": "sampling", "to": "closed"}, "machines read the codes"
    assert "“unheard”" in sentence("planning.plan_state", "zh", {"state": "unheard"})["says"]
    assert "“已启用”" in sentence("planning.plan_state", "zh", {"state": "applied"})["says"]
