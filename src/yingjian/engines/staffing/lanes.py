"""Lanes by time of day: as few lane-hours as keep the queue within its limit (R16, R23, R35)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yingjian.engines.asking import Floats, Ints
from yingjian.engines.staffing.model import StaffingError


@dataclass(frozen=True)
class Opened:
    """Lanes `(m, periods)`; people left waiting after the last period, `(m,)`."""

    lanes: Ints
    left: Ints


def lanes_by_time(
    arrivals: Floats, *, per_hour: float, load: float, period: int, queue: float, most: Ints
) -> Opened:
    """Open lanes for expected `arrivals` `(m, periods)`.

    A lane swabs `per_hour` people an hour and is planned to `load` of that. The queue at the end of a
    period may be so long that its last person waits `queue` minutes; at the end of the day it is
    empty where `most` lanes `(m,)` allow. Raises `StaffingError`.
    """
    for name, value in (("per_hour", per_hour), ("load", load), ("period", period)):
        if not (value > 0 and np.isfinite(value)):
            raise StaffingError("bad_number", field=name, value=value)
    if not (np.isfinite(arrivals) & (arrivals >= 0)).all() or not queue >= 0:
        raise StaffingError("bad_number", field="arrivals")
    if arrivals.ndim != 2 or most.shape != (len(arrivals),):  # noqa: PLR2004
        raise StaffingError("bad_shape", field="arrivals")
    planned = per_hour * load * period / 60
    holds = per_hour * queue / 60
    m, periods = arrivals.shape
    lanes = np.zeros((m, periods), dtype=np.int64)
    waiting = np.zeros(m)
    for t in range(periods):
        here = waiting + arrivals[:, t]
        room = planned if t == periods - 1 else planned + holds
        want = np.ceil(here / room - 1e-9).astype(np.int64)
        lanes[:, t] = np.minimum(np.maximum(want, (here > 0).astype(np.int64)), most)
        waiting = np.maximum(0.0, here - lanes[:, t] * planned)
    return Opened(lanes, np.ceil(waiting - 1e-6).astype(np.int64))
