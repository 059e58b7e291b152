"""The conservation laws of tubes and swabs, recomputed from rows for `yingjian verify` (design §1, second promise).

Each law is one statement that returns what was expected, what was found, and the first things it fails on.
"""

from __future__ import annotations

import uuid
from typing import Final

from yingjian.logistics.queries import run_checks
from yingjian.logistics.values import Check

LAWS: Final = {
    # name → (expected, actual, what fails): each an SQL text over the round given, or over all
    "swabs_fill_their_tube": """
        SELECT t.people AS expected, coalesce(s.people, 0) AS actual, t.code AS label
          FROM sampling_tube t LEFT JOIN (
               SELECT tube_id, count(*) AS people FROM sampling_swab WHERE voided_at IS NULL AND tube_id IS NOT NULL
                GROUP BY tube_id) s ON s.tube_id = t.id
         WHERE {round}""",
    "bindings_of_a_code_are_numbered": """
        SELECT count(*) AS expected, count(DISTINCT t.binding) AS actual, t.code AS label
          FROM sampling_tube t WHERE t.code <> '' AND t.code IN (SELECT t.code FROM sampling_tube t WHERE {round})
         GROUP BY t.code""",
    "people_sampled_have_a_valid_swab": """
        SELECT (d.sampled_at IS NOT NULL)::int AS expected, (s.due_id IS NOT NULL)::int AS actual, d.id::text AS label
          FROM campaigns_dueperson d FULL JOIN (
               SELECT DISTINCT s.due_id FROM sampling_swab s JOIN sampling_tube t ON t.id = s.tube_id
                WHERE s.voided_at IS NULL AND s.due_id IS NOT NULL AND t.purpose = 'screening'
                  AND t.state NOT IN ('broken', 'rejected', 'voided')) s ON s.due_id = d.id
          JOIN campaigns_round r ON r.id = d.round_id AND {round_id}""",
    "swabs_name_the_due_row_of_their_person": """
        SELECT 1 AS expected, s.id::text AS label,
               (s.due_id IS NOT NULL AND d.person_id = s.person_id AND d.round_id = s.round_id)::int AS actual
          FROM sampling_swab s LEFT JOIN campaigns_dueperson d ON d.id = s.due_id
         WHERE s.person_id IS NOT NULL AND {swab}""",
    "boxed_tubes_are_on_one_manifest": """
        SELECT 1 AS expected, count(l.id) AS actual, t.code AS label
          FROM sampling_tube t LEFT JOIN logistics_boxline l
               ON l.tube_id = t.id AND l.box_id = t.box_id AND l.moved_at IS NULL
         WHERE t.box_id IS NOT NULL AND {round} GROUP BY t.id, t.code""",
    "manifests_count_the_people_in_their_tubes": """
        SELECT t.people AS expected, l.people AS actual, t.code AS label
          FROM logistics_boxline l JOIN sampling_tube t ON t.id = l.tube_id WHERE l.moved_at IS NULL AND {round}""",
    "counts_at_the_seal_agree_or_are_owned": """
        SELECT t.count_stated AS expected, coalesce(s.people, 0) AS actual, t.code AS label
          FROM sampling_tube t LEFT JOIN (
               SELECT s.tube_id, count(*) AS people FROM sampling_swab s JOIN sampling_tube t ON t.id = s.tube_id
                WHERE s.taken_at <= t.sealed_at AND (s.voided_at IS NULL OR s.voided_at > t.sealed_at)
                GROUP BY s.tube_id) s ON s.tube_id = t.id
         WHERE t.count_stated IS NOT NULL AND {round}
           AND NOT EXISTS (
               SELECT 1 FROM logistics_discrepancy g WHERE g.kind = 'tube_count' AND g.subject_id = t.id)""",
    "racks_agree_or_are_owned": """
        SELECT c.tubes_system AS expected, c.tubes_counted AS actual, c.id::text AS label FROM sampling_rackcount c
         WHERE {rack} AND NOT EXISTS (
               SELECT 1 FROM logistics_discrepancy g WHERE g.kind = 'rack_count' AND g.subject_id = c.id)""",
}


def conservation(round_id: uuid.UUID | None = None) -> list[Check]:
    """Every law of this room, for one round or all. Needs sight of everywhere."""
    scoped = {
        "round": "(%(round)s::uuid IS NULL OR t.round_id = %(round)s)",
        "round_id": "(%(round)s::uuid IS NULL OR d.round_id = %(round)s)",
        "swab": "(%(round)s::uuid IS NULL OR s.round_id = %(round)s)",
        "rack": "(%(round)s::uuid IS NULL OR c.round_id = %(round)s)",
    }
    return run_checks({name: law.format_map(scoped) for name, law in LAWS.items()}, round_id)
