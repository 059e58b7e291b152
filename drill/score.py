"""The judge: reads the outcome through the API and says, point by point, whether it is as it must be.

It believes nothing the actors say of themselves: figures, clocks, pools and positives are asked
from the system; the drill's own knowledge (who was seeded positive, who was absent) is what they
are held against.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from drill import forecast
from drill.scenario import Words
from drill.world import World

HERE: Final = ZoneInfo("Asia/Shanghai")
STATED: Final = "stated"
NOTICES: Final = 2  # messages to each party (R69); the parties come from the preset


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that must hold, and what was found."""

    key: str
    label: Words
    holds: bool
    told: str


@dataclass
class Score:
    """Points in order, and the figures they rest on."""

    points: list[Point] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return all(point.holds for point in self.points)

    def add(self, key: str, zh: str, en: str, holds: bool, told: object) -> None:
        self.points.append(Point(key, Words(zh, en), bool(holds), str(told)))

    def equal(self, key: str, zh: str, en: str, found: object, expected: object) -> None:
        """The point that two values are the same."""
        same = found == expected
        self.add(key, zh, en, same, found if same else f"{found} ≠ {expected}")

    def document(self) -> dict[str, Any]:
        return {
            "holds": self.holds,
            "points": [{**asdict(p), "label": {"zh": p.label.zh, "en": p.label.en}} for p in self.points],
            "figures": self.figures,
        }  # fmt: skip


@dataclass
class Readings:
    """Everything the judge read at one moment."""

    figures: dict[str, Any]
    parts: dict[str, dict[str, int]]
    balances: list[dict[str, Any]]
    clocks: list[dict[str, Any]]
    pools: list[dict[str, Any]]
    positives: list[dict[str, Any]]
    round: dict[str, Any]


def read(world: World, at: datetime) -> Readings:
    """Ask the system for its own account of the round."""
    boss, cdc = world.user("round_planner"), world.user("cdc_investigator")
    base = f"/rounds/{world.round_id}"
    rows = boss.get(f"{base}/figures", at=at)["items"]
    pools = [cdc.get(f"/pools/{row['id']}", at=at) for row in cdc.items(f"{base}/pools", at=at)]
    positives = [
        cdc.get(f"/positives/{row['id']}", at=at) for row in cdc.items(f"{base}/positives", at=at)
    ]
    return Readings(
        figures={row["key"]: row["value"] for row in rows},
        parts={row["key"]: row["parts"] for row in rows},
        balances=boss.get(f"{base}/reconciliation", at=at)["items"],
        clocks=boss.items(f"{base}/figures/clocks_breached/rows", at=at),
        pools=pools,
        positives=positives,
        round=boss.get(base, at=at),
    )


def local(moment: str | datetime | None) -> str:
    """A moment as the county says it."""
    if moment is None:
        return "—"
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return at.astimezone(HERE).strftime("%Y-%m-%d %H:%M")


def judge(world: World, at: datetime) -> Score:
    """The points every round must hold."""
    seen = read(world, at)
    score = Score()
    figures = seen.figures
    score.figures = _figures(world, seen)
    _denominator(score, seen, world)
    samples = figures["samples"]
    score.equal(
        "register", "样本=登记表行", "samples = register rows", samples, figures["register_rows"]
    )
    if world.scenario.stubs:
        score.equal("stubs", "样本=存根", "samples = stubs", samples, figures["stubs"])
    records = [row for row in seen.balances if row["law"] != STATED]
    bad = [row["law"] for row in records if not row["holds"]]
    score.add("balances", "各项对账", "reconciliation", not bad, ", ".join(bad) or len(records))
    for row in seen.balances:
        if row["law"] == STATED:
            _stated(score, row, world)
    score.equal("differences", "未销差异", "open discrepancies", figures["discrepancies_open"], 0)
    parked = Counter(f"{row['kind']}: {row.get('code')}" for row in world.traffic.parked)
    score.add("parked", "滞留指令", "parked commands", not parked, dict(parked) or 0)
    _clocks(score, seen)
    _cases(score, seen, world)
    if world.rehearsal:
        score.figures["forecast"] = forecast.met(world, at)
        score.figures["forecast"]["retests"] = forecast.retests(world.rehearsal, seen.pools)
        _forecast(score, score.figures["forecast"])
    return score


def _forecast(score: Score, found: dict[str, Any]) -> None:
    """The day met its plan's forecast; told only where the scenario does what no plan says."""
    judged, rows = not found["not_judged"], found["figures"]
    out = [row["figure"] for row in rows if not row["inside"]]
    told = f"{len(rows) - len(out)}/{len(rows)} 在区间内 inside" + (
        f", {', '.join(out)}" if out else ""
    )
    reasons = "" if judged else f" (not judged: {'; '.join(found['not_judged'])})"
    score.add(
        "forecast", "当日符合方案推演" if judged else "当日与方案推演（不评判）",
        "the day met its plan's forecast" if judged else "the day beside its plan's forecast",
        not judged or (bool(rows) and all(row["near"] for row in rows)), told + reasons,
    )  # fmt: skip


