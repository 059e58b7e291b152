"""Reads of this room: what a handler must know, pools and positives for a screen."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from yingjian.access.actor import Actor
from yingjian.campaigns.presets import Preset
from yingjian.campaigns.queries import preset_of
from yingjian.kernel.errors import RuleBroken
from yingjian.laboratory.queries import flagging, nearest_named, rows

from . import rules

PAGE: Final = 200


def findings(result_ids: Sequence[uuid.UUID]) -> dict[str, list[uuid.UUID]]:
    """What released results set in motion, by the command that follows, from facts that never change afterwards.

    `recheck.result`: results of recheck tubes. `positive.find`: positives of single screening tubes. `pool.flag`: the
    tubes that open a recheck under their round's preset.
    """
    found = rows(
        """SELECT r.id, r.round_id, r.outcome, t.mode, t.purpose FROM laboratory_result r
             JOIN sampling_tube t ON t.id = r.tube_id
            WHERE r.id = ANY(%(ids)s) AND (r.outcome <> 'negative' OR t.purpose = 'recheck') ORDER BY r.id""",
        {"ids": list(result_ids)},
    )
    sorted_out: dict[str, list[uuid.UUID]] = {"positive.find": [], "pool.flag": [], "recheck.result": []}  # fmt: skip
    presets = presets_of(row["round_id"] for row in found)
    for row in found:
        if row["purpose"] == "recheck":
            sorted_out["recheck.result"].append(row["id"])
            continue
        if row["mode"] == "single" and row["outcome"] == "positive":
            sorted_out["positive.find"].append(row["id"])
        preset = presets[row["round_id"]]
        if rules.opens_recheck(
            row["outcome"], row["mode"], flagging(preset), double_single(preset)
        ):
            sorted_out["pool.flag"].append(row["id"])
    return sorted_out


def presets_of(round_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Preset]:
    """The protocol of each round."""
    return {round_id: preset_of(round_id) for round_id in sorted(set(round_ids))}


def double_single(preset: Preset) -> bool:
    """Whether a positive single tube is tested twice again (双采双检 for single positives)."""
    return bool(preset.flagged.single_positive_double_test.value)


def tubes_to_flag(result_ids: Sequence[uuid.UUID]) -> list[dict[str, Any]]:
    """Released results whose tube has no pool yet."""
    return rows(
        """SELECT r.id AS result_id, r.round_id, r.outcome, r.released_at, t.id AS tube_id, t.code, t.area, t.mode
             FROM laboratory_result r JOIN sampling_tube t ON t.id = r.tube_id
            WHERE r.id = ANY(%(ids)s) AND r.released_at IS NOT NULL
              AND NOT EXISTS (SELECT 1 FROM cases_flaggedpool p WHERE p.tube_id = t.id)
            ORDER BY t.id, r.released_at""",
        {"ids": list(result_ids)},
    )


def tubes_lock(tube_ids: Sequence[uuid.UUID]) -> None:
    """Hold tubes until the transaction ends: whoever adds a swab to one waits, or was here before."""
    rows(
        "SELECT 1 FROM sampling_tube WHERE id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE",
        {"ids": list(tube_ids)},
    )


def tubes_of_results(result_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """The tubes these results speak of."""
    found = rows(
        "SELECT DISTINCT tube_id FROM laboratory_result WHERE id = ANY(%(ids)s)",
        {"ids": list(result_ids)},
    )
    return [row["tube_id"] for row in found]


def swabs_suspect(swab_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Those of the swabs whose tube has, or had, a released result that is not negative."""
    found = rows(
        """SELECT s.id FROM sampling_swab s WHERE s.id = ANY(%(ids)s) AND EXISTS (
                  SELECT 1 FROM laboratory_result r WHERE r.tube_id = s.tube_id AND r.outcome <> 'negative'
                     AND r.released_at IS NOT NULL)
            ORDER BY s.id""",
        {"ids": list(swab_ids)},
    )
    return [row["id"] for row in found]


