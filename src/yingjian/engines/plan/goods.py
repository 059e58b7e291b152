"""What every site and moving team packs, where it comes from, what is missing and who asks for support (R80–R86).

Counting and issuing are `engines.kits`; here its question is put from the preset and the stores. A moving team (R29,
R43) wears what its jobs wear, a set a shift, and carries what a sampling group uses up in a day (R82). The tubes of
its doors are in the packs of the sites it leaves from; a re-test team carries those of one flagged pool (R72).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from yingjian.engines.kits import model as kits
from yingjian.engines.kits.solve import solve
from yingjian.engines.plan.means import Draw, Goods, GoodsAsk, KitLine, Missing, Stock
from yingjian.engines.plan.model import PlanProblem, Rules, Site, Team
from yingjian.engines.plan.staff import team_letters

COUNTY, CITY = 6, 4
PIECE = "piece"
RECHECK = "recheck"


def packed(
    problem: PlanProblem, sites: Sequence[Site], teams: Sequence[Team]
) -> tuple[list[Site], list[Team], Goods]:
    """The sites and the moving teams with their packs, and where the goods come from."""
    rules = problem.rules
    levels = _levels(problem)
    areas = list(levels)
    norms = norms_of(rules)
    answer = solve(
        kits.Problem(
            sites=(
                *(_site(problem, site, areas) for site in sites),
                *(_team(problem, team, sites, areas) for team in teams),
            ),
            stores=tuple(_store(area, areas, levels) for area in areas),
            norms=norms,
            weather=tuple(problem.weather),
            lead=int(rules.number("supplies.request_lead") or 0),
            threshold=_threshold(rules),
        )
    )
    lines: dict[int, list[KitLine]] = defaultdict(list)
    for line in answer.lines:
        why = list(dict.fromkeys(line.why))
        lines[line.site].append(KitLine(line.item, line.quantity, _unit(rules, why), why))
    kits_of = [sorted(lines[n], key=lambda line: line.item) for n in range(len(sites) + len(teams))]
    lead = timedelta(minutes=rules.number("supplies.request_lead") or 0)
    codes = [*(site.code for site in sites), *(team.code for team in teams)]
    first = min(_opens(site) for site in sites)
    opens = [*(_opens(site) for site in sites), *(first for _ in teams)]
    goods = Goods(
        known=bool(problem.stocks),
        weather=list(problem.weather),
        draws=_draws(answer.issues, codes, areas, levels),
        missing=[
            # By the moment itself: the engine counts whole minutes, and a site may open between two.
            Missing(codes[s.site], s.item, s.missing, opens[s.site] - lead)
            for s in answer.shortages
        ],
        asks=[
            GoodsAsk(ask.item, areas[ask.store], areas[ask.above], ask.wanted, ask.stock)
            for ask in answer.asks
            if problem.stocks
        ],
    )
    return (
        [msgspec.structs.replace(s, kit=kit) for s, kit in zip(sites, kits_of, strict=False)],
        [msgspec.structs.replace(t, kit=kit) for t, kit in zip(teams, kits_of[len(sites) :], strict=True)],
        goods,
    )  # fmt: skip


def norms_of(rules: Rules) -> kits.Norms:
    """The preset's quantities as the counting engine reads them."""
    jobs = {path.split(".")[1] for path in rules.by_path if path.startswith("ppe.")}
    kinds = {path.split(".")[2] for path in rules.by_path if path.startswith("kits.weather.")}
    return kits.Norms(
        site=rules.table("kits.site"),
        lane=rules.table("kits.lane"),
        group_day=rules.table("kits.group_day"),
        shift={job: rules.table(f"ppe.{job}") for job in sorted(jobs)},
        weather={
            kind: (rules.table(f"kits.weather.{kind}.site"), rules.table(f"kits.weather.{kind}.lane"))
            for kind in sorted(kinds)
        },
        stated=rules.table("kits.round"),
        reserve=rules.number("supplies.reserve_share") or 0.0,
    )  # fmt: skip


def _threshold(rules: Rules) -> float:
    share = rules.number("laboratory.support_threshold")
    return 1.0 if share is None else share


def _unit(rules: Rules, why: Sequence[str]) -> str:
    return next(
        (unit for path in why if (unit := rules.get(path).unit) not in {"", "share"}), PIECE
    )


# --- sites and stores as the engine sees them ----------------------------------------------------


