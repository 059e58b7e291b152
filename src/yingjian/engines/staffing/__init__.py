"""Who works where and when: `solve(problem, params, seed, stop) → Result`.

`lanes` says how many lanes are open when, `shifts` which turns a person may work, `solve` fills them,
`check` judges. The method: docs/decisions/0015-staffing.md.
"""
