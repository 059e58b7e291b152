"""Writes of this room.

Set-based: one or two statements for any number of people. Called inside the journal's transaction.
"""

from .assigning import DueAssign, due_assign
from .due import (
    DueResult,
    FoundDue,
    due_add_found,
    due_corrected,
    due_resulted,
    due_sampled,
    due_unsampled,
)
from .freezing import round_freeze
from .lists import Excuse, due_add, due_excuse, due_miss, due_reinstate, due_withdraw
from .rounds import (
    campaign_create,
    preset_store,
    round_activate,
    round_advance,
    round_approve,
    round_cancel,
    round_close,
    round_create,
    site_clocks,
    start_clocks,
)

__all__ = [
    "DueAssign",
    "DueResult",
    "Excuse",
    "FoundDue",
    "campaign_create",
    "due_add",
    "due_add_found",
    "due_assign",
    "due_corrected",
    "due_excuse",
    "due_miss",
    "due_reinstate",
    "due_resulted",
    "due_sampled",
    "due_unsampled",
    "due_withdraw",
    "preset_store",
    "round_activate",
    "round_advance",
    "round_approve",
    "round_cancel",
    "round_close",
    "round_create",
    "round_freeze",
    "site_clocks",
    "start_clocks",
]
