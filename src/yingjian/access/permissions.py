"""The table role → permissions. Endpoints and command kinds name a permission; nothing else decides who may."""

from __future__ import annotations

from typing import Final

PERMISSIONS: Final = frozenset(
    {
        "sample", "transport", "supply", "waste", "receive", "test", "enter_result", "release_result",
        "investigate", "plan_round", "approve_round", "approve_plan", "close_round", "import_roster", "see_persons",
        "reveal", "see_round", "see_results", "mark_due", "work", "disinfect", "maintain", "invite_device", "audit",
        "administer", "report", "export", "see_supplies", "acknowledge", "forward", "system",
    }
)  # fmt: skip

_SEE = {"see_round", "work"}

ROLES: Final[dict[str, frozenset[str]]] = {
    role: frozenset(granted)
    for role, granted in {
        "commander": _SEE | {"approve_round", "approve_plan", "close_round", "report", "export", "see_results",
                             "see_supplies", "acknowledge"},
        "round_planner": _SEE | {"plan_round", "see_persons", "import_roster", "export", "report", "close_round",
                                 "mark_due", "see_supplies"},
        "information_maintainer": _SEE | {"maintain", "invite_device", "see_persons", "reveal", "import_roster",
                                          "sample", "export", "mark_due"},
        "site_lead": _SEE | {"sample", "invite_device", "see_persons", "disinfect", "waste", "see_supplies"},
        "registrar": _SEE | {"sample", "see_persons"},
        "sampler": _SEE | {"sample"},
        "courier": _SEE | {"transport", "waste"},
        "laboratory_clerk": _SEE | {"receive", "test", "enter_result", "see_results"},
        "laboratory_reviewer": _SEE | {"receive", "test", "enter_result", "release_result", "see_results"},
        "cdc_investigator": _SEE | {"investigate", "see_persons", "reveal", "see_results", "sample", "acknowledge",
                                    "export"},
        "storekeeper": _SEE | {"supply", "see_supplies", "waste", "export"},
        "supervisor": _SEE | {"see_supplies", "report"},
        "town_worker": _SEE | {"see_persons", "mark_due", "import_roster", "disinfect", "waste", "acknowledge",
                               "export"},
        "village_worker": _SEE | {"see_persons", "mark_due", "disinfect", "acknowledge"},
        "auditor": {"see_round", "audit", "export"},
        "hub": {"forward"},
        "administrator": {"see_round", "administer", "invite_device", "maintain", "audit"},
        "system": set(PERMISSIONS),
    }.items()
}  # fmt: skip


def granted(role: str) -> frozenset[str]:
    """Permissions of a role; an unknown role has none."""
    return ROLES.get(role, frozenset())
