"""Who drives where and when: `solve(problem, params, seed, stop) → Result`.

Open `solve` for the pick-up of tubes, `teams` for home visits and mobile teams, `check` to judge
either. The method and its limits: docs/decisions/0013-routing.md.
"""
