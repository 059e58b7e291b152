"""What the field reports, through the journal into rows."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from yingjian.access import scope, vault
from yingjian.access.models import Clock
from yingjian.access.tests.factories import TOWN_B, actor, command, new_id
from yingjian.campaigns.models import DuePerson
from yingjian.campaigns.tests.factories import persons
from yingjian.kernel.errors import RuleBroken
from yingjian.logistics import queries as logistics
from yingjian.logistics.models import Box, BoxLine, Discrepancy
from yingjian.population.models import Person
from yingjian.population.rules import id_check_char
from yingjian.sampling import actions, conserving, rules, tokens
from yingjian.sampling.models import RackCount, Site, Swab, Tube
from yingjian.sampling.tests.factories import (
    Field,
    a_field,
    added,
    device,
    minute,
    opened,
    recorded,
    send,
    swabs_in,
    token,
    told,
    tube_of,
)  # fmt: skip

pytestmark = pytest.mark.django_db


def due(field: Field, person: uuid.UUID) -> DuePerson:
    with scope.everywhere():
        return DuePerson.objects.get(round_id=field.round_id, person_id=person)


def rows(model: Any, **given: Any) -> list[Any]:
    with scope.everywhere():
        return list(model.objects.filter(**given))


def verdicts(*given: Any) -> list[str]:
    return [verdict.verdict for verdict in given]


def test_one_swab_crosses_the_house() -> None:
    field, tube = a_field(), new_id()
    code = field.code()
    sent = send(
        field.phone, opened(code, tube), *(added(tube, p, at=n + 1) for n, p in enumerate(field.people[:10])),
        told("tube.lock", at=12, tube_id=tube), told("tube.seal", at=13, tube_id=tube, count=10),
    )  # fmt: skip
    assert verdicts(*sent) == ["applied"] * 13
    stored = tube_of(tube)
    assert (stored.code, stored.state, stored.people, stored.flags) == (code, "sealed", 10, [])
    assert stored.first_swab_at == minute(1)
    assert [s.person_id for s in swabs_in(tube)] == field.people[:10]
    assert [s.position for s in swabs_in(tube)] == list(range(1, 11))
    assert {due(field, p).state for p in field.people[:10]} == {"sampled"}
    assert due(field, field.people[10]).state == "due"
    assert rows(Discrepancy) == []
    assert [(c.code, c.started_at) for c in rows(Clock, subject_id=tube)] == [
        ("uncooled", minute(1))
    ]


def test_a_whole_tube_is_the_same_as_its_history() -> None:
    field, tube = a_field(), new_id()
    send(field.phone, recorded(field.code(), field.people[:9], tube=tube))
    stored = tube_of(tube)
    assert (stored.people, stored.state, stored.count_stated, stored.flags) == (9, "sealed", 9, [])
    assert due(field, field.people[8]).sampled_at == minute(4)


def test_swabs_before_their_tube_is_opened_are_kept_and_completed() -> None:
    field, tube = a_field(), new_id()
    send(field.phone, added(tube, field.people[0]))
    assert (tube_of(tube).code, tube_of(tube).flags) == ("", ["not_opened"])
    send(field.phone, opened(code := field.code(), tube, at=2))
    assert (tube_of(tube).code, tube_of(tube).flags, tube_of(tube).people) == (
        code,
        ["opened_late"],
        1,
    )


def test_a_void_makes_the_person_due_again() -> None:
    field, tube, swab = a_field(), new_id(), new_id()
    send(field.phone, opened(field.code(), tube), added(tube, field.people[0], swab=swab))
    send(field.phone, told("swab.void", swab_id=swab, reason="wrong person"))
    assert due(field, field.people[0]).state == "due"
    assert tube_of(tube).people == 0


def test_a_void_that_overtook_its_swab_is_kept() -> None:
    field, tube, swab = a_field(), new_id(), new_id()
    send(field.phone, told("swab.void", swab_id=swab, reason="wrong person"))
    send(field.phone, opened(field.code(), tube), added(tube, field.people[0], swab=swab))
    assert (tube_of(tube).people, due(field, field.people[0]).state) == (0, "due")
    assert len(swabs_in(tube)) == 1


def test_a_move_that_overtook_its_swab_is_kept() -> None:
    field, one, two, swab = a_field(), new_id(), new_id(), new_id()
    send(field.phone, told("swab.move", at=7, swab_id=swab, to_tube_id=two, reason="wrong tube"))
    assert (tube_of(two).people, swabs_in(two)) == (0, [])
    send(field.phone, opened(field.code(), one), added(one, field.people[0], swab=swab))
    assert (tube_of(one).people, tube_of(two).people) == (0, 1)
    assert due(field, field.people[0]).state == "sampled"


@pytest.mark.parametrize("kind", ["tube.void", "tube.break"])
def test_a_lost_tube_makes_its_people_due_again(kind: str) -> None:
    field, tube = a_field(), new_id()
    send(field.phone, recorded(field.code(), field.people[:3], tube=tube))
    send(field.phone, told(kind, at=20, tube_id=tube, reason="dropped"))
    assert {due(field, p).state for p in field.people[:3]} == {"due"}
    assert tube_of(tube).state == ("voided" if kind == "tube.void" else "broken")


def test_the_same_person_at_two_stations_flags_the_later_swab() -> None:
    field, one, two = a_field(), new_id(), new_id()
    send(field.other, opened(field.code(), two), added(two, field.people[0], at=9))
    send(field.phone, opened(field.code(), one), added(one, field.people[0], at=3))
    assert swabs_in(one)[0].flags == []
    assert swabs_in(two)[0].flags == ["duplicate_person"]
    assert due(field, field.people[0]).sampled_at == minute(3)


def test_a_code_bound_twice_is_kept_numbered_and_flagged() -> None:
    field, one, two = a_field(), new_id(), new_id()
    code = field.code()
    send(field.phone, opened(code, one))
    send(field.other, opened(code, two))
    assert [(tube_of(t).binding, tube_of(t).flags) for t in (one, two)] == [
        (1, ["duplicate_tube"]), (2, ["duplicate_tube"]),
    ]  # fmt: skip


def test_a_code_used_again_takes_nobody_out_of_the_tube_that_bore_it_first() -> None:
    """The second use flags the first tube, and nothing else of it changes: not its people, not its manifest."""
    field, one, two, box = a_field(), new_id(), new_id(), new_id()
    code = field.code()
    send(field.phone, recorded(code, field.people[:3], tube=one))
    send(field.phone, told("box.open", box_id=box, code="BOX-1"))
    send(field.phone, told("box.add", box_id=box, tube_codes=[code]))
    before = tube_of(one)
    assert (before.people, before.box_id is not None) == (3, True)
    send(field.other, recorded(code, field.people[5:7], tube=two))
    after = tube_of(one)
    assert after.flags == ["duplicate_tube"]
    for told_before in ("people", "first_swab_at", "key", "binding", "state", "box_id"):
        assert getattr(after, told_before) == getattr(before, told_before), told_before
    assert [line.people for line in rows(BoxLine, box_id=box)] == [3]
    assert rows(Discrepancy) == []
    assert [check for check in conserving.conservation() if not check.holds] == []


def test_site_and_area_come_from_the_station_never_from_the_person() -> None:
    field, tube = a_field(), new_id()
    stranger = persons(1, area=f"{TOWN_B}001")[0]
    send(field.phone, opened(field.code(), tube), added(tube, stranger))
    swab = swabs_in(tube)[0]
    assert swab.area == field.sites[0].area
    assert swab.person_area == f"{TOWN_B}001"
    assert swab.flags == ["not_on_roster", "other_area"]
    found = due(field, stranger)
    assert (found.state, found.added_by is None) == ("sampled", False)


def test_typed_documents_find_or_make_a_person() -> None:
    field, tube = a_field(), new_id()
    number = f"00000019491231002{id_check_char('00000019491231002')}"
    one = added(tube, entry="id", id_number=number, name="张三", at=1)
    two = added(tube, entry="id", id_number=f" {number} ", name="张三", at=2)
    send(field.phone, opened(field.code(), tube), one, two)
    people = rows(Person, found_by=one.id)
    assert [s.person_id for s in swabs_in(tube)] == [people[0].id] * 2
    assert swabs_in(tube)[0].flags == ["not_on_roster"]
    assert swabs_in(tube)[1].flags == ["duplicate_person", "not_on_roster"]


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"token": "YJ1GARBLED"}, "code_garbled"),
        ({"token": "健康码"}, "code_garbled"),
        ({"id_number": "000000194912310029"}, "id_malformed"),
        ({"id_number": "12345"}, "id_malformed"),
        ({"id_type": "library_card", "id_number": "12345"}, "id_malformed"),
        ({}, "no_identity"),
        ({"name": "   "}, "no_identity"),
        ({"person_id": str(uuid.UUID(int=77))}, "person_unknown"),
    ],
)
def test_whoever_cannot_be_named_is_kept_sealed_and_flagged(
    given: dict[str, str], flag: str
) -> None:
    field, tube = a_field(), new_id()
    swab = command(
        "swab.add", {"swab_id": new_id(), "tube_id": tube, "entry": "id"} | given, at=minute(1)
    )
    assert verdicts(*send(field.phone, opened(field.code(), tube), swab)) == ["applied"] * 2
    kept = swabs_in(tube)[0]
    assert flag in kept.flags
    assert kept.person_id is None
    if any(value.strip() for value in given.values()):
        assert kept.identity_cipher is not None
        assert str(next(iter(given.values()))) in vault.unseal(kept.identity_cipher)


def test_a_code_of_a_foreign_key_and_a_family_code() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    field, tube = a_field(), new_id()
    family = tokens.issue(field.people[:3], day=minute(0).date())
    with patch.object(tokens, "_seal", lambda _: bytes(tokens.SEAL)):  # another server's code
        foreign = tokens.issue(
            [field.people[5]], day=minute(0).date(), key=Ed25519PrivateKey.generate()
        )
    send(
        field.phone, opened(field.code(), tube),
        *(added(tube, entry="family", token=family, person_id=p, at=n) for n, p in enumerate(field.people[:2])),
        added(tube, entry="family", token=family, at=5),
        added(tube, entry="family", token=family, person_id=field.people[9], at=6),
        added(tube, token=foreign, at=7),
    )  # fmt: skip
    kept = swabs_in(tube)
    assert [s.person_id for s in kept] == [*field.people[:2], None, None, None]
    assert [s.flags for s in kept] == [
        [], [], ["member_unsaid"], ["member_unsaid"], ["code_foreign_key"],
    ]  # fmt: skip


def test_walk_ins_with_a_name_only_become_people_of_the_village_they_name() -> None:
    field, tube = a_field(), new_id()
    village = f"{TOWN_B}007"
    walk_in = recorded(
        field.code(), [], tube=tube, count=2,
        swabs=[
            {"swab_id": new_id(), "at": minute(1), "entry": "walk_in", "name": "𠮷某", "village": village},
            {"swab_id": new_id(), "at": minute(2), "entry": "walk_in", "name": "李某", "village": "somewhere"},
        ],
    )  # fmt: skip
    send(field.phone, walk_in)
    found = {p.name: p for p in rows(Person, found_by=walk_in.id)}
    assert {name: p.area for name, p in found.items()} == {
        "𠮷某": village,
        "李某": field.sites[0].area,
    }
    assert [s.flags for s in swabs_in(tube)] == [
        ["name_only", "not_on_roster", "other_area"], ["name_only", "not_on_roster"],
    ]  # fmt: skip


def test_a_single_only_person_in_a_pool_is_kept_and_flagged() -> None:
    field, tube = a_field(preset="yongning", people=2, categories=["close_contact"]), new_id()
    send(field.phone, opened(field.code(), tube), added(tube, field.people[0]))
    assert swabs_in(tube)[0].flags == ["single_only_in_pool"]
    assert due(field, field.people[0]).state == "sampled"


def test_a_count_that_differs_is_owned_until_the_late_swab_arrives() -> None:
    field, tube = a_field(), new_id()
    send(field.phone, recorded(field.code(), field.people[:2], tube=tube, count=3))
    (gap,) = rows(Discrepancy, subject_id=tube)
    assert (gap.kind, gap.expected, gap.actual, gap.resolved_at) == ("tube_count", 2, 3, None)
    assert gap.owner_role == "site_lead"
    send(field.phone, added(tube, field.people[2], at=2))
    (gap,) = rows(Discrepancy, subject_id=tube)
    assert gap.resolution == "agrees_after_late_upload"
    assert tube_of(tube).flags == []


def test_boxes_take_known_and_unknown_tubes_in_any_order() -> None:
    field, tube, box = a_field(), new_id(), new_id()
    code, unknown = field.code(), field.code()
    send(field.phone, recorded(code, field.people[:5], tube=tube))
    send(
        field.phone, told("box.seal", at=30, box_id=box, seal_no="F1", count=2),
        told("box.add", at=20, box_id=box, tube_codes=[code, unknown]),
    )  # fmt: skip
    (stub,) = rows(Box, id=box)
    assert (stub.code, stub.state, stub.flags) == ("", "sealed", ["not_opened"])
    send(field.phone, told("box.open", at=15, box_id=box, code="BOX1"))
    (full,) = rows(Box, id=box)
    assert (full.code, full.flags, full.oldest_sample_at) == ("BOX1", [], minute(0))
    assert (tube_of(tube).state, tube_of(tube).box_id, tube_of(tube).boxed_at) == (
        "boxed",
        box,
        minute(20),
    )
    assert {line.tube_code: (line.tube_id, line.people) for line in rows(BoxLine, box_id=box)} == {
        code: (tube, 5), unknown: (None, 0),
    }  # fmt: skip
    late = new_id()
    send(field.phone, recorded(unknown, field.people[5:7], tube=late))
    assert (tube_of(late).state, tube_of(late).box_id) == ("boxed", box)
    assert sum(line.people for line in rows(BoxLine, box_id=box)) == 7
    assert {(c.code, c.stopped_at) for c in rows(Clock, subject_id=tube)} == {
        ("uncooled", minute(20))
    }
    assert {c.code for c in rows(Clock, subject_id=box)} >= {"deliver"}


def test_a_tube_in_two_boxes_is_in_the_later_one() -> None:
    field, tube, one, two = a_field(), new_id(), new_id(), new_id()
    code = field.code()
    send(field.phone, recorded(code, field.people[:5], tube=tube))
    for box, at, name in ((two, 30, "B2"), (one, 20, "B1")):
        send(
            field.phone,
            told("box.open", at=15, box_id=box, code=name),
            told("box.add", at=at, box_id=box, tube_codes=[code]),
        )
    assert (tube_of(tube).box_id, tube_of(tube).flags) == (two, ["boxed_twice"])
    assert [line.moved_at for line in rows(BoxLine, box_id=one)] == [minute(30)]


@pytest.mark.parametrize(("packed_again", "agrees"), [(20, False), (30, False), (31, True)])
@pytest.mark.parametrize("later_box_first", [True, False])
def test_a_sealed_box_is_counted_as_it_was_at_its_seal(
    packed_again: int, agrees: bool, later_box_first: bool
) -> None:
    """Box 1 was sealed at 30 with two tubes; one of them is packed into box 2 before or after that."""
    field, one, two = a_field(), new_id(), new_id()
    codes = [field.code(), field.code()]
    send(field.phone, *(recorded(code, field.people[n : n + 1]) for n, code in enumerate(codes)))
    first = [told("box.open", at=15, box_id=one, code="B1"),
             told("box.add", at=16, box_id=one, tube_codes=codes),
             told("box.seal", at=30, box_id=one, seal_no="F", count=2)]  # fmt: skip
    then = [told("box.open", at=18, box_id=two, code="B2"),
            told("box.add", at=packed_again, box_id=two, tube_codes=codes[:1])]  # fmt: skip
    for batch in (then, first) if later_box_first else (first, then):
        send(field.phone, *batch)
    (box,) = rows(Box, id=one)
    assert box.flags == ([] if agrees else ["count_differs"])
    assert [(g.expected, g.actual, g.resolved_at) for g in rows(Discrepancy, subject_id=one)] == (
        [] if agrees else [(1, 2, None)]
    )
    with scope.everywhere():
        broken = [law.name for law in logistics.conservation(field.round_id) if not law.holds]
    assert broken == []


def test_a_tube_that_left_before_the_seal_explains_a_count() -> None:
    field, one, two = a_field(), new_id(), new_id()
    codes = [field.code(), field.code()]
    send(field.phone, *(recorded(code, field.people[n : n + 1]) for n, code in enumerate(codes)))
    send(field.phone, told("box.open", at=15, box_id=one, code="B1"),
         told("box.add", at=16, box_id=one, tube_codes=codes),
         told("box.seal", at=30, box_id=one, seal_no="F", count=1))  # fmt: skip
    assert rows(Box, id=one)[0].flags == ["count_differs"]
    send(field.phone, told("box.open", at=18, box_id=two, code="B2"),
         told("box.add", at=20, box_id=two, tube_codes=codes[:1]))  # fmt: skip
    assert rows(Box, id=one)[0].flags == []
    assert [gap.resolution for gap in rows(Discrepancy, subject_id=one)] == [
        "agrees_after_late_upload"
    ]


def test_a_box_count_that_differs_is_owned() -> None:
    field, box = a_field(), new_id()
    send(field.phone, told("box.open", box_id=box, code="B"), told("box.add", box_id=box, tube_codes=["X"]),
         told("box.seal", at=9, box_id=box, seal_no="", count=3))  # fmt: skip
    (gap,) = rows(Discrepancy, subject_id=box)
    assert (gap.kind, gap.expected, gap.actual) == ("box_count", 1, 3)
    send(field.phone, told("box.add", box_id=box, tube_codes=["Y", "Z"]))
    assert rows(Discrepancy, subject_id=box)[0].resolved_at is not None


def test_a_late_swab_of_a_boxed_tube_changes_its_manifest() -> None:
    field, tube, box = a_field(), new_id(), new_id()
    code = field.code()
    send(field.phone, recorded(code, field.people[:2], tube=tube), told("box.open", at=15, box_id=box, code="B"),
         told("box.add", at=16, box_id=box, tube_codes=[code]))  # fmt: skip
    assert [line.people for line in rows(BoxLine, box_id=box)] == [2]
    send(field.phone, added(tube, field.people[2], at=3))
    assert [line.people for line in rows(BoxLine, box_id=box)] == [3]


@pytest.mark.parametrize("how", ["tube.break", "tube.void"])
@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_a_tube_that_ends_is_cooled_no_more_however_its_report_is_cut(how: str, cut: int) -> None:
    field, tube = a_field(), new_id()
    report = [
        opened(field.code(), tube),
        added(tube, field.people[0], at=1),
        told(how, at=7, tube_id=tube, reason="跌落"),
    ]
    for part in (report[:cut], report[cut:]):
        send(field.phone, *part)
    (clock,) = rows(Clock, subject_id=tube)
    assert (clock.code, clock.started_at, clock.stopped_at) == ("uncooled", minute(1), minute(7))
    assert clock.breached_at is None


def test_a_box_of_empty_tubes_has_no_oldest_sample_and_no_clock() -> None:
    field, box, code = a_field(), new_id(), ""
    code = field.code()
    send(field.phone, opened(code), told("box.open", at=15, box_id=box, code="B"),
         told("box.add", at=16, box_id=box, tube_codes=[code]))  # fmt: skip
    (stored,) = rows(Box, id=box)
    assert stored.oldest_sample_at is None
    assert rows(Clock, subject_id=box) == []


def test_sites_are_filed_once_by_code() -> None:
    field = a_field()
    stranger = actions.SiteOpen(
        new_id(), field.sites[0].code, field.sites[0].area, "另一处",
        (actions.StationOpen(new_id(), "X-1"),),
    )  # fmt: skip
    with scope.everywhere():
        before = rows(Site)
        actions.sites_open(round_id=field.round_id, sites=[], at=minute(0))
        for sites in (
            [stranger],
            [
                replace(
                    stranger,
                    code="新",
                    stations=(replace(field.sites[0].stations[0], id=new_id()),),
                )
            ],
        ):
            with pytest.raises(RuleBroken) as refused:
                actions.sites_open(round_id=field.round_id, sites=sites, at=minute(0))
            assert (refused.value.code, refused.value.status) == ("sampling.site_code_taken", 409)
        twice = [
            replace(stranger, id=new_id(), code="新"),
            replace(stranger, id=new_id(), code="新"),
        ]
        with pytest.raises(RuleBroken, match="site_code_taken"):
            actions.sites_open(round_id=field.round_id, sites=twice, at=minute(0))
    assert [site.id for site in rows(Site)] == [site.id for site in before]


def test_a_rack_is_counted_against_the_system() -> None:
    field, one, two, good, bad = a_field(), new_id(), new_id(), new_id(), new_id()
    code = field.code()
    send(
        field.phone,
        recorded(code, field.people[:2], tube=one),
        recorded(field.code(), field.people[2:4], tube=two),
    )
    send(field.phone, told("box.open", at=15, box_id=(box := new_id()), code="B"),
         told("box.add", at=16, box_id=box, tube_codes=[code]))  # fmt: skip
    sent = send(field.phone, told("rack.count", at=20, count_id=good, tubes=1, by="王"),
                told("rack.count", at=15, count_id=bad, tubes=1))  # fmt: skip
    assert [v.answer["system"] for v in sent] == [1, 2]
    assert {(r.id, r.tubes_counted, r.tubes_system) for r in rows(RackCount)} == {
        (good, 1, 1),
        (bad, 1, 2),
    }
    assert [d.subject_id for d in rows(Discrepancy, kind="rack_count")] == [bad]


def test_sites_become_ready_open_and_close_with_their_clocks() -> None:
    field = a_field(preset="mule")
    site = field.sites[0]
    clocks = {c.code: c for c in rows(Clock, subject_id=site.id)}
    assert "site_ready" in clocks
    send(field.phone, told("site.ready", at=1, site_id=site.id), told("site.open", at=2, site_id=site.id),
         told("site.close", at=300, site_id=site.id))  # fmt: skip
    (stored,) = rows(Site, id=site.id)
    assert (stored.state, stored.ready_at, stored.opened_at, stored.closed_at) == (
        "closed", minute(1), minute(2), minute(300),
    )  # fmt: skip
    clocks = {c.code: c for c in rows(Clock, subject_id=site.id)}
    assert clocks["site_ready"].stopped_at == minute(1)
    assert "terminal_disinfection" in clocks
    send(field.phone, told("site.open", at=400, site_id=site.id))
    assert rows(Site, id=site.id)[0].state == "open"


def test_a_user_names_a_station_in_the_users_own_area() -> None:
    field, tube = a_field(), new_id()
    team = actor("registrar")
    at_home = opened(field.code(), tube, station_code=field.sites[0].stations[0].code)
    assert send(team, at_home)[0].verdict == "applied"
    foreign = actor("registrar", TOWN_B)
    refused = send(foreign, opened(field.code(), station_code=field.sites[0].stations[0].code))[0]
    assert refused.code == "access.outside_area"
    assert send(team, opened(field.code()))[0].code == "sampling.station_unknown"
    swab = added(tube, field.people[0], swab=(id := new_id()))
    assert send(team, swab)[0].verdict == "applied"
    assert (
        send(actor("site_lead"), told("swab.void", swab_id=id, reason="x"))[0].verdict == "applied"
    )
    assert send(foreign, told("swab.void", swab_id=id, reason="x"))[0].code == "access.outside_area"


def test_a_phone_with_a_wrong_clock_is_corrected_and_flagged() -> None:
    from yingjian.access.journal import CommandIn

    field, tube = a_field(), new_id()
    day = 86_400_000
    wrong = [
        CommandIn(c.id, c.kind, c.at, c.payload, skew_ms=day)
        for c in (opened(field.code(), tube), added(tube, field.people[0]))
    ]
    assert send(field.phone, *wrong)[0].answer["clock_skew"] is True
    assert (tube_of(tube).opened_at, swabs_in(tube)[0].flags) == (minute(24 * 60), ["clock_skew"])


def test_a_station_that_nobody_knows_parks() -> None:
    assert send(device("nowhere"), opened("T1"))[0].code == "sampling.station_unknown"
    assert (
        send(device("nowhere"), told("site.ready", site_id=new_id()))[0].code
        == "sampling.site_unknown"
    )


def test_a_second_upload_and_another_order_change_nothing() -> None:
    field, tube = a_field(), new_id()
    batch = [
        opened(field.code(), tube),
        *(added(tube, p, at=n) for n, p in enumerate(field.people[:6])),
    ]
    send(field.phone, *reversed(batch))
    with scope.everywhere():
        before = (list(Tube.objects.values()), list(Swab.objects.order_by("id").values()))
    assert verdicts(*send(field.phone, *batch)) == ["duplicate"] * 7
    with scope.everywhere():
        assert before == (list(Tube.objects.values()), list(Swab.objects.order_by("id").values()))


def test_tubes_advance_and_a_rejected_tube_makes_its_people_due() -> None:
    field, tube = a_field(), new_id()
    send(field.phone, recorded(field.code(), field.people[:2], tube=tube))
    with scope.everywhere():
        assert actions.tubes_advance(tube_ids=[tube], to="received", at=minute(90)) == [tube]
        assert actions.tubes_advance(tube_ids=[tube], to="boxed", at=minute(90)) == []
        actions.tubes_advance(tube_ids=[tube], to="rejected", at=minute(91))
    assert {due(field, p).state for p in field.people[:2]} == {"due"}
    with scope.everywhere():
        actions.tubes_advance(tube_ids=[tube], to="resulted", at=minute(92))
    assert {due(field, p).state for p in field.people[:2]} == {"sampled"}


def test_token_of_a_person_is_read() -> None:
    assert token(uuid.UUID(int=3)).startswith("YJ1")


def test_who_went_ahead_of_the_line_is_told_by_the_swab_and_burdens_nobody() -> None:
    field = a_field()
    tube, whole = new_id(), new_id()
    swabs = [
        {
            "swab_id": new_id(), "at": minute(4 + n), "entry": "code", "token": token(field.people[2 + n]),
            "green": n == 0,
        }
        for n in range(2)
    ]  # fmt: skip
    send(
        field.phone, opened(field.code(), tube), added(tube, field.people[0], at=1, green=True),
        added(tube, field.people[1], at=2), recorded(field.code(), [], tube=whole, swabs=swabs, count=2),
    )  # fmt: skip
    told = [sorted(swab.flags) for id in (tube, whole) for swab in swabs_in(id)]
    assert told == [["green_lane"], [], ["green_lane"], []]
    assert rules.SWAB_FLAGS["green_lane"] == "note", "it is on nobody's work list"
