"""An outbreak among people who mix freely: `engines.epidemic`, Starsim and the final-size equation side by side.

Starsim is no part of the lock; it has a Python of its own. Once, in any directory outside the repository:

    python3 -m venv starsim && starsim/bin/pip install starsim==3.7.2

Then, from the repository: `python -m benchmarks.outbreak --starsim starsim/bin/python`; without `--starsim` only ours
and the equation are told. The same scenario in both: 20,000 people, 1 % infected first, infectious from the day after
their infection for five days, 1.8 infected by each in the beginning. Starsim's people have ten random contacts a day,
drawn anew daily; ours meet anybody.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import time

import numpy as np

from yingjian.engines.epidemic.model import NOWHERE, Disease, Params, People, Problem
from yingjian.engines.epidemic.solve import solve

PEOPLE, FIRST, EACH, DAYS, RUNS = 20_000, 200, 1.8, 300, 3
INFECTIOUS, CONTACTS = 5, 10
THEIRS = """
import json, sys, time
import starsim as ss
given = json.loads(sys.argv[1])
shares, peaks, began = [], [], time.process_time()
for seed in range(given["runs"]):
    # Whoever is infected on a day infects from the next day on, and no more on the last: a day more than ours.
    disease = ss.SIR(
        beta=ss.perday(given["each"] / given["infectious"] / given["contacts"]), p_death=0,
        init_prev=given["first"] / given["people"], dur_inf=ss.constant(ss.days(given["infectious"] + 1)),
    )
    sim = ss.Sim(
        n_agents=given["people"], diseases=disease, networks=ss.RandomNet(n_contacts=given["contacts"]),
        start=ss.days(0), dur=ss.days(given["days"]), dt=ss.days(1), rand_seed=seed, verbose=0,
    )
    sim.run()
    new = list(sim.results.sir.new_infections)
    shares.append(1 - float(sim.results.sir.n_susceptible[-1]) / given["people"])  # the first are no new infections
    peaks.append(int(max(range(len(new)), key=new.__getitem__)))
print(json.dumps({"version": ss.__version__, "shares": shares, "peaks": peaks, "seconds": time.process_time() - began}))
"""
"""Run by Starsim's own Python."""


def main() -> None:
    """Everything in one run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--starsim", help="the Python that has Starsim")
    asked = parser.parse_args()
    print(f"final-size equation      {final_size():.3f}")
    shares, peaks, seconds = ours()
    _told("engines.epidemic", shares, peaks, seconds)
    if asked.starsim:
        given = {
            "people": PEOPLE, "first": FIRST, "each": EACH, "days": DAYS, "runs": RUNS,
            "infectious": INFECTIOUS, "contacts": CONTACTS,
        }  # fmt: skip
        done = subprocess.run(
            [asked.starsim, "-c", THEIRS, json.dumps(given)],
            capture_output=True,
            text=True,
            check=True,
        )
        told = json.loads(done.stdout.splitlines()[-1])
        _told(f"Starsim {told['version']}", told["shares"], told["peaks"], told["seconds"])


def final_size() -> float:
    """Share infected in the end, where everybody meets everybody: z = 1 - (1 - s) exp(-R z)."""
    z = 0.5
    for _ in range(1000):
        z = 1 - (1 - FIRST / PEOPLE) * math.exp(-EACH * z)
    return z


def ours() -> tuple[list[float], list[int], float]:
    """(share infected in the end, day with most infections, of each outbreak; seconds of processor time)."""
    disease = Disease(
        0.0, 0.0, EACH / INFECTIOUS, latent=1.0, latent_sd=0.0, infectious=float(INFECTIOUS)
    )
    people = People(
        household=np.arange(PEOPLE), place=np.full(PEOPLE, NOWHERE), area=np.zeros(PEOPLE, np.int64)
    )
    began = time.process_time()
    found = solve(
        Problem(people, disease=disease, days=DAYS, seeds=FIRST, seed_days=0), Params(runs=RUNS)
    )
    took = time.process_time() - began
    peaks = np.diff(found.by_day, axis=1).argmax(axis=1) + 1
    return (found.cases / PEOPLE).tolist(), peaks.tolist(), took


def _told(name: str, shares: list[float], peaks: list[int], seconds: float) -> None:
    print(
        f"{name:<24} {np.mean(shares):.3f} ({min(shares):.3f}–{max(shares):.3f}), most infected on day "
        f"{min(peaks)}–{max(peaks)}, {seconds:.2f} s of processor time, {len(shares)} outbreaks"
    )


if __name__ == "__main__":
    main()
