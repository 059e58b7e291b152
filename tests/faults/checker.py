"""The judge: what every phone confirmed on its screen, beside what the server holds. It does not know what went wrong.

Nothing lost: whatever a screen confirmed is in the server's journal and in its tubes, swabs and boxes. Nothing doubled:
each action once. Every refusal visible: what is parked or flagged stands on the work list. No phone let go of anything
before there was a verdict, and no phone believes a verdict that the server did not give.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

PERSONAL: Final = frozenset({"id_number", "name", "phone", "token", "guardian", "raw"})
SEALED: Final = frozenset({"sealed", "boxed", "broken", "voided"})
OUT: Final = frozenset({"broken", "voided"})
NOTES: Final = frozenset({"not_on_roster", "other_area", "opened_late", "empty", "green_lane"})
Row = Mapping[str, Any]


@dataclass
class Held:
    """What the server holds of some devices: journal rows, swabs, tubes, box lines; and its whole work list."""

    journal: list[dict[str, Any]] = field(default_factory=list)
    swabs: dict[str, dict[str, Any]] = field(default_factory=dict)
    tubes: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: Counter[tuple[str, str]] = field(default_factory=Counter)
    boxes: dict[str, Row] = field(default_factory=dict)
    matters: set[str] = field(default_factory=set)
    rewound: dict[str, list[str]] = field(default_factory=dict)  # device → its notes
    unflagged: list[str] = field(
        default_factory=list
    )  # persons swabbed twice, not all but one flagged


@dataclass(frozen=True)
class Phone:
    """A phone's own account, as it ended the day: see `report` of `web/tests/faults/phone.ts`."""

    name: str
    devices: list[str]
    entries: list[dict[str, Any]]
    told: list[dict[str, Any]]
    ids: list[str]
    wrong: list[str]
    counts: dict[str, int]

    @classmethod
    def of(cls, name: str, told: Row) -> Phone:
        return cls(
            name,
            told["devices"],
            told["entries"],
            told["told"],
            told["ids"],
            told["wrong"],
            told["counts"],
        )


def key(kind: str, payload: Row) -> str:
    """What an action is, without what is personal in it."""
    kept = {name: value for name, value in payload.items() if name not in PERSONAL}
    return f"{kind} {json.dumps(kept, sort_keys=True, ensure_ascii=False)}"


def judge(
    phones: Sequence[Phone], held: Held, *, revoked: Mapping[str, int] | None = None
) -> list[str]:
    """Every broken promise as a sentence; none: they all hold. `revoked`: code → since when (milliseconds)."""
    found: list[str] = []
    for phone in phones:
        found += [f"{phone.name}: {sentence}" for sentence in (
            *phone.wrong, *_drained(phone), *_journal(phone, held), *_verdicts(phone, held), *_rows(phone, held),
        )]  # fmt: skip
    found += _invented(phones, held)
    found += _visible(held)
    found += _same_codes(phones, held)
    found += _rewound(phones, held)
    found += _skewed(held)
    found += _revoked(phones, held, revoked or {})
    found += [
        f"person {one} was swabbed twice, and not every swab but one is flagged"
        for one in held.unflagged
    ]
    return found


def _drained(phone: Phone) -> list[str]:
    left = phone.counts["waiting"] + phone.counts["stuck"]
    return [f"{left} entries never got a verdict"] if left else []


def _drafts(phone: Phone, *, confirmed: bool) -> Iterable[Row]:
    for told in phone.told:
        if told["confirmed"] or not confirmed:
            yield from told["drafts"]


def _counted(phone: Phone, *, confirmed: bool) -> Counter[str]:
    return Counter(
        key(draft["kind"], draft["payload"]) for draft in _drafts(phone, confirmed=confirmed)
    )


def _journal(phone: Phone, held: Held) -> list[str]:
    """Each confirmed action once in the journal; none more often than it was tried."""
    stored = Counter(
        key(row["kind"], row["payload"]) for row in held.journal if row["device"] in phone.devices
    )
    sure, tried = _counted(phone, confirmed=True), _counted(phone, confirmed=False)
    found = [
        f"confirmed and lost: {what} (confirmed {times}, stored {stored[what]})"
        for what, times in sure.items()
        if stored[what] < times
    ]
    return found + [
        f"doubled: {what} (done {tried[what]}, stored {times})"
        for what, times in stored.items()
        if times > tried[what]
    ]


def _verdicts(phone: Phone, held: Held) -> list[str]:
    """What the phone believes of each entry is what the server said; every entry is there under its own id."""
    stored = {row["id"]: row for row in held.journal}
    found = []
    for entry in phone.entries:
        row = stored.get(entry["id"])
        if entry["status"] in {"waiting", "stuck"}:
            continue
        if row is None:
            found.append(
                f"{entry['kind']} {entry['id']} is {entry['status']} here and unknown to the server"
            )
        elif row["verdict"] != entry["status"]:
            found.append(
                f"{entry['kind']} {entry['id']} is {entry['status']} here, {row['verdict']} there"
            )
        elif row["at"] != entry["at"]:
            found.append(
                f"{entry['kind']} {entry['id']} was done at {entry['at']} here, {row['at']} there"
            )
    return found


def _invented(phones: Sequence[Phone], held: Held) -> list[str]:
    """Nothing in the journal that no phone ever had."""
    known = {id for phone in phones for id in phone.ids}
    mine = {device for phone in phones for device in phone.devices}
    return [
        f"the server has {row['kind']} {row['id']}, which no phone ever had"
        for row in held.journal
        if row["device"] in mine and row["id"] not in known
    ]


