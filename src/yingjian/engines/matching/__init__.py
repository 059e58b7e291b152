"""Which laboratory gets which load (采送检匹配): `solve(problem, params, seed, stop) → Result`.

Open `solve` to match, `check` to judge. The method: docs/decisions/0014-matching.md.
"""
