"""`solve(problem, params, seed, stop) → Result`: sites, assignment and the proof of how good it is.

Each component goes through three passes, all components through one pass before the next begins, so
that an early stop leaves every component with a plan: a first plan with multipliers; search guided
by them; proof of the small components and better multipliers, then more search, on the large ones.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from yingjian.engines.asking import Ints, Stop, never
from yingjian.engines.siting.cases import Leaf
from yingjian.engines.siting.limit import Answer, Proof, limited
from yingjian.engines.siting.model import (
    MOBILE,
    Case,
    Cases,
    Certificate,
    Counts,
    Params,
    Problem,
    Result,
    Watch,
    validate,
)
from yingjian.engines.siting.network import components
from yingjian.engines.siting.parts import Part, begin
from yingjian.engines.siting.passes import Run, Told
from yingjian.engines.siting.places import breaking, cost_of_plan, lanes_of, placed
from yingjian.engines.siting.search import NOBODY

DEFAULTS = Params()


def solve(
    problem: Problem, params: Params = DEFAULTS, *, seed: int = 0, stop: Stop = never,
    watch: Watch | None = None,
) -> Result:  # fmt: skip
    """Sites for everybody. Raises `SitingError` only where the question has no meaning.

    Without `stop` the same problem, params and seed give the same answer on the same machine code.
    `watch` is told after every part of every pass.
    """
    validate(problem)
    run = Run(params, seed, stop, watch)
    most = problem.most_sites
    parts = [begin(net) for net in components(replace(problem, most_sites=None))]
    if most is None or most >= problem.candidates:
        answer = anyhow(parts, run)
    elif len(parts) == 1 and params.arcs:  # one part, packed exactly with the limit as a row
        answer = anyhow([begin(net) for net in components(problem)], run)
    else:
        answer = limited(parts, most, run)
    return replace(_result(problem, answer), complete=not stop())


def anyhow(parts: list[Part], run: Run) -> Answer:
    """Every pass over the parts, each at its own price."""
    told = Told(parts, run.watch)
    run.begin(parts)
    told("first", 0, 1, 1)
    run.search(parts, told)
    run.sweep(parts, told)
    told("done", 0, 1, 1)
    return Answer(Proof(parts), [part.solution for part in parts])


def _result(problem: Problem, answer: Answer) -> Result:
    from yingjian.engines.siting.check import bound_of

    proof, parts = answer.proof, answer.proof.parts
    site_of = np.full(problem.points, MOBILE, dtype=np.int64)
    u = np.zeros(problem.points)
    group = np.full(problem.points, -1, dtype=np.int64)
    prices: list[tuple[int, int]] = []
    limit = proof.price
    divided = [part for part in parts if part.divided() > part.best().bound]
    for part, plan in zip(parts, answer.plans, strict=True):
        chosen = plan.site
        inside = chosen != NOBODY
        site_of[part.net.points[inside]] = part.net.sites[chosen[inside]]
        if any(part is other for other in divided):
            continue
        best = part.best()
        u[part.net.points] = best.u
        if best.site < 0:
            limit = -best.site
        if best.site > 0 or best.lane:
            group[part.net.points] = len(prices)
            prices.append((max(best.site, 0), best.lane))
    outside = np.flatnonzero(site_of == MOBILE)
    breaches = placed(problem, site_of, breaking(problem, outside))
    multipliers = np.clip(np.rint(u), 0, problem.outside()).astype(np.int64)
    each = np.array(prices, dtype=np.int64).reshape(-1, 2)
    counts = Counts(group, each[:, 0].copy(), each[:, 1].copy()) if prices else None
    cases = _cases(problem, divided)
    bound = bound_of(problem, multipliers, counts, limit, cases)
    certificate = Certificate(problem.digest(), multipliers, bound, counts, limit, cases)
    return Result(
        site_of=site_of,
        lanes=lanes_of(problem, site_of),
        breaches=breaches,
        cost=cost_of_plan(problem, site_of, breaches),
        certificate=certificate,
        solver_bound=max(certificate.bound, proof.bound),
        components=len(parts),
        proven=answer.proven,
    )


def _case(group: int, part: Part, leaf: Leaf, order: Ints) -> Case:
    sites, lanes, held = leaf.box
    named = tuple((int(part.net.sites[j]), opened) for j, opened in held)
    return Case(group, sites, lanes, leaf.u[order], leaf.site, leaf.lane, named)


def _cases(problem: Problem, parts: list[Part]) -> Cases | None:
    """The cases of these parts, as the certificate has them; None without."""
    if not parts:
        return None
    group = np.full(problem.points, -1, dtype=np.int64)
    each = []
    for g, part in enumerate(parts):
        group[part.net.points] = g
        order = np.argsort(part.net.points)
        each += [_case(g, part, leaf, order) for leaf in part.leaves]
    return Cases(group, tuple(each))
