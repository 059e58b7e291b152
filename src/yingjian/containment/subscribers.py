"""What this room hears from sampling: a site that closes is to be disinfected."""

from __future__ import annotations

from yingjian.access import journal, outbox
from yingjian.kernel.ids import derived
from yingjian.sampling.events import SiteClosed
from yingjian.sampling.queries import places

from . import rules


@outbox.subscribes(SiteClosed)
def order_disinfection(event: SiteClosed) -> None:
    site = places(tubes=[], swabs=[], sites=[event.site_id])[event.site_id]
    journal.submit_system(
        "disinfection.standing",
        {
            "order_id": derived(event.id, "disinfection"), "round_id": event.round_id, "area": site.area,
            "place_kind": rules.SITE, "place_code": site.site_code, "kind": rules.TERMINAL,
        },
        id=derived(event.id, "disinfection.standing"), at=event.at, received_at=event.at,
    )  # fmt: skip
