"""A resident's own result, without an account: the door is `population.own`'s, by ID number and phone (R53, R76)."""

from __future__ import annotations

import uuid
from typing import Any, Final

from yingjian.access import prepared

from .queries import CURRENT


def own_results(person: uuid.UUID) -> list[dict[str, Any]]:
    """What was released for a person, newest round first, with the rounds still under way (without an outcome)."""
    with prepared.cursor() as cursor:
        cursor.execute(_RESULTS, [person])
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


# The due list holds a person's outcome, and only a release (or a settled recheck) writes it there; the result that said
# so gives the rest. Anything else a tube says is nobody's business yet: the outcome stays empty.
_RESULTS: Final = f"""
SELECT n.name AS round, d.sampled_at, coalesce(x.outcome, '') AS outcome, x.tested_at, coalesce(x.method, '') AS method,
       coalesce(x.detection_limit, '') AS detection_limit, coalesce(x.laboratory, '') AS laboratory, x.released_at,
       coalesce(x.version, 1) > 1 AS corrected
  FROM campaigns_dueperson d JOIN campaigns_round n ON n.id = d.round_id
  LEFT JOIN LATERAL (
       SELECT r.outcome, r.tested_at, r.version, r.released_at, u.method, u.detection_limit, l.name AS laboratory
         FROM sampling_swab s JOIN laboratory_result r ON r.tube_id = s.tube_id
         JOIN laboratory_laboratory l ON l.id = r.laboratory_id LEFT JOIN laboratory_run u ON u.id = r.run_id
        WHERE s.due_id = d.id AND s.voided_at IS NULL AND r.outcome = d.outcome AND {CURRENT}
        ORDER BY r.released_at DESC, r.id DESC LIMIT 1) x ON d.outcome IN ('negative', 'positive')
 WHERE d.person_id = %s::uuid AND (d.sampled_at IS NOT NULL OR x.outcome IS NOT NULL)
 ORDER BY n.window_start DESC, n.id
"""  # noqa: S608 - fixed fragments
