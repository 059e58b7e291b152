"""Where to open sites and who walks to which: `solve(problem, params, seed, stop) → Result`.

Open `yingjian.engines.siting.solve` to plan, `yingjian.engines.siting.check` to judge a plan and
its certificate. The model is in `model`, the method in docs/decisions/0010-siting.md.
"""