def latecomers(swab_ids: Sequence[uuid.UUID]) -> list[dict[str, Any]]:
    """Standing swabs of these in tubes that are flagged now, with their tube's pool, its current positive result, and
    whether they are members. The tubes are held.
    """
    places = rows(
        "SELECT DISTINCT tube_id FROM sampling_swab WHERE id = ANY(%(ids)s) AND tube_id IS NOT NULL",
        {"ids": list(swab_ids)},
    )
    tubes_lock([row["tube_id"] for row in places])
    return rows(
        """SELECT s.id, s.tube_id, s.person_id, s.due_id, s.position, s.round_id, t.code, t.mode,
                  coalesce(nullif(s.person_area, ''), s.area) AS area, p.id AS pool_id,
                  EXISTS (SELECT 1 FROM cases_poolmember m WHERE m.pool_id = p.id AND m.swab_id = s.id) AS member,
                  (array_agg(r.id ORDER BY r.released_at, r.id) FILTER (WHERE r.outcome = 'positive'))[1] AS positive
             FROM sampling_swab s JOIN sampling_tube t ON t.id = s.tube_id
             JOIN laboratory_result r ON r.tube_id = t.id AND r.released_at IS NOT NULL AND r.outcome <> 'negative'
                  AND NOT EXISTS (SELECT 1 FROM laboratory_result n
                                   WHERE n.corrects_id = r.id AND n.released_at IS NOT NULL)
             LEFT JOIN cases_flaggedpool p ON p.tube_id = t.id
            WHERE s.id = ANY(%(ids)s) AND s.voided_at IS NULL AND t.purpose = 'screening'
            GROUP BY s.id, t.id, p.id ORDER BY s.tube_id, s.position, s.id""",
        {"ids": list(swab_ids)},
    )


def swabs_of(tube_ids: Sequence[uuid.UUID]) -> list[dict[str, Any]]:
    """The swabs in these tubes in order, less the voided."""
    return rows(
        """SELECT s.id, s.tube_id, s.person_id, s.position, coalesce(nullif(s.person_area, ''), s.area) AS area
             FROM sampling_swab s WHERE s.tube_id = ANY(%(tubes)s) AND s.voided_at IS NULL
            ORDER BY s.tube_id, s.position, s.id""",
        {"tubes": list(tube_ids)},
    )


def originals_to(
    places: Sequence[tuple[uuid.UUID, str]], presets: Mapping[uuid.UUID, Preset]
) -> dict[tuple[uuid.UUID, str], uuid.UUID | None]:
    """For each (round, area): the nearest laboratory of the kind a flagged tube is sent to (R72), if any is."""
    named = {
        (round_id, area): (area, presets[round_id].flagged.original_tube_to.value or "")
        for round_id, area in places
    }
    found = nearest_named(asked for asked in named.values() if asked[1])
    return {place: found[asked].id if asked in found else None for place, asked in named.items()}


def positives_in(result_ids: Sequence[uuid.UUID]) -> list[dict[str, Any]]:
    """Who was swabbed into the tubes of these released results."""
    return rows(
        """SELECT r.id AS result_id, r.round_id, r.outcome, s.id AS swab_id, s.person_id, s.due_id,
                  coalesce(nullif(s.person_area, ''), s.area) AS area
             FROM laboratory_result r JOIN sampling_swab s ON s.tube_id = r.tube_id AND s.voided_at IS NULL
            WHERE r.id = ANY(%(ids)s) AND r.released_at IS NOT NULL AND r.outcome = 'positive' ORDER BY s.id""",
        {"ids": list(result_ids)},
    )


def household_of(person_ids: Sequence[uuid.UUID]) -> list[tuple[uuid.UUID, uuid.UUID, str]]:
    """(person, somebody of the same household, that one's area)."""
    found = rows(
        """SELECT p.id, o.id AS other, o.area FROM population_person p
             JOIN population_person o ON o.household_id = p.household_id AND o.id <> p.id
            WHERE p.id = ANY(%(ids)s) ORDER BY p.id, o.id""",
        {"ids": list(person_ids)},
    )
    return [(row["id"], row["other"], row["area"]) for row in found]


