"""Who is called to which slot, so that the queue stays short whatever people's habits: `solve(problem, …) → Result`.

`model` says how people come and what a wait is, `places` how many a slot may be told, `solve` who comes when;
`check` judges.
"""
