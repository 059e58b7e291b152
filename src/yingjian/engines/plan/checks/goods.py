"""Packs, stores and requests held against R80–R86. Counts again; no planner code."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import datetime, timedelta

from yingjian.engines.plan.judge import Bench
from yingjian.engines.plan.means import Goods
from yingjian.engines.plan.model import Site, Team


def check_goods(bench: Bench) -> None:
    """Every pack against the preset; what covers it; what is missing and asked for."""
    weather = bench.plan.goods.weather if bench.plan.goods else list(bench.problem.weather)
    if weather != list(bench.problem.weather):
        bench.say("goods_sum", "error", "plan", measured=" ".join(weather),
                  limit=" ".join(bench.problem.weather), what="weather")  # fmt: skip
    stated = bench.problem.rules.table("kits.round")
    for site in bench.plan.sites:
        _pack(bench, f"site:{site.code}", site, _need(bench, site), stated)
    if bench.plan.goods is not None:  # plans made before there were stores have no packs for teams
        for team in bench.plan.teams:
            _pack(bench, f"team:{team.code}", team, _need_of_team(bench, team), stated)
    _stated(bench, stated)
    if bench.plan.goods is not None:
        _stores(bench, bench.plan.goods)
        _asked(bench, bench.plan.goods)


def _pack(
    bench: Bench, element: str, packs: Site | Team, asked: tuple[Counter[str], dict[str, str]],
    stated: dict[str, int],
) -> None:  # fmt: skip
    """Exactly what the norms ask for (R82–R84), at least what the people use and the reserve (R81).

    Goods whose total the plan states are judged by that total.
    """
    need, why = asked
    have = Counter[str]()
    for line in packs.kit:
        have[line.item] += line.quantity
    for item in sorted({*need, *have} - stated.keys()):
        bench.least("kit_short", element, why.get(item, ""), have[item], need[item], item=item)
        if have[item] > need[item]:
            bench.most("kit_over", element, why.get(item, ""), have[item], need[item],
                       level="warning", item=item)  # fmt: skip


def _need(bench: Bench, site: Site) -> tuple[Counter[str], dict[str, str]]:
    rules = bench.problem.rules
    keys = {key for slot in site.slots for key in slot.blocks} | {v.key for v in site.home}
    people = sum(bench.blocks[key].people for key in keys if key in bench.blocks)
    per_group = rules.number("sites.people_per_group")
    lanes = len(site.stations)
    groups = max(1, math.ceil(people / per_group)) if per_group else lanes
    need, why = Counter[str](), dict[str, str]()
    tables = [("kits.site", 1), ("kits.lane", lanes), ("kits.group_day", groups * len(site.open))]
    for kind in bench.problem.weather:
        tables += [(f"kits.weather.{kind}.site", 1), (f"kits.weather.{kind}.lane", lanes)]
    shifts = Counter(post.job for post in site.posts)
    tables += [(f"ppe.{job}", count) for job, count in shifts.items()]
    for prefix, times in tables:
        for item, each in rules.table(prefix).items():
            need[item] += each * times
            why.setdefault(item, f"{prefix}.{item}")
    spare = 1 + (rules.number("supplies.reserve_share") or 0)
    tubes = site.tubes.total
    for item, used in (("sample_tube", tubes), ("swab", people), ("label", tubes)):
        least = math.ceil(used * spare - 1e-9)
        if need[item] < least:
            need[item], why[item] = least, "supplies.reserve_share"
    return need, why


def _need_of_team(bench: Bench, team: Team) -> tuple[Counter[str], dict[str, str]]:
    """A group's goods for each day out (R82), a set for each of its own people and shift, and for re-tests (R43) two
    swabs and tubes, or however many the preset asks (R72), for every member of one flagged pool."""
    rules = bench.problem.rules
    out = [
        v.start for site in bench.plan.sites if site.code.startswith(team.area) for v in site.home
    ]
    recheck = team.kind == "recheck"
    dates = (
        {span.start.date() for span in bench.problem.days} if recheck else {at.date() for at in out}
    )
    shifts = len(dates)
    if not recheck:
        length = timedelta(minutes=rules.number("staffing.shift") or 1)
        worked = {
            (n, (at - span.start) // length)
            for n, span in enumerate(bench.problem.days) for at in out
            if span.start <= at < span.end
        }  # fmt: skip
        shifts = len(worked)
    need, why = Counter[str](), dict[str, str]()
    tables = [("kits.group_day", max(1, len(dates)))]
    tables += [(f"ppe.{job}", n * max(1, shifts)) for job, n in team.jobs.items() if team.own]
    for prefix, times in tables:
        for item, each in rules.table(prefix).items():
            if prefix != "kits.group_day" or item not in ("sample_tube", "swab", "label"):
                need[item] += each * times
                why.setdefault(item, f"{prefix}.{item}")
    if recheck:
        members = (rules.number("pool.default_size") or 0) / (
            rules.number("flagged.teams_per_pool") or 1
        )
        used = math.ceil(members * (rules.number("flagged.swabs") or 1))
        spare = 1 + (rules.number("supplies.reserve_share") or 0)
        for item in ("sample_tube", "swab", "label"):
            need[item], why[item] = math.ceil(used * spare - 1e-9), "supplies.reserve_share"
    return need, why


def _stated(bench: Bench, stated: dict[str, int]) -> None:
    """Totals the plan states: the round's, and shared among sites and teams to the piece."""
    round_has = {line.item: line.quantity for line in bench.plan.kit}
    packed = Counter[str]()
    for one in bench.plan.packing:
        for line in one.kit:
            packed[line.item] += line.quantity
    for item, total in sorted(stated.items()):
        path = f"kits.round.{item}"
        bench.least("kit_short", "plan", path, round_has.get(item, 0), total, item=item)
        if bench.plan.goods is not None:
            bench.same("goods_sum", f"item:{item}", packed[item], total, "stated")