def _site(problem: PlanProblem, site: Site, areas: Sequence[str]) -> kits.Site:
    size = int(problem.rules.need("pool.default_size"))
    tubes = Counter[int]()
    tubes.update({size: site.tubes.pool})
    tubes.update({1: site.tubes.single})
    tubes.update({0: site.tubes.household})
    opens = _opens(site) - problem.window.start
    return kits.Site(
        store=areas.index(nearest(site.area, areas)),
        people=site.people,
        tubes=dict(tubes),
        lanes=site.lanes,
        groups=site.groups,
        days=len(site.open),
        shifts=dict(Counter(post.job for post in site.posts)),
        opens=int(opens // timedelta(minutes=1)),
    )


def _team(
    problem: PlanProblem, team: Team, sites: Sequence[Site], areas: Sequence[str]
) -> kits.Site:
    """Ready when the first site opens. Its people's goods are the lanes' where they are the lanes' people."""
    days = shifts = len({day.start.date() for day in problem.days})
    swabs = _of_pool(problem.rules)
    if team.kind != RECHECK:
        (days, shifts), swabs = _on_tour(problem, team, sites), 0
    opens = min(_opens(site) for site in sites) - problem.window.start
    return kits.Site(
        store=areas.index(nearest(team.area, areas)), people=swabs, tubes={1: swabs}, lanes=0, groups=1,
        days=days, opens=int(opens // timedelta(minutes=1)), moving=True,
        shifts={job: count * shifts for job, count in team.jobs.items()} if team.own else {},
    )  # fmt: skip


def _on_tour(problem: PlanProblem, team: Team, sites: Sequence[Site]) -> tuple[int, int]:
    """Days and shifts in which the doors of a home-visit team's town are visited."""
    doors = [v.start for s in sites if s.area.startswith(team.area) for v in s.home]
    spans = [span for day in problem.days for _, span in team_letters(day, problem.rules)]
    shifts = sum(any(span.start <= at < span.end for at in doors) for span in spans)
    return max(1, len({at.date() for at in doors})), max(1, shifts)


def _of_pool(rules: Rules) -> int:
    """Swabs that one re-test team takes of a flagged pool, each in a tube of its own (R72, R73)."""
    swabs = rules.number("flagged.swabs") or 1
    teams = rules.number("flagged.teams_per_pool") or 1
    return math.ceil(rules.need("pool.default_size") * swabs / teams)


def _opens(site: Site) -> datetime:
    return min(span.start for span in site.open)


def _levels(problem: PlanProblem) -> dict[str, list[Stock]]:
    """Stores by area, and the county and the city above it even where they have none (R80)."""
    county = problem.area[:COUNTY]
    found: dict[str, list[Stock]] = {area: [] for area in {county, county[:CITY]}}
    for stock in problem.stocks:
        found.setdefault(stock.area, []).append(stock)
    return dict(sorted(found.items()))


def nearest(area: str, areas: Sequence[str]) -> str:
    """The lowest level that serves an area: the longest of the prefixes, else the first."""
    own = [one for one in areas if area.startswith(one)]
    return max(own, key=len) if own else areas[0]


def _store(area: str, areas: Sequence[str], levels: Mapping[str, list[Stock]]) -> kits.Store:
    goods = Counter[str]()
    for stock in levels[area]:
        goods.update({item: count for item, count in stock.items.items() if count > 0})
    above = [one for one in areas if one != area and area.startswith(one)]
    return kits.Store(dict(goods), areas.index(max(above, key=len)) if above else kits.TOP)


def _draws(
    issues: Sequence[kits.Issue], codes: Sequence[str], areas: Sequence[str],
    levels: Mapping[str, list[Stock]],
) -> list[Draw]:  # fmt: skip
    """A level's issues told by store: the fullest gives first."""
    shelves: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for area, stocks in levels.items():
        for stock in stocks:
            for item, count in stock.items.items():
                if count > 0:
                    shelves[area, item].append((count, stock.place))
    for shelf in shelves.values():
        shelf.sort(key=lambda one: (one[0], one[1]))  # the last is taken first
    found: list[Draw] = []
    for issue in sorted(issues, key=lambda one: (one.site, one.item, one.store)):
        rest, shelf = issue.quantity, shelves[areas[issue.store], issue.item]
        while rest:
            there, place = shelf.pop()
            take = min(rest, there)
            found.append(Draw(codes[issue.site], issue.item, place, take))
            rest -= take
            if there > take:
                shelf.append((there - take, place))
    return found
