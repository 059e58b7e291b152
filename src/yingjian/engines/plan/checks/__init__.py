"""The parts of the plan's judge, a subject each; `yingjian.engines.plan.checker` calls them."""