def _stores(bench: Bench, goods: Goods) -> None:
    """Drawn and missing make every pack; no store gives more than it has, or to a stranger."""
    packs, area, first = Counter[tuple[str, str]](), _areas(bench), _first(bench)
    for one in bench.plan.packing:
        for line in one.kit:
            packs[one.code, line.item] += line.quantity
    covered, drawn = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    area_of = {stock.place: stock.area for stock in bench.problem.stocks}
    strangers = 0
    for draw in goods.draws:
        covered[draw.site, draw.item] += draw.quantity
        drawn[draw.place, draw.item] += draw.quantity
        whose = area.get(draw.site, "")
        strangers += not whose.startswith(area_of.get(draw.place, "?")) or draw.quantity < 1
    lead = timedelta(minutes=bench.problem.rules.number("supplies.request_lead") or 0)
    late = 0
    for gap in goods.missing:
        covered[gap.site, gap.item] += gap.quantity
        opens = first.get(gap.site)
        late += opens is None or gap.ask_by != opens - lead or gap.quantity < 1
    wrong = sum(packs[key] != covered[key] for key in packs.keys() | covered.keys())
    bench.same("goods_sum", "plan", wrong, 0, "packs")
    bench.same("goods_sum", "plan", strangers, 0, "stores")
    bench.say("goods_lead", "error" if late else "ok", "plan", "supplies.request_lead",
              measured=late, limit=0, over=late)  # fmt: skip
    there = {(s.place, item): n for s in bench.problem.stocks for item, n in s.items.items()}
    for (place, item), count in sorted(drawn.items()):
        if count > there.get((place, item), 0):
            bench.say("goods_overdrawn", "error", f"store:{place}", measured=count,
                      limit=there.get((place, item), 0), item=item)  # fmt: skip
    _unused(bench, goods, there, drawn, area_of)
    _missing(bench, goods)


