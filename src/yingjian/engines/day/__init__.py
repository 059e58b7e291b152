"""The day's twin: a whole screening day for every person, rehearsed with chance and faults.

`twin.simulate` plays one day, `forecast.rehearse` many and gives intervals; `model` holds the day.
"""
