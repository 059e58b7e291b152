"""How often to screen whom: `solve(problem, params, seed, stop) → Result`.

Plays every plan of rounds on the same outbreaks (`engines.epidemic`) and says what each finds, what it
costs in tests, and which is best within the laboratories' day. `check` judges the table.
"""
