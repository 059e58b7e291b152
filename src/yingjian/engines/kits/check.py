"""The independent judge of kits; shares only `model` with the solver and counts again."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction

from yingjian.engines.asking import Finding
from yingjian.engines.kits.model import TOP, Problem, Result, chain, validate


def check(problem: Problem, result: Result) -> list[Finding]:
    """Everything wrong with `result` as an answer to `problem`; empty when nothing is."""
    validate(problem)
    sites, stores = len(problem.sites), len(problem.stores)
    named = [one.site for one in result.lines] + [one.site for one in result.issues]
    named += [one.site for one in result.shortages]
    if any(not 0 <= site < sites for site in named):
        return [Finding("unknown_site", "plan")]
    if any(not 0 <= issue.store < stores for issue in result.issues):
        return [Finding("unknown_store", "plan")]
    packed: Counter[tuple[int, str]] = Counter()
    for line in result.lines:
        packed[line.site, line.item] += line.quantity
    return [
        *_needs(problem, packed), *_stated(problem, packed), *_issues(problem, result, packed),
        *_near(problem, result), *_asks(problem, result, packed),
    ]  # fmt: skip


def _needs(problem: Problem, packed: Counter[tuple[int, str]]) -> list[Finding]:
    """What norms and people ask for is in the site's pack; stated goods are judged by their total."""
    norms = problem.norms
    found = []
    for s, site in enumerate(problem.sites):
        need: Counter[str] = Counter()
        for item, count in norms.group_day.items():
            if not site.moving or item not in (
                "sample_tube",
                "swab",
                "label",
                *norms.tube_item.values(),
            ):
                need[item] += count * site.groups * site.days
        need.update({item: count * site.lanes for item, count in norms.lane.items()})
        if not site.moving:
            need.update(norms.site)
        for kind in problem.weather:
            one, lane = norms.weather[kind]
            if not site.moving:
                need.update(one)
            need.update({item: count * site.lanes for item, count in lane.items()})
        for job, shifts in site.shifts.items():
            need.update({i: c * shifts for i, c in norms.shift.get(job, {}).items()})
        least: Counter[str] = Counter()
        for size, count in site.tubes.items():
            least[norms.tube_item.get(size, "sample_tube")] += count
        least["label"] = sum(site.tubes.values())
        least["swab"] = site.people
        for item in need.keys() | least.keys():
            if item in norms.stated:
                continue
            whole = Fraction(least[item]) * (1 + Fraction(norms.reserve).limit_denominator(10**6))
            want = max(need[item], -(-whole.numerator // whole.denominator))
            if packed[s, item] != want:
                found.append(Finding("need", f"site:{s}:{item}", packed[s, item], want))
    return found


def _stated(problem: Problem, packed: Counter[tuple[int, str]]) -> list[Finding]:
    """Totals the plan states are met to the piece."""
    total: Counter[str] = Counter()
    for (_, item), quantity in packed.items():
        total[item] += quantity
    return [
        Finding("stated", f"item:{item}", total[item], quantity)
        for item, quantity in sorted(problem.norms.stated.items())
        if total[item] != quantity
    ]


def _issues(problem: Problem, result: Result, packed: Counter[tuple[int, str]]) -> list[Finding]:
    """Issued and missing make the pack; no store gives more than it has, or to a stranger."""
    found = []
    given: Counter[tuple[int, str]] = Counter()
    drawn: Counter[tuple[int, str]] = Counter()
    for issue in result.issues:
        given[issue.site, issue.item] += issue.quantity
        drawn[issue.store, issue.item] += issue.quantity
        if issue.store not in chain(problem, problem.sites[issue.site].store):
            found.append(Finding("not_its_store", f"site:{issue.site}", issue.store))
        if issue.quantity < 1:
            found.append(Finding("nothing_issued", f"site:{issue.site}:{issue.item}"))
    for (store, item), quantity in sorted(drawn.items()):
        there = problem.stores[store].stock.get(item, 0)
        if quantity > there:
            found.append(Finding("stock", f"store:{store}:{item}", quantity, there))
    for short in result.shortages:
        given[short.site, short.item] += short.missing
        due = problem.sites[short.site].opens - problem.lead
        if short.request_by != due or short.missing < 1:
            found.append(Finding("request", f"site:{short.site}", short.request_by, due))
    for s, item in sorted(packed.keys() | given.keys()):
        if packed[s, item] != given[s, item]:
            found.append(Finding("conserved", f"site:{s}:{item}", given[s, item], packed[s, item]))
    return found


def _near(problem: Problem, result: Result) -> list[Finding]:
    """Nothing is missing, or fetched from above, while a nearer store still has it."""
    left = {(k, i): n for k, store in enumerate(problem.stores) for i, n in store.stock.items()}
    for issue in result.issues:
        left[issue.store, issue.item] = left.get((issue.store, issue.item), 0) - issue.quantity
    found = []
    far = [(i.site, i.item, i.store) for i in result.issues]
    far += [(short.site, short.item, TOP) for short in result.shortages]
    for s, item, store in far:
        for nearer in chain(problem, problem.sites[s].store):
            if nearer == store:
                break
            if left.get((nearer, item), 0) > 0:
                found.append(Finding("nearer_store", f"site:{s}:{item}", store, nearer))
    return found


def _asks(problem: Problem, result: Result, packed: Counter[tuple[int, str]]) -> list[Finding]:
    """Who must ask for support asks, and nobody else (R80)."""
    reached: dict[tuple[int, str], int] = defaultdict(int)
    given = {(i.site, i.item, i.store): i.quantity for i in result.issues}
    for (s, item), quantity in packed.items():
        rest = quantity
        for store in chain(problem, problem.sites[s].store):
            reached[store, item] += rest
            rest -= given.get((s, item, store), 0)
    true = {
        (store, item): wanted
        for (store, item), wanted in reached.items()
        if problem.stores[store].above != TOP
        and wanted > problem.threshold * problem.stores[store].stock.get(item, 0)
    }
    told = {(ask.store, ask.item): ask.wanted for ask in result.asks}
    return [
        Finding("support", f"store:{store}:{item}", told.get((store, item), 0), true.get((store, item), 0))
        for store, item in sorted(true.keys() | told.keys())
        if true.get((store, item)) != told.get((store, item))
    ]  # fmt: skip
