"""The figures registry: every named figure has one definition, and its rows are that definition.

A figure is a query for *rows* about one round as of one moment, and a measure over them: how many, or the sum of one
column. Value and drill-down therefore cannot disagree. Parameters: `%(round)s` and `%(as_of)s`. Rows carry no personal
data: people appear by id and village. Labels stand in `figures.zh.json` and `figures.en.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Figure:
    """`rows`: SQL for the records counted. `measure`: "count", or the name of the column to add up, to take the
    least/greatest of (`min:`, `max:`) or what 95 of 100 do not exceed (`p95:`). `by`: the column that splits the figure into parts, when it has parts."""

    key: str
    group: str
    rows: str
    measure: str = "count"
    by: str | None = None
    kind: str = "number"


_DUE = """SELECT d.person_id, d.area, d.category, d.mode, d.home, d.state, d.reason, d.owner, d.sampled_at, d.resulted_at,
                 d.outcome, d.caught_up_at, d.added_by IS NOT NULL AS added
            FROM campaigns_dueperson d WHERE d.round_id = %(round)s"""
_SWAB = """SELECT s.id AS swab_id, t.code AS tube, s.position, s.person_id, s.area, s.entry, s.taken_at, s.stub_no,
                  s.flags, st.code AS station
             FROM sampling_swab s JOIN sampling_tube t ON t.id = s.tube_id JOIN sampling_station st ON st.id = t.station_id
            WHERE s.round_id = %(round)s AND t.purpose = 'screening' AND s.voided_at IS NULL AND s.taken_at <= %(as_of)s"""
_TUBE = """SELECT t.code, t.binding, t.area, t.mode, t.capacity, t.people, t.state, t.opened_at, t.sealed_at, t.flags,
                  si.code AS site, b.code AS box
             FROM sampling_tube t JOIN sampling_site si ON si.id = t.site_id LEFT JOIN logistics_box b ON b.id = t.box_id
            WHERE t.round_id = %(round)s AND t.purpose = 'screening' AND t.opened_at <= %(as_of)s"""
_POST = """SELECT DISTINCT ON (p.staff_id) p.staff_id, m.area, i.name AS institution, p.job, m.supporting, p.site_code
             FROM workforce_post p JOIN workforce_staffmember m ON m.id = p.staff_id
             JOIN workforce_institution i ON i.id = m.institution_id
            WHERE p.round_id = %(round)s ORDER BY p.staff_id, p.starts"""
_RESULT = """SELECT t.code AS tube, t.area, r.version, r.outcome, r.tested_at, r.released_at,
                    coalesce(l.name, '') AS laboratory, t.people
               FROM laboratory_result r JOIN sampling_tube t ON t.id = r.tube_id
               LEFT JOIN laboratory_laboratory l ON l.id = r.laboratory_id
              WHERE r.round_id = %(round)s AND t.purpose = 'screening' AND r.released_at <= %(as_of)s
                AND NOT EXISTS (SELECT 1 FROM laboratory_result n WHERE n.corrects_id = r.id AND n.released_at <= %(as_of)s)"""
_SUPPLY = """SELECT m.item_id AS item, m.quantity, m.giver, m.taker, m.at, m.form_no, m.area FROM logistics_supplymove m
              WHERE m.round_id = %(round)s AND m.at <= %(as_of)s"""
# Each tube of the round at its laboratory: from its first swab to the hand-over, and what followed. `home`: swabbed at a
# door; `late`: somebody in it was given up before and came after all.
_AGE = """SELECT t.code, si.code AS site, w.home, w.late, t.first_swab_at, w.last_swab_at, h.delivered_at, x.loaded_at,
                 p.released_at, round(extract(epoch FROM h.delivered_at - t.first_swab_at) / 60.0, 2)::float8 AS minutes, t.area
            FROM sampling_tube t JOIN sampling_site si ON si.id = t.site_id
            JOIN (SELECT b.box_id, min(o.at) AS delivered_at FROM logistics_handover o
                    JOIN logistics_handoverbox b ON b.hand_over_id = o.id
                   WHERE o.round_id = %(round)s AND o.kind = 'delivery' AND o.at <= %(as_of)s GROUP BY 1) h ON h.box_id = t.box_id
            JOIN (SELECT s.tube_id, max(s.taken_at) AS last_swab_at, coalesce(bool_or(d.home), false) AS home,
                         coalesce(bool_or(d.caught_up_at IS NOT NULL), false) AS late
                    FROM sampling_swab s
                    LEFT JOIN campaigns_dueperson d ON d.round_id = s.round_id AND d.person_id = s.person_id
                   WHERE s.round_id = %(round)s AND s.voided_at IS NULL GROUP BY 1) w ON w.tube_id = t.id
            LEFT JOIN (SELECT l.tube_id, min(r.started_at) AS loaded_at FROM laboratory_run r
                         JOIN laboratory_runtube l ON l.run_id = r.id
                        WHERE r.round_id = %(round)s AND r.started_at <= %(as_of)s GROUP BY 1) x ON x.tube_id = t.id
            LEFT JOIN (SELECT tube_id, min(released_at) AS released_at FROM laboratory_result
                        WHERE round_id = %(round)s AND released_at <= %(as_of)s GROUP BY 1) p ON p.tube_id = t.id
           WHERE t.round_id = %(round)s AND t.purpose = 'screening' AND t.state <> 'voided' AND t.first_swab_at IS NOT NULL"""


def _where(rows: str, condition: str) -> str:
    return f"SELECT * FROM ({rows}) x WHERE {condition}"


def source_of(rows: str) -> tuple[str, str]:
    """The records a definition starts from, and which of them it takes (empty: all), each on one line."""
    told = " ".join(rows.split())
    if not told.startswith("SELECT * FROM ("):
        return told, ""
    source, _, condition = told.removeprefix("SELECT * FROM (").rpartition(") x WHERE ")
    return source, condition


_ALL: Final = (
    Figure("due_frozen", "people", _where(_DUE, "NOT added")),
    Figure("due_added", "people", _where(_DUE, "added")),
    Figure("due_people", "people", _DUE, by="state"),
    Figure("people_sampled", "people", _where(_DUE, "sampled_at <= %(as_of)s")),
    Figure(
        "people_resulted",
        "people",
        _where(_DUE, "state = 'resulted' AND resulted_at <= %(as_of)s"),
        by="outcome",
    ),
    Figure(
        "people_negative", "people", _where(_DUE, "state = 'resulted' AND outcome = 'negative'")
    ),
    Figure(
        "people_positive", "people", _where(_DUE, "state = 'resulted' AND outcome = 'positive'")
    ),
    Figure("people_excused", "people", _where(_DUE, "state = 'excused'"), by="reason"),
    Figure("people_missed", "people", _where(_DUE, "state = 'missed'"), by="owner"),
    Figure("people_caught_up", "people", _where(_DUE, "caught_up_at <= %(as_of)s")),
    Figure(
        "people_without_result",
        "people",
        _where(
            _DUE, "sampled_at <= %(as_of)s AND (resulted_at IS NULL OR resulted_at > %(as_of)s)"
        ),
        by="area",
    ),
    Figure("people_waiting", "people", _where(_DUE, "state = 'due'"), by="area"),
    Figure("people_at_home", "people", _where(_DUE, "home")),
    Figure("samples", "samples", _where(_TUBE, "state <> 'voided'"), measure="people"),
    Figure("stubs", "samples", _where(_SWAB, "stub_no <> ''")),
    Figure("register_rows", "samples", _SWAB, by="entry"),
    Figure("swabs_flagged", "samples", _where(_SWAB, "flags <> '[]'::jsonb")),
    Figure("first_sample_at", "samples", _SWAB, measure="min:taken_at", kind="time"),
    Figure("last_sample_at", "samples", _SWAB, measure="max:taken_at", kind="time"),
    Figure("tubes", "samples", _where(_TUBE, "state <> 'voided'"), by="state"),
    Figure(
        "tubes_full",
        "samples",
        _where(_TUBE, "state <> 'voided' AND mode = 'pool' AND people = capacity"),
    ),
    Figure(
        "tubes_lost",
        "samples",
        _where(_TUBE, "state IN ('broken', 'missing', 'rejected')"),
        by="state",
    ),
    Figure(
        "sites",
        "places",
        """SELECT code, name, area, people_planned, lead, state, opened_at, closed_at FROM sampling_site
                                  WHERE round_id = %(round)s AND kind <> 'home'""",
    ),
    Figure(
        "stations", "places", "SELECT code, area FROM sampling_station WHERE round_id = %(round)s"
    ),
    Figure("staff", "people_at_work", _POST, by="job"),
    Figure("samplers", "people_at_work", _where(_POST, "job = 'sampler'")),
    Figure("registrars", "people_at_work", _where(_POST, "job = 'registrar'")),
    Figure("police", "people_at_work", _where(_POST, "job = 'police'")),
    Figure(
        "volunteers",
        "people_at_work",
        _where(_POST, "job NOT IN ('sampler', 'registrar', 'police')"),
    ),
    Figure("staff_supporting", "people_at_work", _where(_POST, "supporting"), by="institution"),
    Figure(
        "trainings",
        "people_at_work",
        """SELECT topic, held_at, attended FROM workforce_training
                                             WHERE round_id = %(round)s AND held_at <= %(as_of)s""",
    ),
    Figure(
        "work_groups",
        "people_at_work",
        "SELECT name, leader, duty FROM workforce_workgroup WHERE round_id = %(round)s",
    ),
    Figure(
        "vehicles",
        "custody",
        """SELECT v.plate, v.driver, v.route, v.area FROM logistics_vehicle v
                                      WHERE EXISTS (SELECT 1 FROM campaigns_round r WHERE r.id = %(round)s
                                                       AND v.area ^@ r.area)
                                         OR EXISTS (SELECT 1 FROM logistics_handover h WHERE h.vehicle_id = v.id
                                                       AND h.round_id = %(round)s AND h.at <= %(as_of)s)""",
    ),
    Figure(
        "boxes",
        "custody",
        """SELECT b.code, b.area, b.site_code, b.state, b.sealed_at, b.tubes_stated, b.holder
                                    FROM logistics_box b WHERE b.round_id = %(round)s AND b.opened_at <= %(as_of)s""",
        by="state",
    ),
    Figure(
        "delivered_at",
        "custody",
        """SELECT h.id, h.at, h.giver, h.taker, h.boxes_counted, h.tubes_counted, h.area
                                           FROM logistics_handover h WHERE h.round_id = %(round)s AND h.kind = 'delivery'
                                            AND h.at <= %(as_of)s""",
        measure="max:at",
        kind="time",
    ),
    Figure("tube_age_p95", "custody", _AGE, measure="p95:minutes"),
    Figure(
        "discrepancies",
        "custody",
        """SELECT kind, subject_label, expected, actual, area, owner_role, opened_at,
                                                 resolved_at, resolution FROM logistics_discrepancy
                                           WHERE round_id = %(round)s AND opened_at <= %(as_of)s""",
        by="kind",
    ),
    Figure(
        "discrepancies_open",
        "custody",
        """SELECT kind, subject_label, expected, actual, area, owner_role, opened_at
                                                 FROM logistics_discrepancy WHERE round_id = %(round)s
                                                  AND opened_at <= %(as_of)s AND resolved_at IS NULL""",
    ),
    Figure("tubes_resulted", "results", _RESULT, by="outcome"),
    Figure(
        "samples_negative", "results", _where(_RESULT, "outcome = 'negative'"), measure="people"
    ),
    Figure("results_corrected", "results", _where(_RESULT, "version > 1")),
    Figure(
        "pools_flagged",
        "results",
        """SELECT p.id, t.code AS tube, p.area, p.outcome, p.flagged_at, p.state, p.resolution,
                                                 p.resolved_at FROM cases_flaggedpool p JOIN sampling_tube t ON t.id = p.tube_id
                                           WHERE p.round_id = %(round)s AND p.flagged_at <= %(as_of)s""",
        by="state",
    ),
    Figure(
        "positives",
        "results",
        """SELECT case_no, area, found_at, state, reported_at FROM cases_positive
                                       WHERE round_id = %(round)s AND found_at <= %(as_of)s""",
        by="state",
    ),
    Figure(
        "notices",
        "results",
        """SELECT p.case_no, n.area, n.party, n.message, n.sent_at, n.acknowledged_at,
                                           n.acknowledged_by FROM cases_notice n JOIN cases_positive p ON p.id = n.positive_id
                                     WHERE p.round_id = %(round)s AND n.sent_at <= %(as_of)s""",
        by="party",
    ),
    Figure(
        "supplies_used",
        "supplies",
        _where(_SUPPLY, "taker = 'used'"),
        measure="quantity",
        by="item",
    ),
    Figure(
        "waste_bags",
        "supplies",
        """SELECT site_code, bags, weight_g, packed_at, note_no, taker, handed_at, area
                                          FROM logistics_wastelot WHERE round_id = %(round)s AND packed_at <= %(as_of)s""",
        measure="bags",
    ),
    Figure(
        "disinfections",
        "supplies",
        """SELECT place_kind, place_code, kind, agent, ordered_at, done_at, area
                                             FROM containment_disinfectionorder WHERE round_id = %(round)s
                                              AND done_at <= %(as_of)s""",
        by="kind",
    ),
    Figure(
        "clocks_met",
        "clocks",
        """SELECT code, subject_label, area, owner_role, origin, started_at, due_at, stopped_at
                                        FROM access_clock WHERE round_id = %(round)s AND stopped_at <= %(as_of)s
                                         AND breached_at IS NULL""",
        by="code",
    ),
    Figure(
        "clocks_breached",
        "clocks",
        """SELECT code, subject_label, area, owner_role, owner_name, origin, started_at, due_at,
                                                  stopped_at, escalated_at FROM access_clock WHERE round_id = %(round)s
                                             AND due_at < %(as_of)s AND (stopped_at IS NULL OR stopped_at > due_at)""",
        by="code",
    ),
    Figure(
        "clocks_running",
        "clocks",
        """SELECT code, subject_label, area, owner_role, owner_name, origin, started_at, due_at
                                            FROM access_clock WHERE round_id = %(round)s AND started_at <= %(as_of)s
                                             AND (stopped_at IS NULL OR stopped_at > %(as_of)s)""",
        by="code",
    ),
    Figure(
        "tasks_open",
        "clocks",
        """SELECT kind, title, area, owner_role, owner_name, opened_at, due_at FROM ledgers_task
                                       WHERE round_id = %(round)s AND opened_at <= %(as_of)s AND done_at IS NULL""",
        by="kind",
    ),
)

FIGURES: Final[dict[str, Figure]] = {figure.key: figure for figure in _ALL}
