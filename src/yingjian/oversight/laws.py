"""The laws of conservation, each a query for the records that break it. `verify` runs them as the owner of the tables.

A law holds when its query finds nothing. The first column names the offending record by a code or an
id, never by a person. They are written from the records alone, apart from the code that keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from yingjian.logistics.values import OUTSIDE


@dataclass(frozen=True, slots=True)
class Law:
    key: str
    breakers: str


_OUTSIDE: Final = ", ".join(f"'{place}'" for place in OUTSIDE)
_UNEXPLAINED = (
    """AND NOT EXISTS (SELECT 1 FROM logistics_discrepancy d WHERE d.subject_id = {subject})"""
)

LAWS: Final = (
    # promise 1: the denominator closes
    Law("due_total_is_frozen", """
        SELECT r.name, r.due_total, count(d.id) FROM campaigns_round r
          LEFT JOIN campaigns_dueperson d ON d.round_id = r.id AND d.added_by IS NULL
         WHERE r.frozen_at IS NOT NULL GROUP BY r.id HAVING count(d.id) <> r.due_total"""),
    Law("closed_rounds_are_terminal", """
        SELECT r.name, d.state, count(*) FROM campaigns_round r JOIN campaigns_dueperson d ON d.round_id = r.id
         WHERE r.state = 'closed' AND d.state NOT IN ('resulted', 'excused', 'missed') GROUP BY r.id, d.state"""),
    Law("sampled_people_have_a_swab", """
        SELECT d.id FROM campaigns_dueperson d
         WHERE d.sampled_at IS NOT NULL AND NOT EXISTS (
               SELECT 1 FROM sampling_swab s WHERE s.due_id = d.id AND s.voided_at IS NULL)"""),
    Law("swabbed_people_are_sampled", """
        SELECT s.id FROM sampling_swab s JOIN sampling_tube t ON t.id = s.tube_id
          JOIN campaigns_dueperson d ON d.id = s.due_id
         WHERE s.voided_at IS NULL AND t.purpose = 'screening' AND d.sampled_at IS NULL
           AND t.state NOT IN ('voided', 'broken', 'missing', 'rejected')
           AND NOT EXISTS (SELECT 1 FROM laboratory_result r WHERE r.tube_id = t.id AND r.outcome = 'invalid')"""),
    Law("known_people_are_on_the_due_list", """
        SELECT s.id FROM sampling_swab s JOIN sampling_tube t ON t.id = s.tube_id
         WHERE s.person_id IS NOT NULL AND s.due_id IS NULL AND s.voided_at IS NULL AND t.purpose = 'screening'"""),
    Law("people_added_have_a_trace", """
        SELECT d.id FROM campaigns_dueperson d WHERE d.added_by IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM access_journal j WHERE j.command_id = d.added_by AND j.verdict = 'applied')"""),
    Law("missed_people_have_a_task", """
        SELECT d.id FROM campaigns_dueperson d WHERE d.state = 'missed' AND d.caught_up_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM ledgers_task k WHERE k.subject_id = d.id)"""),
    Law("results_follow_a_release", """
        SELECT d.id FROM campaigns_dueperson d WHERE d.state = 'resulted' AND NOT EXISTS (
               SELECT 1 FROM sampling_swab s JOIN laboratory_result r ON r.tube_id = s.tube_id
                WHERE s.person_id = d.person_id AND s.round_id = d.round_id AND s.voided_at IS NULL
                  AND r.released_at IS NOT NULL)"""),
    Law("no_negative_hides_a_positive", """
        SELECT d.id FROM campaigns_dueperson d
          JOIN sampling_swab s ON s.due_id = d.id AND s.voided_at IS NULL
          JOIN sampling_tube t ON t.id = s.tube_id AND t.mode = 'single'
          JOIN laboratory_result r ON r.tube_id = t.id AND r.outcome = 'positive' AND r.released_at IS NOT NULL
         WHERE d.outcome = 'negative'
           AND NOT EXISTS (SELECT 1 FROM laboratory_result n WHERE n.corrects_id = r.id AND n.released_at IS NOT NULL)
           AND NOT EXISTS (SELECT 1 FROM cases_positive p WHERE p.swab_id = s.id AND p.state = 'excluded')"""),
    # promise 2: custody conserves
    Law("swabs_fill_their_tube", """
        SELECT t.code, t.people, count(s.id) FROM sampling_tube t
          LEFT JOIN sampling_swab s ON s.tube_id = t.id AND s.voided_at IS NULL
         GROUP BY t.id HAVING count(s.id) <> t.people"""),
    Law("tube_codes_are_told_apart", """
        SELECT code, count(*), count(DISTINCT binding) FROM sampling_tube WHERE code <> ''
         GROUP BY code HAVING count(*) <> count(DISTINCT binding)"""),
    Law("boxed_tubes_are_on_the_manifest", """
        SELECT t.code, b.code FROM sampling_tube t JOIN logistics_box b ON b.id = t.box_id
         WHERE NOT EXISTS (SELECT 1 FROM logistics_boxline l WHERE l.box_id = t.box_id AND l.tube_id = t.id)"""),
    Law("a_sealed_box_holds_what_it_says", """
        SELECT b.code, b.tubes_stated, count(l.id) FROM logistics_box b LEFT JOIN logistics_boxline l ON l.box_id = b.id
               AND (l.moved_at IS NULL OR l.moved_at > b.sealed_at)
         WHERE b.tubes_stated IS NOT NULL AND NOT EXISTS (
               SELECT 1 FROM logistics_discrepancy d WHERE d.subject_id = b.id)
         GROUP BY b.id HAVING count(l.id) <> b.tubes_stated"""),
    Law("racks_agree_or_are_explained", """
        SELECT c.id, c.tubes_counted, c.tubes_system FROM sampling_rackcount c
         WHERE c.tubes_counted <> c.tubes_system """ + _UNEXPLAINED.format(subject="c.id")),
    Law("hand_overs_agree_or_are_explained", """
        SELECT h.id, h.tubes_counted, h.tubes_system FROM logistics_handover h
         WHERE h.tubes_counted <> h.tubes_system """ + _UNEXPLAINED.format(subject="h.id")),
    Law("receipts_list_every_tube", """
        SELECT r.id FROM laboratory_receipt r
         WHERE (SELECT count(*) FROM laboratory_receiptline l WHERE l.receipt_id = r.id)
               <> r.received + r.broken + r.missing"""),
    Law("losses_on_the_way_are_explained", """
        SELECT r.id, r.missing, r.broken, r.extra FROM laboratory_receipt r
         WHERE r.missing + r.broken + r.extra > 0
           AND NOT EXISTS (SELECT 1 FROM logistics_discrepancy d WHERE d.subject_id IN (r.id, r.box_id))"""),
    Law("tested_tubes_were_received", """
        SELECT t.code FROM laboratory_result r JOIN sampling_tube t ON t.id = r.tube_id
         WHERE t.purpose = 'screening' AND r.released_at IS NOT NULL AND NOT EXISTS (
               SELECT 1 FROM laboratory_receiptline l WHERE l.tube_id = t.id AND l.state IN ('received', 'extra'))"""),
    Law("a_stores_stock_is_not_negative", """
        SELECT place, item, sum(quantity) FROM (
               SELECT taker AS place, item_id AS item, quantity FROM logistics_supplymove
               UNION ALL SELECT giver, item_id, -quantity FROM logistics_supplymove) moves
         WHERE split_part(place, ':', 1) <> ALL (ARRAY[""" + _OUTSIDE + """])
           AND NOT EXISTS (SELECT 1 FROM logistics_discrepancy d JOIN logistics_supplymove m ON m.id = d.subject_id
                            WHERE d.kind = 'supply_short' AND m.giver = place AND m.item_id = item)
         GROUP BY place, item HAVING sum(quantity) < 0"""),
    # results and cases
    Law("versions_follow_each_other", """
        SELECT r.id FROM laboratory_result r JOIN laboratory_result o ON o.id = r.corrects_id
         WHERE o.tube_id <> r.tube_id OR o.version <> r.version - 1"""),
    Law("flagged_outcomes_open_a_case", """
        SELECT t.code, r.outcome FROM laboratory_result r JOIN sampling_tube t ON t.id = r.tube_id
         WHERE r.released_at IS NOT NULL AND t.mode <> 'single' AND t.purpose = 'screening'
           AND r.outcome IN ('positive', 'grey', 'single_target')
           AND NOT EXISTS (SELECT 1 FROM cases_flaggedpool p WHERE p.tube_id = t.id)"""),
    Law("a_pool_lists_its_members", """
        SELECT t.code, s.id FROM cases_flaggedpool p JOIN sampling_tube t ON t.id = p.tube_id
          JOIN sampling_swab s ON s.tube_id = t.id AND s.voided_at IS NULL
         WHERE NOT EXISTS (SELECT 1 FROM cases_poolmember m WHERE m.pool_id = p.id AND m.swab_id = s.id)
           AND EXISTS (SELECT 1 FROM laboratory_result r WHERE r.tube_id = t.id AND r.outcome <> 'negative'
                  AND r.released_at IS NOT NULL AND NOT EXISTS (
                      SELECT 1 FROM laboratory_result n WHERE n.corrects_id = r.id AND n.released_at IS NOT NULL))"""),
    Law("a_resolved_pool_is_settled", """
        SELECT p.id FROM cases_flaggedpool p JOIN cases_poolmember m ON m.pool_id = p.id
         WHERE p.state = 'resolved' AND m.state NOT IN ('released', 'confirmed')"""),
    Law("rechecks_go_to_two_laboratories", """
        SELECT m.id FROM cases_poolmember m JOIN cases_flaggedpool p ON p.id = m.pool_id
         WHERE m.state = 'released' AND p.resolution IS DISTINCT FROM 'withdrawn'
           AND (SELECT count(DISTINCT k.laboratory_id) FROM cases_recheck k
                 WHERE k.member_id = m.id AND k.attempt = m.attempt) < p.laboratories_needed"""),
    Law("every_positive_tells_all_parties_at_once", """
        SELECT p.case_no, count(DISTINCT n.party), count(n.id), count(DISTINCT n.sent_at)
          FROM cases_positive p LEFT JOIN cases_notice n ON n.positive_id = p.id AND n.message <> 'withdrawal'
         GROUP BY p.id HAVING count(n.id) = 0 OR count(DISTINCT n.sent_at) <> 1
             OR count(n.id) <> count(DISTINCT n.party) * count(DISTINCT n.message)"""),
    # promise 3: clocks run
    Law("late_stops_are_breaches", """
        SELECT subject_label, code FROM access_clock
         WHERE stopped_at > due_at AND breached_at IS NULL"""),
    Law("breaches_have_an_owner", """
        SELECT subject_label, code FROM access_clock WHERE breached_at IS NOT NULL AND owner_role = ''"""),
)  # fmt: skip
