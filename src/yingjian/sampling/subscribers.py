"""News from rooms below: rounds are activated, boxes change hands, waste leaves a site. Each becomes a command."""

from __future__ import annotations

from yingjian.access import journal, outbox
from yingjian.campaigns.events import RoundActivated
from yingjian.kernel.ids import derived
from yingjian.logistics.events import BoxesHandedOver, WasteHanded


@outbox.subscribes(RoundActivated)
def sites_mobilise(event: RoundActivated) -> None:
    journal.submit_system(
        "sites.mobilise",
        {"round_id": str(event.round_id)},
        id=derived(event.id, "sites.mobilise"),
        at=event.at,
        received_at=event.at,
    )


@outbox.subscribes(BoxesHandedOver)
def tubes_travel(event: BoxesHandedOver) -> None:
    journal.submit_system(
        "tubes.travel",
        {"box_ids": [str(id) for id in event.box_ids]},
        id=derived(event.id, "tubes.travel"),
        at=event.at,
        received_at=event.at,
    )


@outbox.subscribes(WasteHanded)
def waste_gone(event: WasteHanded) -> None:
    journal.submit_system(
        "site.waste_gone",
        {"round_id": str(event.round_id), "site_codes": event.site_codes},
        id=derived(event.id, "site.waste_gone"),
        at=event.at,
        received_at=event.at,
    )
