"""Locks on a round. Whoever changes its state takes it alone; whoever may open a person anew shares it, so that a round
cannot be closed between counting its people and adding one.
"""

from __future__ import annotations

import uuid

from django.db import connection

from yingjian.campaigns.models import Round
from yingjian.kernel.errors import RuleBroken


def locked_round(round_id: uuid.UUID) -> Round:
    """The round, held alone until the transaction ends (`campaigns.round_unknown`, 404)."""
    row = Round.objects.select_for_update().filter(id=round_id).first()
    if row is None:
        raise RuleBroken("campaigns.round_unknown", status=404)
    return row


def shared_round_state(round_id: uuid.UUID) -> str:
    """The state of a round, held against a change until the transaction ends (`campaigns.round_unknown`, 404)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM campaigns_round WHERE id = %s FOR SHARE", [round_id])
        row = cursor.fetchone()
    if row is None:
        raise RuleBroken("campaigns.round_unknown", status=404)
    return str(row[0])


def shared_rounds_of(due_ids: list[uuid.UUID]) -> None:
    """Hold the rounds of these due people against a change until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT 1 FROM campaigns_round r
                WHERE r.id IN (SELECT d.round_id FROM campaigns_dueperson d WHERE d.id = ANY(%s))
                ORDER BY r.id FOR SHARE""",
            [due_ids],
        )
