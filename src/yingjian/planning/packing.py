"""What a plan's sites and moving teams pack and where it comes from, as rows for screens, workbooks and documents."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from yingjian.campaigns import presets
from yingjian.engines.plan.means import KitLine
from yingjian.engines.plan.model import Plan, Team

from . import crewing, wording

Areas = Mapping[str, str]
"""Names of areas."""


@dataclass(frozen=True, slots=True)
class FromStore:
    """So many pieces from a store."""

    place: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PackLine:
    """An item of a pack: rules that ask for it, stores that cover it, what is missing by when."""

    item: str
    name: str
    unit: str
    quantity: int
    why: list[str]
    stores: list[FromStore]
    missing: int
    ask_by: datetime | None


@dataclass(frozen=True, slots=True)
class PackSite:
    """A site's pack, or a moving team's."""

    code: str
    name: str
    lines: list[PackLine]
    team: bool


@dataclass(frozen=True, slots=True)
class PackedSite:
    """A site or a moving team in the list."""

    code: str
    name: str
    items: int
    missing: int
    """Items of which something is missing."""


@dataclass(frozen=True, slots=True)
class ItemLine:
    """An item over the whole plan."""

    item: str
    name: str
    unit: str
    wanted: int
    covered: int
    missing: int
    ask_by: datetime | None
    stores: list[FromStore]


@dataclass(frozen=True, slots=True)
class GoodsAskLine:
    """A level asked for more than the share of its stock it may give alone asks the one above (R80)."""

    name: str
    unit: str
    area: str
    above: str
    wanted: int
    stock: int


def item_word(item: str, language: str) -> str:
    """Goods as the preset's tables call them."""
    return presets.labels(wording.short(language))["item"].get(item, item)


def unit_word(unit: str, language: str) -> str:
    """A unit of goods."""
    return presets.labels(wording.short(language))["unit"].get(unit, unit)


def reasons(why: Sequence[str], language: str) -> list[str]:
    """The preset's lines that ask for an item, in words, each once."""
    return list(dict.fromkeys(presets.label_of(path, wording.short(language)) for path in why))


@dataclass(frozen=True)
class _Cover:
    """What covers the items of each pack, and what does not."""

    draws: Mapping[tuple[str, str], list[FromStore]]
    missing: Mapping[tuple[str, str], tuple[int, datetime]]


def _cover(plan: Plan) -> _Cover:
    draws: dict[tuple[str, str], list[FromStore]] = defaultdict(list)
    missing: dict[tuple[str, str], tuple[int, datetime]] = {}
    if plan.goods is not None:
        for draw in plan.goods.draws:
            draws[draw.site, draw.item].append(FromStore(draw.place, draw.quantity))
        for gap in plan.goods.missing:
            missing[gap.site, gap.item] = (gap.quantity, gap.ask_by)
    return _Cover(draws, missing)


@dataclass(frozen=True, slots=True)
class Packer:
    """Whoever packs something: a site, or a moving team of a kind."""

    code: str
    name: str
    kit: list[KitLine]
    team: str = ""


def packers(plan: Plan, areas: Areas, language: str) -> list[Packer]:
    """Every site of a plan, then the moving teams that pack something."""
    return [
        *(Packer(site.code, site.name, site.kit) for site in plan.sites),
        *(
            Packer(team.code, team_name(team, areas, language), team.kit, team.kind)
            for team in plan.teams
            if team.kit
        ),
    ]


def team_name(team: Team, areas: Areas, language: str) -> str:
    """A moving team by its area, what it is for, and its number there."""
    return str(wording.words(language)["team_name"]).format(
        area=areas.get(team.area, team.area), team=crewing.team_word(team.kind, language),
        n=team.code.rpartition("-")[2],
    )  # fmt: skip


def _line(cover: _Cover, code: str, line: KitLine, language: str) -> PackLine:
    key = (code, line.item)
    gap, by = cover.missing.get(key, (0, None))
    return PackLine(
        line.item, item_word(line.item, language), unit_word(line.unit, language), line.quantity,
        reasons(line.why, language), list(cover.draws.get(key, ())), gap, by,
    )  # fmt: skip


def all_lines(plan: Plan, areas: Areas, language: str) -> Iterator[tuple[Packer, list[PackLine]]]:
    """Every site and moving team with its pack."""
    cover = _cover(plan)
    for one in packers(plan, areas, language):
        yield one, [_line(cover, one.code, line, language) for line in one.kit]


def alike(plan: Plan, areas: Areas, language: str) -> list[tuple[str, list[PackLine]]]:
    """Packs by name, for paper: moving teams of a kind that pack the same stand in one line, with their number."""
    found: list[tuple[str, list[PackLine]]] = []
    same: dict[tuple[str, tuple[tuple[str, int], ...]], list[list[PackLine]]] = defaultdict(list)
    for one, lines in all_lines(plan, areas, language):
        if not one.team:
            found.append((one.name, lines))
            continue
        same[one.team, tuple((line.item, line.quantity) for line in lines)].append(lines)
    told = str(wording.words(language)["means"]["teams_alike"])
    return found + [
        (told.format(team=crewing.team_word(kind, language), count=len(many)), many[0])
        for (kind, _), many in same.items()
    ]


def site_of(plan: Plan, code: str, areas: Areas, language: str) -> PackSite | None:
    """The pack of a site or a moving team; None for a code the plan does not have."""
    one = next((one for one in packers(plan, areas, language) if one.code == code), None)
    if one is None:
        return None
    lines = [_line(_cover(plan), code, line, language) for line in one.kit]
    return PackSite(code, one.name, lines, bool(one.team))


def site_lines(plan: Plan, areas: Areas, language: str) -> list[PackedSite]:
    """Every site and moving team with the number of items it packs and of those that fall short."""
    short = Counter(gap.site for gap in (plan.goods.missing if plan.goods else ()))
    return [
        PackedSite(one.code, one.name, len(one.kit), short[one.code])
        for one in packers(plan, areas, language)
    ]


def item_lines(plan: Plan, language: str) -> list[ItemLine]:
    """Every item over all sites and moving teams: wanted, covered from which store, missing; what is missing first."""
    wanted, unit = Counter[str](), dict[str, str]()
    for one in plan.packing:
        for line in one.kit:
            wanted[line.item] += line.quantity
            unit.setdefault(line.item, line.unit)
    stores: dict[str, Counter[str]] = defaultdict(Counter)
    missing, by = Counter[str](), dict[str, datetime]()
    if plan.goods is not None:
        for draw in plan.goods.draws:
            stores[draw.item][draw.place] += draw.quantity
        for gap in plan.goods.missing:
            missing[gap.item] += gap.quantity
            by[gap.item] = min(by.get(gap.item, gap.ask_by), gap.ask_by)
    lines = [
        ItemLine(
            item, item_word(item, language), unit_word(unit[item], language), count,
            sum(stores[item].values()), missing[item], by.get(item),
            [FromStore(place, n) for place, n in stores[item].most_common()],
        )
        for item, count in wanted.items()
    ]  # fmt: skip
    return sorted(lines, key=lambda line: (line.missing == 0, line.item))


def ask_lines(plan: Plan, areas: Areas, language: str) -> list[GoodsAskLine]:
    """Who asks whom for goods."""
    unit = {line.item: line.unit for one in plan.packing for line in one.kit}
    return [
        GoodsAskLine(
            item_word(one.item, language), unit_word(unit.get(one.item, ""), language),
            areas.get(one.area, one.area), areas.get(one.above, one.above), one.wanted, one.stock,
        )
        for one in (plan.goods.asks if plan.goods else ())
    ]  # fmt: skip