def _stated(score: Score, row: dict[str, Any], world: World) -> None:
    """What a document states is compared with the records; a difference is shown, not smoothed over."""
    stated = {entry.value for entry in world.scenario.stated}
    pair = {row["left_value"], row["right_value"]}
    told = f"{row['left_value']} / {row['right_value']}"
    score.add(
        "stated", "文件所述与记录之差已列明", "stated against recorded", bool(pair & stated), told
    )


def _denominator(score: Score, seen: Readings, world: World) -> None:
    figures, due = seen.figures, seen.parts["due_people"]
    everybody = figures["due_people"]
    ends = due.get("resulted", 0) + due.get("excused", 0) + due.get("missed", 0)
    told = (
        f"{everybody} = {due.get('resulted', 0)} + {due.get('excused', 0)} + {due.get('missed', 0)}"
    )
    score.add(
        "denominator", "应检＝已出结果＋免检＋漏检", "due = resulted + excused + missed",
        everybody == ends == world.scenario.people, told,
    )  # fmt: skip
    score.equal("closed", "轮次已关闭", "round closed", seen.round["state"], "closed")
    owners = set(seen.parts["people_missed"])
    score.add(
        "owners", "漏检有责任人", "missed people have owners",
        "" not in owners and bool(owners) == bool(due.get("missed", 0)), len(owners),
    )  # fmt: skip


def _clocks(score: Score, seen: Readings) -> None:
    """Every deadline is met, or is shown as breached with an owner."""
    nobody = [row["code"] for row in seen.clocks if not (row["owner_role"] or row["owner_name"])]
    late = Counter(row["code"] for row in seen.clocks)
    met, breached = seen.figures["clocks_met"], seen.figures["clocks_breached"]
    told = f"{met} 按时 · {breached} 超时 {dict(late) if late else ''}".strip()
    whole = len(seen.clocks) == breached  # every late one was looked at
    score.add(
        "clocks", "时限：按时或超时有责任人", "clocks met, or breached with an owner",
        met > 0 and not nobody and whole, told,
    )  # fmt: skip


def _cases(score: Score, seen: Readings, world: World) -> None:
    """Every pool that held a positive is found and resolved; every positive found, told to all."""
    seeded = {
        code for code in world.pools
        if (world.positive | world.grey).intersection(world.inside[code])
    }  # fmt: skip
    pools = [row for row in seen.pools if row["mode"] != "single"]
    found = {row["tube_code"] for row in pools}
    score.equal("pools_found", "阳性混管全部发现", "flagged pools found", len(found), len(seeded))
    score.add(
        "pools_right", "异常混管与埋设一致", "the very pools seeded", found == seeded, len(found)
    )
    resolved = sum(row["state"] == "resolved" for row in pools)
    score.equal(
        "pools_resolved", "异常混管全部处置", "flagged pools resolved", resolved, len(seeded)
    )
    people = {row["person_id"] for row in seen.positives}
    score.equal("positives", "阳性人员", "positives found", len(people), len(world.positive))
    score.add(
        "positives_right", "阳性人员与埋设一致", "the very people seeded",
        people == world.positive, len(people),
    )  # fmt: skip
    parties = len(world.leaf("notices.parties", []))
    expected = NOTICES * parties
    counts = {len(row["notices"]) for row in seen.positives}
    score.add(
        "notices", f"每名阳性通知{expected}条", f"{expected} notices each",
        counts <= {expected}, sorted(counts) or 0,
    )  # fmt: skip
    open_ = sum(n["acknowledged_at"] is None for row in seen.positives for n in row["notices"])
    score.equal("acknowledged", "通知未签收", "notices not acknowledged", open_, 0)


def _figures(world: World, seen: Readings) -> dict[str, Any]:
    figures = seen.figures
    moments = ("first_sample_at", "last_sample_at", "delivered_at")
    return {
        "scenario": world.scenario.name,
        "area": world.scenario.place.area,
        "preset": world.scenario.preset,
        "people": world.scenario.people,
        **{key: value for key, value in figures.items() if key not in moments},
        **{key: local(figures[key]) for key in moments},
        "due_by_state": seen.parts["due_people"],
        "staff_by_job": seen.parts["staff"],
        "staff_stated": {row.figure: row.value for row in world.scenario.stated}.get("staff"),
        "used": seen.parts["supplies_used"],
        "breached": dict(Counter(row["code"] for row in seen.clocks)),
        "breached_owners": sorted({row["owner_role"] for row in seen.clocks}),
        "notices_per_positive": sorted({len(row["notices"]) for row in seen.positives}),
        "reconciliation": [
            {key: row[key] for key in ("law", "left_value", "right_value", "holds")}
            for row in seen.balances
        ],
    }  # fmt: skip
