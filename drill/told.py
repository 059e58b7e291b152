"""What a replay tells in the end: a short table in Chinese or English, and a file of figures."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from drill.play import Outcome
from drill.scenario import Words

TABLE: Final = (
    ("due_people", Words("应检人数", "people due")),
    ("sites", Words("采样点", "sites")),
    ("samplers", Words("采样人员", "samplers")),
    ("staff_supporting", Words("其中支援", "of them supporting")),
    ("registrars", Words("信息录入人员", "registrars")),
    ("police", Words("警员", "police")),
    ("volunteers", Words("工作人员及志愿者", "staff and volunteers")),
    ("staff", Words("参与人员合计", "people at work")),
    ("staff_stated", Words("汇报所写参与人员", "people at work as stated")),
    ("vehicles", Words("车辆", "vehicles")),
    ("first_sample_at", Words("首个样本", "first sample")),
    ("last_sample_at", Words("末个样本", "last sample")),
    ("delivered_at", Words("送检完成", "delivered")),
    ("tubes", Words("采样管", "tubes")),
    ("tubes_full", Words("其中满管", "of them full")),
    ("samples", Words("样本", "samples")),
    ("stubs", Words("存根", "stubs")),
    ("register_rows", Words("登记表行", "register rows")),
    ("people_negative", Words("阴性", "negative")),
    ("people_positive", Words("阳性", "positive")),
    ("people_excused", Words("免检", "excused")),
    ("people_missed", Words("漏检（有责任人）", "missed (with an owner)")),
    ("pools_flagged", Words("异常混管", "flagged pools")),
    ("positives", Words("阳性感染者", "positive persons")),
    ("notices", Words("通知", "notices")),
    ("waste_bags", Words("医疗废物（袋）", "bags of waste")),
    ("disinfections", Words("终末消毒", "disinfections")),
    ("clocks_met", Words("按时完成时限", "clocks met")),
    ("clocks_breached", Words("超时时限（有责任人）", "clocks breached (with an owner)")),
)


def width(text: str) -> int:
    """Columns a terminal uses: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _padded(text: str, room: int) -> str:
    return text + " " * max(1, room - width(text))


def table(outcome: Outcome, language: str) -> list[str]:
    """The outcome, a line each."""
    figures, scenario = outcome.score.figures, outcome.world.scenario
    lines = ["", scenario.title.told(language), ""]
    rows: list[tuple[str, Any]] = [
        (words.told(language), figures[key]) for key, words in TABLE if figures.get(key) is not None
    ]
    used = figures.get("used") or {}
    for item in scenario.items:
        name, unit = (
            (item.name_zh, item.unit_zh) if language == "zh" else (item.name_en, item.unit_en)
        )
        rows.append((name, f"{used.get(item.code, 0)} {unit}"))
    room = max(width(name) for name, _ in rows) + 2
    lines += [f"  {_padded(name, room)}{_number(value)}" for name, value in rows]
    return [*lines, "", *points(outcome, language), *forecast(outcome, language)]


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def points(outcome: Outcome, language: str) -> list[str]:
    """What had to hold, and whether it did."""
    found = outcome.score.points
    room = max(width(point.label.told(language)) for point in found) + 2
    return [
        f"  {'✓' if point.holds else '✗'} {_padded(point.label.told(language), room)}{point.told}"
        for point in found
    ]


FORECAST: Final = {
    "last_swab": Words("采样点末个样本", "last swab at the sites"),
    "queue_p95": Words("排队95%（分钟）", "queue p95 (minutes)"),
    "tube_age_p95": Words("送达用时95%（分钟）", "tube age at the laboratory p95 (minutes)"),
    "machine_age_p95": Words("上机用时95%（分钟）", "tube age on the instrument p95 (minutes)"),
    "last_delivery": Words("末次送达", "last delivery"),
    "last_result": Words("末个结果", "last result"),
    "pools_positive": Words("阳性管（不评判）", "positive tubes (not judged)"),
    "retest_p95": Words(
        "初筛阳性至单管结果95%（分钟，不评判）",
        "positive tube to single result p95 (minutes, not judged)",
    ),
}
MOMENTS: Final = frozenset({"last_swab", "last_delivery", "last_result"})


def forecast(outcome: Outcome, language: str) -> list[str]:
    """What the rehearsal of the plan gave (5th, 50th, 95th percentile), and the day; nothing where nobody asked."""
    found = outcome.score.figures.get("forecast")
    if not found:
        return []
    head = Words(
        "方案推演（5%–50%–95%）与当日", "forecast of the plan (5 %, 50 %, 95 %) and the day"
    )
    shown = [*found["figures"], *found["retests"]]
    names = {row["figure"]: FORECAST[row["figure"]].told(language) for row in shown}
    room = max((width(name) for name in names.values()), default=0) + 2
    lines = ["", f"  {head.told(language)}"]
    for row in shown:
        said = clock if row["figure"] in MOMENTS else _minutes
        low, middle, high, was = (said(row[key]) for key in ("low", "middle", "high", "drilled"))
        mark = "✓" if row["inside"] else "≈" if row["near"] else "✗"
        lines.append(
            f"  {mark} {row['date']} {_padded(names[row['figure']], room)}{low} – {middle} – {high}   {was}"
        )
    sites = found["finish_of_sites"]
    each = Words("各采样点末个样本在区间内", "sites whose last swab was inside").told(language)
    return [*lines, f"    {each}  {sites['inside']}/{sites['sites']}"]


def clock(minute: float) -> str:
    """A minute of the day; hours go on counting after midnight, so that 02:30 of the next day is 26:30."""
    whole = round(minute)
    return f"{whole // 60:02d}:{whole % 60:02d}"


def _minutes(value: float) -> str:
    return f"{value:.1f}"


def access(outcome: Outcome, language: str) -> list[str]:
    """Who may sign in, and how."""
    world = outcome.world
    accounts = Words("账号", "accounts").told(language)
    password = Words("密码（各账号相同）", "password (of each account)").told(language)
    names = "、".join(f"{name}（{called}）" for name, _, called in world.accounts)
    if language == "en":
        names = ", ".join(f"{name} ({role})" for name, role, _ in world.accounts)
    return ["", f"  {accounts}  {names}", f"  {password}  {world.password}"]


def document(outcome: Outcome, more: dict[str, Any]) -> dict[str, Any]:
    """Everything as JSON: the figures at the top, the judgement and the cost below."""
    traffic = outcome.world.traffic
    slowest = sorted(traffic.seconds.items(), key=lambda pair: -pair[1])[:12]
    return {
        **outcome.score.figures,
        "judgement": {k: v for k, v in outcome.score.document().items() if k != "figures"},
        "cost": {
            "seconds": outcome.seconds,
            "requests": sum(traffic.requests.values()),
            "commands": sum(traffic.commands.values()),
            "retries": traffic.retries,
            "slowest": {
                route: {"requests": traffic.requests[route], "seconds": round(seconds, 1)}
                for route, seconds in slowest
            },
        },
        "reports": [path.name for path in outcome.files],
        **more,
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON a person can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1))


def failing(outcome: Outcome) -> Sequence[str]:
    """Keys of what did not hold."""
    return [point.key for point in outcome.score.points if not point.holds]