def rechecks_of_results(result_ids: Sequence[uuid.UUID]) -> list[dict[str, Any]]:
    """Recheck swabs that these released results speak of; of several results of a tube the one released last."""
    return rows(
        """SELECT DISTINCT ON (k.id) k.id, k.member_id, r.id AS result_id, r.outcome
             FROM laboratory_result r JOIN cases_recheck k ON k.tube_id = r.tube_id
            WHERE r.id = ANY(%(ids)s) AND r.released_at IS NOT NULL ORDER BY k.id, r.version DESC""",
        {"ids": list(result_ids)},
    )


def members_with_tests(member_ids: Sequence[uuid.UUID]) -> list[dict[str, Any]]:
    """Members with the tests of their current attempt; locked, so that two results wait for each other."""
    members_lock(member_ids)
    return rows(
        """SELECT m.id, m.pool_id, m.person_id, m.area, m.state, m.attempt, m.reason, m.swab_id, s.due_id, p.round_id,
                  p.swabs_needed, p.laboratories_needed,
                  EXISTS (SELECT 1 FROM cases_recheck e
                           WHERE e.member_id = m.id AND e.outcome = 'positive') AS positive_anywhere,
                  array_agg(k.outcome::text ORDER BY k.swabbed_at, k.id) AS outcomes,
                  array_agg(k.laboratory_id ORDER BY k.swabbed_at, k.id) AS laboratories
             FROM cases_poolmember m JOIN cases_flaggedpool p ON p.id = m.pool_id
             JOIN sampling_swab s ON s.id = m.swab_id
             JOIN cases_recheck k ON k.member_id = m.id AND k.attempt = m.attempt
            WHERE m.id = ANY(%(ids)s)
            GROUP BY m.id, s.due_id, p.round_id, p.swabs_needed, p.laboratories_needed ORDER BY m.id""",
        {"ids": list(member_ids)},
    )


def pools_locked(pool_ids: Sequence[uuid.UUID]) -> list[dict[str, Any]]:
    """Pools with their members' states; locked, so that the last two members to settle agree on who was last."""
    rows(
        "SELECT 1 FROM cases_flaggedpool WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE",
        {"ids": list(pool_ids)},
    )
    return rows(
        """SELECT p.id, p.round_id, p.state, p.resolution, p.swabs_needed,
                  array_agg(m.state::text ORDER BY m.position, m.id) AS members,
                  coalesce(array_agg(m.id) FILTER (WHERE m.isolated_at IS NOT NULL OR m.settled_at IS NOT NULL), '{}')
                      AS members_isolated,
                  coalesce(array_agg(m.id) FILTER (
                      WHERE m.settled_at IS NOT NULL OR coalesce(k.swabs, 0) >= p.swabs_needed), '{}')
                      AS members_re_swabbed,
                  bool_and(m.isolated_at IS NOT NULL OR m.settled_at IS NOT NULL) AS isolated,
                  bool_and(m.settled_at IS NOT NULL OR coalesce(k.swabs, 0) >= p.swabs_needed) AS re_swabbed
             FROM cases_flaggedpool p JOIN cases_poolmember m ON m.pool_id = p.id
             LEFT JOIN LATERAL (SELECT count(*) AS swabs FROM cases_recheck k
                                 WHERE k.member_id = m.id AND k.attempt = m.attempt) k ON true
            WHERE p.id = ANY(%(ids)s) GROUP BY p.id ORDER BY p.id""",
        {"ids": list(pool_ids)},
    )


