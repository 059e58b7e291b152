"""What a plan's sites pack and where it comes from, as rows for screens, workbooks and documents."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from yingjian.campaigns import presets
from yingjian.engines.plan.model import KitLine, Plan, Site

from . import wording


@dataclass(frozen=True, slots=True)
class FromStore:
    """So many pieces from a store."""

    place: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PackLine:
    """An item of a site's pack: rules that ask for it, stores that cover it, what is missing by when."""

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
    """A site's pack."""

    code: str
    name: str
    lines: list[PackLine]


@dataclass(frozen=True, slots=True)
class PackedSite:
    """A site in the list."""

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
    """What covers each site's items, and what does not."""

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


def _line(cover: _Cover, site: Site, line: KitLine, language: str) -> PackLine:
    key = (site.code, line.item)
    gap, by = cover.missing.get(key, (0, None))
    return PackLine(
        line.item, item_word(line.item, language), unit_word(line.unit, language), line.quantity,
        reasons(line.why, language), list(cover.draws.get(key, ())), gap, by,
    )  # fmt: skip


def all_lines(plan: Plan, language: str) -> Iterator[tuple[Site, list[PackLine]]]:
    """Every site with its pack."""
    cover = _cover(plan)
    for site in plan.sites:
        yield site, [_line(cover, site, line, language) for line in site.kit]


def site_of(plan: Plan, code: str, language: str) -> PackSite | None:
    """A site's pack; None for a code the plan does not have."""
    site = next((one for one in plan.sites if one.code == code), None)
    if site is None:
        return None
    cover = _cover(plan)
    return PackSite(code, site.name, [_line(cover, site, line, language) for line in site.kit])


def site_lines(plan: Plan) -> list[PackedSite]:
    """Every site with the number of items it packs and of those that fall short."""
    short = Counter(gap.site for gap in (plan.goods.missing if plan.goods else ()))
    return [PackedSite(s.code, s.name, len(s.kit), short[s.code]) for s in plan.sites]


def item_lines(plan: Plan, language: str) -> list[ItemLine]:
    """Every item over all sites: wanted, covered from which store, missing; what is missing first."""
    wanted, unit = Counter[str](), dict[str, str]()
    for site in plan.sites:
        for line in site.kit:
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


def ask_lines(plan: Plan, areas: Mapping[str, str], language: str) -> list[GoodsAskLine]:
    """Who asks whom for goods."""
    unit = {line.item: line.unit for site in plan.sites for line in site.kit}
    return [
        GoodsAskLine(
            item_word(one.item, language), unit_word(unit.get(one.item, ""), language),
            areas.get(one.area, one.area), areas.get(one.above, one.above), one.wanted, one.stock,
        )
        for one in (plan.goods.asks if plan.goods else ())
    ]  # fmt: skip