@dataclass
class _Expected:
    """What a phone's confirmed actions come to."""

    swabs: dict[str, str] = field(default_factory=dict)
    voided: set[str] = field(default_factory=set)
    ended: dict[str, str] = field(default_factory=dict)
    opened: dict[str, str] = field(default_factory=dict)
    sealed: dict[str, int] = field(default_factory=dict)
    boxed: list[tuple[str, str]] = field(default_factory=list)


def _expected(phone: Phone) -> _Expected:
    made = _Expected()
    for draft in _drafts(phone, confirmed=True):
        given = draft["payload"]
        match draft["kind"]:
            case "swab.add":
                made.swabs[given["swab_id"]] = given["tube_id"]
            case "swab.move":
                made.swabs[given["swab_id"]] = given["to_tube_id"]
            case "swab.void":
                made.voided.add(given["swab_id"])
            case "tube.open":
                made.opened[given["tube_id"]] = given["code"]
            case "tube.seal":
                made.sealed[given["tube_id"]] = given["count"]
            case "tube.break" | "tube.void":
                made.ended[given["tube_id"]] = (
                    "broken" if draft["kind"] == "tube.break" else "voided"
                )
            case "box.add":
                made.boxed += [(given["box_id"], code) for code in given["tube_codes"]]
    return made


def _rows(phone: Phone, held: Held) -> list[str]:
    """Tubes, swabs and boxes are what the screens said."""
    made, found = _expected(phone), list[str]()
    moved = {
        draft["payload"]["swab_id"]
        for draft in _drafts(phone, confirmed=False)
        if draft["kind"] == "swab.move"
    }
    for swab, tube in made.swabs.items():
        row = held.swabs.get(swab)
        if row is None:
            found.append(f"swab {swab} was confirmed and is not there")
        elif row["tube"] != tube and swab not in moved:
            found.append(f"swab {swab} went into tube {tube} and is in {row['tube']}")
        elif swab in made.voided and not row["voided"]:
            found.append(f"swab {swab} was taken back and still counts")
    for tube, code in made.opened.items():
        row = held.tubes.get(tube)
        if row is None or row["code"] != code:
            found.append(f"tube {code} ({tube}) was bound and is {row and row['code']!r}")
    for tube, count in made.sealed.items():
        row = held.tubes.get(tube)
        if row is None or row["state"] not in SEALED or row["count"] != count:
            found.append(f"tube {tube} was sealed with {count} and is {row}")
    for tube, state in made.ended.items():
        row = held.tubes.get(tube)
        if row is None or row["state"] not in OUT:
            found.append(f"tube {tube} was {state} and is {row and row['state']}")
    found += [
        f"tube {code} was put into box {box} and is not in it"
        for box, code in made.boxed
        if held.lines[box, code] != 1
    ]
    return found


def _visible(held: Held) -> list[str]:
    """Whatever was parked, and every flag that somebody has to judge, stands on the work list."""
    wanted = {f"parked.{row['id']}" for row in held.journal if row["verdict"] == "parked"}
    wanted |= {
        f"swab.{id}.{flag}"
        for id, row in held.swabs.items()
        for flag in row["flags"]
        if not row["voided"] and flag not in NOTES
    }
    wanted |= {
        f"tube.{id}.{flag}"
        for id, row in held.tubes.items()
        for flag in row["flags"]
        if flag not in NOTES
    }
    return [f"{matter} is not on the work list" for matter in sorted(wanted - held.matters)]


def _same_codes(phones: Sequence[Phone], held: Held) -> list[str]:
    """A printed code bound twice, on whichever phones: every binding is kept, and flagged."""
    bound: dict[str, set[str]] = {}
    for phone in phones:
        for tube, code in _expected(phone).opened.items():
            bound.setdefault(code, set()).add(tube)
    return [
        f"tube code {code} was bound {len(tubes)} times and {tube} bears no flag"
        for code, tubes in bound.items()
        if len(tubes) > 1
        for tube in tubes
        if "duplicate_tube" not in held.tubes.get(tube, {"flags": []})["flags"]
    ]


def _rewound(phones: Sequence[Phone], held: Held) -> list[str]:
    """A device whose numbers came twice was put back to an older copy: somebody is told."""
    numbers = Counter((row["device"], row["seq"]) for row in held.journal if row["seq"] is not None)
    fallen = {device for (device, _), times in numbers.items() if times > 1}
    return [
        f"device {device} went back in time and nobody is told"
        for device in sorted(fallen)
        if not any(f"parked.{id}" in held.matters for id in held.rewound.get(device, []))
    ]


def _revoked(phones: Sequence[Phone], held: Held, revoked: Mapping[str, int]) -> list[str]:
    """A code struck since the phone fetched its pack: the swab is kept, and flagged."""
    done = {row["id"]: row for row in held.journal if row["kind"] == "swab.add"}
    at = {row["payload"]["swab_id"]: row["at"] for row in done.values() if not row["skewed"]}
    return [
        f"swab {swab} was taken with a code revoked before and bears no flag"
        for phone in phones
        for draft in _drafts(phone, confirmed=True)
        if (since := revoked.get(draft["payload"].get("token", ""))) is not None
        and (swab := draft["payload"]["swab_id"]) in at
        and at[swab] > since
        and "code_revoked" not in held.swabs.get(swab, {"flags": []})["flags"]
    ]


def _skewed(held: Held) -> list[str]:
    """A clock that was a day wrong when it sent: the swabs say so."""
    return [
        f"swab {row['payload']['swab_id']} came from a clock a day wrong and bears no flag"
        for row in held.journal
        if row["kind"] == "swab.add"
        and row["skewed"]
        and row["verdict"] == "applied"
        and "clock_skew" not in held.swabs.get(row["payload"]["swab_id"], {"flags": []})["flags"]
    ]
