"""The journal's promises, proven on a handler made for the test."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import msgspec
import pytest
from django.db import connection, connections, transaction
from django.db.utils import ProgrammingError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yingjian.access import chain, journal, scope
from yingjian.access.actor import SYSTEM
from yingjian.access.journal import CommandIn, Verdict
from yingjian.access.models import JournalEntry
from yingjian.access.tests.factories import NOON, actor, command, new_id
from yingjian.kernel.errors import RuleBroken

pytestmark = pytest.mark.django_db


class Note(msgspec.Struct, frozen=True):
    text: str
    name: str = ""


seen: list[list[str]] = []


def take(batch: journal.Batch) -> list[Verdict]:
    """Applies every note; chokes on "poison", refuses "no", parks "later"."""
    texts = [cmd.payload.text for cmd in batch.commands]
    if "poison" in texts:
        raise ValueError("poison")
    if "no" in texts:
        raise RuleBroken("access.reason_missing")
    if "table" in texts:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM no_such_table")
    seen.append(texts)
    return [
        journal.parked(cmd, "access.decision_unknown", decision="later")
        if cmd.payload.text == "later"
        else journal.applied(cmd, said=cmd.payload.text)
        for cmd in batch.commands
    ]


@pytest.fixture(autouse=True)
def kinds() -> Iterator[None]:
    seen.clear()
    journal.handles("test.note", Note, permission="sample")(take)
    journal.handles("test.order", Note, permission="sample", decision=True)(take)
    yield
    del journal.KINDS["test.note"], journal.KINDS["test.order"]


def send(*commands: CommandIn, park: bool = True, role: str = "registrar") -> list[Verdict]:
    return journal.submit(actor=actor(role), received_at=NOON, commands=commands, park=park)


def test_a_moment_reaches_the_handler_in_one_zone_whatever_zone_it_was_sent_in() -> None:
    """What a handler makes of a day would differ in the replay, which reads moments back in one zone."""
    heard: list[tuple[datetime, datetime]] = []

    def listen(batch: journal.Batch) -> list[Verdict]:
        heard.extend((cmd.at, batch.received_at) for cmd in batch.commands)
        return [journal.applied(cmd) for cmd in batch.commands]

    journal.handles("test.moment", Note, permission="sample")(listen)
    night = datetime(2022, 6, 3, 3, 30, tzinfo=timezone(timedelta(hours=8)))
    try:
        for at in (night, night.astimezone(UTC)):
            journal.submit(
                actor=actor("registrar"), received_at=at, park=True,
                commands=[command("test.moment", {"text": ""}, at=at)],
            )  # fmt: skip
    finally:
        del journal.KINDS["test.moment"]
    told = [(str(at), str(received)) for at, received in heard]
    assert told == [("2022-06-02 19:30:00+00:00",) * 2] * 2


def stored() -> int:
    with scope.everywhere():
        return JournalEntry.objects.count()


def test_a_command_is_applied_once_and_answered_again() -> None:
    note = command("test.note", {"text": "a"})
    assert send(note)[0].verdict == "applied"
    again = send(note)[0]
    assert (again.verdict, again.first, again.answer) == ("duplicate", "applied", {"said": "a"})
    assert seen == [["a"]]
    assert stored() == 1


def test_a_repeat_inside_one_request_is_a_duplicate() -> None:
    note = command("test.note", {"text": "a"})
    assert [v.verdict for v in send(note, note)] == ["applied", "duplicate"]
    assert stored() == 1


def test_key_order_does_not_make_a_command_another_one() -> None:
    id = new_id()
    one = CommandIn(id, "test.note", NOON, msgspec.Raw(b'{"text": "a", "name": "b"}'))
    other = CommandIn(id, "test.note", NOON, msgspec.Raw(b'{"name":"b","text":"a"}'))
    assert send(one)[0].verdict == "applied"
    assert send(other)[0].verdict == "duplicate"


def test_the_same_id_with_other_content_is_kept_and_parked() -> None:
    id = new_id()
    send(command("test.note", {"text": "a"}, id=id))
    for _ in range(2):
        changed = send(command("test.note", {"text": "b"}, id=id))[0]
        assert (changed.verdict, changed.code, changed.command_id) == (
            "parked",
            "access.id_reused",
            id,
        )
    both = send(
        command("test.note", {"text": "x"}, id=(fresh := new_id())),
        command("test.note", {"text": "y"}, id=fresh),
    )
    assert [v.verdict for v in both] == ["applied", "parked"]
    assert stored() == 4


@pytest.mark.parametrize("bad", ["poison", "no", "table"])
def test_one_bad_command_parks_alone(bad: str) -> None:
    batch = [command("test.note", {"text": bad if i == 20 else f"n{i}"}) for i in range(50)]
    verdicts = send(*batch)
    assert [v.verdict for v in verdicts].count("applied") == 49
    assert verdicts[20].verdict == "parked"
    assert verdicts[20].code == (
        "access.reason_missing" if bad == "no" else "access.handler_failed"
    )
    assert stored() == 50
    assert send(batch[20])[0].first == "parked"


def test_every_well_formed_command_ends_as_one_row() -> None:
    verdicts = send(
        command("test.note", {"text": "later"}),
        command("test.note", {"text": 7}),
        command("test.note", {}),
        command("no.such_kind", {"x": 1}),
        command("user.add", {}),
    )
    assert [v.code for v in verdicts] == [
        "access.decision_unknown",
        "access.payload_malformed",
        "access.payload_malformed",
        "access.kind_unknown",
        "access.not_permitted",
    ]
    assert stored() == 5


def test_a_users_refused_decision_raises_and_leaves_nothing() -> None:
    with pytest.raises(RuleBroken) as caught:
        send(command("test.note", {"text": "a"}), command("test.order", {"text": "no"}), park=False)
    assert caught.value.code == "access.reason_missing"
    assert stored() == 0


def test_a_users_fact_is_parked_not_refused() -> None:
    assert send(command("test.note", {"text": "no"}), park=False)[0].verdict == "parked"


def test_a_handler_must_answer_every_command() -> None:
    journal.handles("test.silent", Note, permission="sample")(lambda _: [])
    try:
        with pytest.raises(AssertionError, match="must answer"):
            send(command("test.silent", {"text": "a"}))
    finally:
        del journal.KINDS["test.silent"]


def test_a_kind_has_one_handler() -> None:
    with pytest.raises(ValueError, match="handler already"):
        journal.handles("test.note", Note, permission="sample")(take)


def test_personal_fields_are_sealed_in_the_journal() -> None:
    send(command("test.note", {"text": "hello", "name": "张三丰"}))
    with scope.everywhere():
        row = JournalEntry.objects.get()
    assert "张三丰" not in row.payload
    assert "hello" in row.payload
    assert "张三丰" in journal.unsealed(row.payload).decode()


def test_the_application_can_neither_change_nor_delete_the_journal() -> None:
    send(command("test.note", {"text": "a"}))
    for statement in (
        "UPDATE access_journal SET kind = 'x'",
        "DELETE FROM access_journal",
        "TRUNCATE access_journal",
    ):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as c,
        ):
            c.execute(statement)


def test_system_commands_raise_what_the_handler_raises() -> None:
    verdict = journal.submit_system(
        "test.order", {"text": "a"}, id=new_id(), at=NOON, received_at=NOON
    )
    assert verdict.verdict == "applied"
    with pytest.raises(RuleBroken):
        journal.submit_system("test.order", {"text": "no"}, id=new_id(), at=NOON, received_at=NOON)
    with scope.everywhere():
        assert JournalEntry.objects.get().actor_id == SYSTEM.id


def test_nothing_is_stored_while_replaying() -> None:
    with journal.replaying():
        assert journal.is_replaying()
        send(command("test.note", {"text": "a"}))
    assert not journal.is_replaying()
    assert stored() == 0


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.sampled_from(["a", "b", "poison", "no", "later"]), max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_sending_again_in_any_order_changes_nothing(texts: list[str], order: Random) -> None:
    before = stored()
    batch = [command("test.note", {"text": text}) for text in texts]
    first = {v.command_id: v.verdict for v in send(*batch)}
    assert stored() == before + len(texts)
    order.shuffle(batch)
    again = send(*batch)
    assert {v.command_id: v.first for v in again} == first
    assert {v.verdict for v in again} <= {"duplicate"}
    assert stored() == before + len(texts)


@pytest.mark.django_db(transaction=True)
def test_the_chain_seals_all_rows_and_shows_a_change(others_settled: Callable[[], None]) -> None:
    for text in "abc":
        send(command("test.note", {"text": text}))
    others_settled()
    assert chain.seal(at=NOON) == 3
    others_settled()
    assert chain.seal(at=NOON) == 0
    send(command("test.note", {"text": "d"}))
    others_settled()
    assert chain.seal(at=NOON) == 1
    send(command("test.note", {"text": "e"}))
    report = chain.check()
    assert (report.blocks, report.entries, report.unsealed, report.broken) == (2, 4, 1, None)
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "UPDATE access_journal SET kind = 'forged' WHERE seq = (SELECT min(seq) FROM access_journal)"
        )
    assert chain.check().broken == 1


@pytest.mark.django_db(transaction=True)
def test_a_removed_row_breaks_the_chain(others_settled: Callable[[], None]) -> None:
    send(command("test.note", {"text": "a"}), command("test.note", {"text": "b"}))
    others_settled()
    chain.seal(at=NOON)
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "DELETE FROM access_journal WHERE seq = (SELECT max(seq) FROM access_journal)"
        )
    assert chain.check().broken == 1


@pytest.mark.django_db(transaction=True)
def test_a_restored_database_goes_on_sealing(others_settled: Callable[[], None]) -> None:
    """In another cluster transaction ids start anew; rows after the last sealed seq form the next block."""
    send(command("test.note", {"text": "a"}))
    others_settled()
    chain.seal(at=NOON)
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "UPDATE access_journalblock SET cluster = 'elsewhere', to_txid = 9000000000000000000"
        )
        cursor.execute("UPDATE access_journal SET txid = 8000000000000000000")
    assert (
        chain.check().broken == 1
    )  # the forged row itself shows; what matters here is that sealing goes on
    send(command("test.note", {"text": "b"}))
    others_settled()
    assert chain.seal(at=NOON) == 1


def test_ids_from_two_clients_do_not_mix() -> None:
    assert send(command("test.note", {"text": "a"}, id=uuid.UUID(int=5)))[0].verdict == "applied"
