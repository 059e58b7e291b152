"""What each site is given, from which store, and what is missing: `solve(problem, …) → Result`.

`solve` counts and issues, `support` asks the level above, `check` judges.
"""
