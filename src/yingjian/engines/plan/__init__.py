"""A county's whole plan: sites, lanes, slots, staff, kits, runs and laboratories in one answer.

Open `yingjian.engines.plan.make` to plan and `yingjian.engines.plan.checker` to judge; what is asked
and answered is in `model`. `checks` holds the judge's parts, written apart from what makes plans.
"""
