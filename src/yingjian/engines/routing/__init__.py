"""Who drives where and when: `solve(problem, params, seed, stop) → Result`.

Open `solve` for the pick-up of tubes, `teams` for home visits and mobile teams, `check` to judge
either; `fleet` and `fleet_check` where places have windows. The methods and their limits:
docs/decisions/0013-routing.md, 0025-fleets-and-columns.md.
"""
