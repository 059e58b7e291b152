"""What rounds of screening find, and what they prevent: `solve(problem, params, seed, stop) → Result`.

`solve` plays outbreaks, `frequency` compares round plans on the same dice, `check` judges a played
outbreak. The model and what it leaves out: docs/decisions/0017-epidemic.md.
"""