def _areas(bench: Bench) -> dict[str, str]:
    """Where each pack is needed, by the code of its site or team."""
    return {one.code: one.area for one in bench.plan.packing}


def _first(bench: Bench) -> dict[str, datetime]:
    """When each pack is first needed: a site's when it opens, a team's when the first site does."""
    opens = {s.code: min(span.start for span in s.open) for s in bench.plan.sites if s.open}
    return opens | {t.code: min(opens.values()) for t in bench.plan.teams if opens}


def _unused(
    bench: Bench, goods: Goods, there: dict[tuple[str, str], int],
    drawn: Counter[tuple[str, str]], area_of: dict[str, str],
) -> None:  # fmt: skip
    """Nothing is told missing while a store of the site's own or above still has it."""
    idle, area = 0, _areas(bench)
    for gap in goods.missing:
        whose = area.get(gap.site, "")
        idle += any(
            item == gap.item and count > drawn[place, item] and whose.startswith(area_of[place])
            for (place, item), count in there.items()
        )
    bench.say("goods_idle", "error" if idle else "ok", "plan", measured=idle, limit=0, over=idle)


def _missing(bench: Bench, goods: Goods) -> None:
    """What is missing, an item a line; one note where no store is known at all."""
    if not bench.problem.stocks:
        bench.say("goods_none", "note", "plan", "supplies.request_lead")
        return
    total = Counter[str]()
    by: dict[str, datetime] = {}
    for gap in goods.missing:
        total[gap.item] += gap.quantity
        by[gap.item] = min(by.get(gap.item, gap.ask_by), gap.ask_by)
    for item, count in sorted(total.items()):
        bench.say(
            "goods_missing", "warning", f"item:{item}", "supplies.request_lead", measured=count,
            limit=0, over=count, item=item, by=by[item].strftime("%m-%d %H:%M"),
        )  # fmt: skip


def _asked(bench: Bench, goods: Goods) -> None:
    """A level asked for more than the share of its stock asks the one above, and only such a one (R80)."""
    threshold = bench.problem.rules.number("laboratory.support_threshold")
    share = 1.0 if threshold is None else threshold
    if not bench.problem.stocks:
        return
    wanted, stock = _by_level(bench, goods)
    told = {(ask.area, ask.item): ask for ask in goods.asks}
    top = min((area for area, _ in wanted), key=len, default="")
    true = {
        key
        for key, count in wanted.items()
        if len(key[0]) > len(top) and count > share * stock[key] + 1e-9
    }
    for key in sorted(true | told.keys()):
        ask = told.get(key)
        right = (
            ask is not None and key in true and (ask.wanted, ask.stock) == (wanted[key], stock[key])
        )
        bench.say(
            "goods_support", "note" if right else "error", f"area:{key[0]}",
            "laboratory.support_threshold", measured=wanted[key], limit=stock[key],
            over=wanted[key] - stock[key], item=key[1], above=ask.above if ask else "",
        )  # fmt: skip


def _by_level(
    bench: Bench, goods: Goods
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """What reaches each level after the lower ones gave, and what it has."""
    county = bench.problem.area[:6]
    levels = {county, county[:4], *(stock.area for stock in bench.problem.stocks)}
    stock = Counter[tuple[str, str]]()
    for one in bench.problem.stocks:
        for item, count in one.items.items():
            stock[one.area, item] += max(0, count)
    area_of = {one.place: one.area for one in bench.problem.stocks}
    given: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for draw in goods.draws:
        given[draw.site, draw.item][area_of.get(draw.place, "")] += draw.quantity
    wanted = Counter[tuple[str, str]]()
    for packs in bench.plan.packing:
        ways = sorted((a for a in levels if packs.area.startswith(a)), key=len, reverse=True)
        for line in packs.kit:
            rest = line.quantity
            for area in ways:
                wanted[area, line.item] += rest
                rest -= given[packs.code, line.item][area]
    return wanted, stock