def first_positive_results(member_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Per member: the positive result that came first among the rechecks settled so far.

    Settled (`outcome` is set), not merely released: a result released meanwhile, whose own turn is still to come, is
    seen by chance and would not be seen again when the journal is replayed.
    """
    found = rows(
        """SELECT DISTINCT ON (k.member_id) k.member_id, r.id FROM cases_recheck k
             JOIN laboratory_result r ON r.tube_id = k.tube_id
            WHERE k.member_id = ANY(%(ids)s) AND k.outcome = 'positive' AND r.outcome = 'positive'
              AND r.released_at IS NOT NULL
              AND NOT EXISTS (SELECT 1 FROM laboratory_result n
                               WHERE n.corrects_id = r.id AND n.released_at IS NOT NULL)
            ORDER BY k.member_id, r.released_at, r.id""",
        {"ids": list(member_ids)},
    )
    return {row["member_id"]: row["id"] for row in found}


def attempts_of(
    round_id: uuid.UUID, person_id: uuid.UUID | None, swab_id: uuid.UUID
) -> list[dict[str, Any]]:
    """Outcomes of every attempt at a person's (or an unknown person's swab's) rechecks in a round, in order."""
    return rows(
        """SELECT m.id, m.attempt, k.attempt AS no, p.swabs_needed,
                  array_agg(k.outcome::text ORDER BY k.swabbed_at, k.id) AS outcomes
             FROM cases_poolmember m JOIN cases_flaggedpool p ON p.id = m.pool_id
             JOIN cases_recheck k ON k.member_id = m.id
            WHERE p.round_id = %(round)s
              AND (m.person_id = %(person)s OR %(person)s::uuid IS NULL AND m.swab_id = %(swab)s)
            GROUP BY m.id, m.attempt, k.attempt, p.swabs_needed ORDER BY min(k.swabbed_at), m.id, k.attempt""",
        {"round": round_id, "person": person_id, "swab": swab_id},
    )


def correction(result_id: uuid.UUID) -> dict[str, Any]:
    """A released correction: its tube, outcome and the version it replaced; `cases.result_unknown` (404)."""
    found = rows(
        """SELECT r.id, r.round_id, r.outcome, r.corrects_id, t.id AS tube_id, t.mode, t.purpose
             FROM laboratory_result r JOIN sampling_tube t ON t.id = r.tube_id
            WHERE r.id = %(id)s AND r.released_at IS NOT NULL AND r.corrects_id IS NOT NULL""",
        {"id": result_id},
    )
    if not found:
        raise RuleBroken("cases.result_unknown", status=404)
    return found[0]


# --- screens


_PAGE_OF_ROUND: Final = """p.round_id = %(round)s AND (%(state)s::text IS NULL OR p.state = %(state)s)
           AND (%(after)s::uuid IS NULL OR p.id > %(after)s)"""


def _known(state: str | None, states: Mapping[str, object]) -> None:
    """Refuse to look for a state that is none (`cases.state_unknown`)."""
    if state is not None and state not in states:
        raise RuleBroken("cases.state_unknown", state=state[:16], known=", ".join(states))


def _pool_rows(where: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    return rows(
        f"""SELECT p.id, p.round_id, t.code AS tube_code, p.area, p.mode, p.outcome, p.flagged_at, p.state,
                   p.resolved_at, p.resolution, p.closed_reason, p.original_to_id, p.original_sent_at, p.swabs_needed,
                   p.laboratories_needed, count(m.id) AS members,
                   count(m.id) FILTER (WHERE m.isolated_at IS NOT NULL) AS isolated,
                   count(m.id) FILTER (WHERE m.attempt > 0) AS re_sampled,
                   count(m.id) FILTER (WHERE m.state = 'released') AS released,
                   count(m.id) FILTER (WHERE m.state = 'confirmed') AS confirmed
              FROM cases_flaggedpool p JOIN sampling_tube t ON t.id = p.tube_id
              LEFT JOIN cases_poolmember m ON m.pool_id = p.id
             WHERE {where} GROUP BY p.id, t.code ORDER BY p.id LIMIT %(limit)s""",  # noqa: S608 - fixed fragments
        {"limit": PAGE, **params},
    )


def pools_for(
    actor: Actor, round_id: uuid.UUID, *, state: str | None = None, after: uuid.UUID | None = None,
    limit: int = PAGE,
) -> list[dict[str, Any]]:  # fmt: skip
    """Flagged pools of a round in the actor's sight, with counts of their members; keyset by id."""
    _known(state, rules.POOL_STATES)
    return _pool_rows(
        _PAGE_OF_ROUND, {"round": round_id, "state": state, "after": after, "limit": limit}
    )


def pool_for(actor: Actor, pool_id: uuid.UUID) -> dict[str, Any]:
    """One pool: members in order with masked names, their swabs side by side, teams. `cases.pool_unknown` (404)."""
    found = _pool_rows("p.id = %(id)s", {"id": pool_id})
    if not found:
        raise RuleBroken("cases.pool_unknown", status=404)
    tests = rows(
        """SELECT k.member_id, k.attempt, t.code AS tube_code, k.laboratory_id,
                  coalesce(l.name, '') AS laboratory, k.swabbed_at,
                  k.outcome, k.outcome_at
             FROM cases_recheck k JOIN sampling_tube t ON t.id = k.tube_id
             LEFT JOIN laboratory_laboratory l ON l.id = k.laboratory_id
             JOIN cases_poolmember m ON m.id = k.member_id
            WHERE m.pool_id = %(id)s ORDER BY k.attempt, k.swabbed_at, k.id""",
        {"id": pool_id},
    )
    members = rows(
        """SELECT m.id, m.position, m.person_id, coalesce(left(p.name, 1) || '**', '') AS name,
                  coalesce(p.id_tail, '') AS id_tail, coalesce(p.phone_tail, '') AS phone_tail, m.area,
                  m.state, m.attempt, m.reason, m.isolation_sent_at, m.isolated_at, m.settled_at
             FROM cases_poolmember m LEFT JOIN population_person p ON p.id = m.person_id
            WHERE m.pool_id = %(id)s ORDER BY m.position, m.id""",
        {"id": pool_id},
    )
    for member in members:
        member["tests"] = [test for test in tests if test["member_id"] == member["id"]]
    teams = rows(
        """SELECT id, team, sent_at, arrived_at FROM cases_dispatch WHERE pool_id = %(id)s ORDER BY sent_at, id""",
        {"id": pool_id},
    )
    return {**found[0], "members": members, "teams": teams}


def _positive_rows(where: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    return rows(
        f"""SELECT p.id, p.round_id, p.case_no, p.person_id,
                  coalesce(left(x.name, 1) || '**', '') AS name, p.area, p.found_at,
                   p.state, p.doubt, p.household_measure, p.reported_at, p.decided_at, p.decided_reason,
                   count(n.id) FILTER (WHERE n.message <> 'withdrawal') AS notices,
                   count(n.acknowledged_at) FILTER (WHERE n.message <> 'withdrawal') AS acknowledged
              FROM cases_positive p LEFT JOIN population_person x ON x.id = p.person_id
              LEFT JOIN cases_notice n ON n.positive_id = p.id
             WHERE {where} GROUP BY p.id, x.name ORDER BY p.id LIMIT %(limit)s""",  # noqa: S608 - fixed fragments
        {"limit": PAGE, **params},
    )


def positives_for(
    actor: Actor, round_id: uuid.UUID, *, state: str | None = None, after: uuid.UUID | None = None,
    limit: int = PAGE,
) -> list[dict[str, Any]]:  # fmt: skip
    """Positives of a round in the actor's sight; names masked."""
    _known(state, rules.POSITIVE_STATES)
    return _positive_rows(
        _PAGE_OF_ROUND, {"round": round_id, "state": state, "after": after, "limit": limit}
    )


def positive_for(actor: Actor, positive_id: uuid.UUID) -> dict[str, Any]:
    """One positive: every notice with its times, the household as contacts. `cases.positive_unknown` (404)."""
    found = _positive_rows("p.id = %(id)s", {"id": positive_id})
    if not found:
        raise RuleBroken("cases.positive_unknown", status=404)
    notices = rows(
        """SELECT id, party, message, sent_at, acknowledged_at, acknowledged_by FROM cases_notice
            WHERE positive_id = %(id)s ORDER BY message, party""",
        {"id": positive_id},
    )
    contacts = rows(
        """SELECT c.id, c.person_id,
                  coalesce(left(p.name, 1) || '**', '') AS name, c.area, c.category, c.basis, c.suggested_at
             FROM cases_contact c LEFT JOIN population_person p ON p.id = c.person_id
            WHERE c.positive_id = %(id)s ORDER BY c.id""",
        {"id": positive_id},
    )
    return {**found[0], "notices": notices, "contacts": contacts}


# --- conservation


def conservation(round_id: uuid.UUID | None = None) -> dict[str, list[str]]:
    """The laws of this room, each with the records that break it (empty: it holds). Ask with sight of everywhere."""
    return {
        law: [str(row["breaks"]) for row in rows(sql, {"round": round_id})]
        for law, sql in _LAWS.items()
    }


_LAWS: Final = {
    "flagged_results_have_a_pool": """
        SELECT t.code AS breaks FROM laboratory_result r JOIN sampling_tube t ON t.id = r.tube_id
          JOIN campaigns_round p ON p.id = r.round_id JOIN campaigns_preset c ON c.id = p.preset_id
         WHERE (%(round)s::uuid IS NULL OR p.id = %(round)s) AND r.released_at IS NOT NULL AND t.purpose = 'screening'
           AND t.mode <> 'single' AND c.document -> 'flagged' -> 'outcomes' -> 'value' ? r.outcome
           AND NOT EXISTS (SELECT 1 FROM cases_flaggedpool f WHERE f.tube_id = t.id)""",
    "positive_singles_have_a_case": """
        SELECT t.code AS breaks FROM laboratory_result p JOIN sampling_tube t ON t.id = p.tube_id
          JOIN sampling_swab s ON s.tube_id = t.id AND s.voided_at IS NULL
         WHERE (%(round)s::uuid IS NULL OR p.round_id = %(round)s)
           AND p.released_at IS NOT NULL AND p.outcome = 'positive' AND t.mode = 'single'
           AND NOT EXISTS (SELECT 1 FROM laboratory_result n WHERE n.corrects_id = p.id AND n.released_at IS NOT NULL)
           AND NOT EXISTS (SELECT 1 FROM cases_positive x WHERE x.round_id = p.round_id
                            AND (x.person_id = s.person_id OR s.person_id IS NULL AND x.swab_id = s.id))""",
    "members_are_the_swabs_of_the_tube": """
        SELECT t.code AS breaks FROM cases_flaggedpool p JOIN sampling_tube t ON t.id = p.tube_id
         WHERE (%(round)s::uuid IS NULL OR p.round_id = %(round)s)
           AND EXISTS (SELECT 1 FROM sampling_swab s WHERE s.tube_id = t.id AND s.voided_at IS NULL
                  AND NOT EXISTS (SELECT 1 FROM cases_poolmember m WHERE m.pool_id = p.id AND m.swab_id = s.id))
           AND EXISTS (SELECT 1 FROM laboratory_result r WHERE r.tube_id = t.id AND r.outcome <> 'negative'
                  AND r.released_at IS NOT NULL AND NOT EXISTS (
                      SELECT 1 FROM laboratory_result n WHERE n.corrects_id = r.id AND n.released_at IS NOT NULL))""",
    "members_were_swabbed_into_the_tube": """
        SELECT t.code AS breaks FROM cases_poolmember m JOIN cases_flaggedpool p ON p.id = m.pool_id
          JOIN sampling_tube t ON t.id = p.tube_id JOIN sampling_swab s ON s.id = m.swab_id
         WHERE (%(round)s::uuid IS NULL OR p.round_id = %(round)s)
           AND s.tube_id <> t.id AND s.moved_at IS NULL""",
    "resolved_pools_are_settled": """
        SELECT p.id AS breaks FROM cases_flaggedpool p JOIN cases_poolmember m ON m.pool_id = p.id
         WHERE (%(round)s::uuid IS NULL OR p.round_id = %(round)s) GROUP BY p.id
        HAVING (p.state = 'resolved') <> bool_and(m.settled_at IS NOT NULL)
            OR p.resolution = 'all_negative' AND bool_or(m.state = 'confirmed')""",
    "released_members_have_every_swab_negative": """
        SELECT m.id AS breaks FROM cases_poolmember m JOIN cases_flaggedpool p ON p.id = m.pool_id
          LEFT JOIN cases_recheck k ON k.member_id = m.id AND k.attempt = m.attempt
         WHERE (%(round)s::uuid IS NULL OR p.round_id = %(round)s)
           AND m.state = 'released' AND p.resolution IS DISTINCT FROM 'withdrawn'
         GROUP BY m.id, p.swabs_needed, p.laboratories_needed
        HAVING count(*) FILTER (WHERE k.outcome = 'negative') < p.swabs_needed
            OR count(*) FILTER (WHERE k.outcome IS DISTINCT FROM 'negative') > 0
            OR count(DISTINCT k.laboratory_id) < p.laboratories_needed""",
    "confirmed_members_have_a_case": """
        SELECT m.id AS breaks FROM cases_poolmember m JOIN cases_flaggedpool p ON p.id = m.pool_id
         WHERE (%(round)s::uuid IS NULL OR p.round_id = %(round)s)
           AND m.state = 'confirmed' AND NOT EXISTS (
               SELECT 1 FROM cases_positive x WHERE x.round_id = p.round_id
                  AND (x.person_id = m.person_id OR m.person_id IS NULL))""",
    "positives_told_every_party_at_once": """
        SELECT p.case_no AS breaks FROM cases_positive p JOIN campaigns_round r ON r.id = p.round_id
          JOIN campaigns_preset c ON c.id = r.preset_id
          LEFT JOIN cases_notice n ON n.positive_id = p.id AND n.message <> 'withdrawal'
         WHERE (%(round)s::uuid IS NULL OR p.round_id = %(round)s) GROUP BY p.id, c.document
        HAVING count(n.id) <> jsonb_array_length(c.document -> 'notices' -> 'parties' -> 'value')
                              * jsonb_array_length(c.document -> 'notices' -> 'messages' -> 'value')
            OR count(DISTINCT n.sent_at) > 1""",
}


# --- small facts for handlers


def members_lock(member_ids: Sequence[uuid.UUID]) -> None:
    """Hold these members until the transaction ends, in one order."""
    rows(
        "SELECT 1 FROM cases_poolmember WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE",
        {"ids": list(member_ids)},
    )


def laboratories_known(ids: Sequence[uuid.UUID]) -> None:
    """`cases.laboratory_unknown` (404)."""
    found = rows("SELECT id FROM laboratory_laboratory WHERE id = ANY(%(ids)s)", {"ids": list(ids)})
    if len(found) < len(set(ids)):
        raise RuleBroken("cases.laboratory_unknown", status=404)


def cases_known(round_ids: Sequence[uuid.UUID], case_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these cases exist. Holds a lock per round: two laboratories reporting one person open one case."""
    for round_id in round_ids:
        rows(
            "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 0))::text",
            {"key": f"cases.positive.{round_id}"},
        )
    found = rows("SELECT id FROM cases_positive WHERE id = ANY(%(ids)s)", {"ids": list(case_ids)})
    return {row["id"] for row in found}


def due_of_person(round_id: uuid.UUID, person_id: uuid.UUID | None) -> list[uuid.UUID]:
    """The due-list entry of a person, as a list of none or one."""
    found = rows(
        "SELECT id FROM campaigns_dueperson WHERE round_id = %(round)s AND person_id = %(person)s",
        {"round": round_id, "person": person_id},
    )
    return [row["id"] for row in found]


def still_flagged(tube_id: uuid.UUID) -> bool:
    """Whether some laboratory's current released result of a tube is anything but negative."""
    return bool(
        rows(
            """SELECT 1 FROM laboratory_result r WHERE r.tube_id = %(tube)s AND r.outcome <> 'negative'
                  AND r.released_at IS NOT NULL AND NOT EXISTS (
                      SELECT 1 FROM laboratory_result n WHERE n.corrects_id = r.id AND n.released_at IS NOT NULL)""",
            {"tube": tube_id},
        )
    )


def cases_supported(case_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Cases that a current released positive of the same person in a single tube supports."""
    found = rows(
        """SELECT DISTINCT c.id FROM cases_positive c
             JOIN sampling_swab s ON s.round_id = c.round_id AND s.voided_at IS NULL
                  AND (s.person_id = c.person_id OR s.id = c.swab_id)
             JOIN sampling_tube t ON t.id = s.tube_id AND t.mode = 'single'
             JOIN laboratory_result r ON r.tube_id = t.id AND r.outcome = 'positive' AND r.released_at IS NOT NULL
            WHERE c.id = ANY(%(ids)s) AND NOT EXISTS (
                  SELECT 1 FROM laboratory_result n WHERE n.corrects_id = r.id AND n.released_at IS NOT NULL)""",
        {"ids": list(case_ids)},
    )
    return {row["id"] for row in found}
