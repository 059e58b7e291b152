"""After the last swab: shifts close, waste and disinfection, who was not there, who is caught up, the close."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Final

from drill import office
from drill.day import Day, Deed
from drill.field import Field
from drill.filling import Guest, queue
from drill.road import LAST_CALL, Road
from drill.world import Site, World

CLOSED: Final = LAST_CALL + timedelta(minutes=5)
PACKED: Final = timedelta(minutes=30)
DISINFECTED: Final = timedelta(minutes=75)
HANDED: Final = timedelta(hours=3)
MARKED: Final = timedelta(minutes=45)  # after closing time: those who did not come are gone through
CAUGHT_UP: Final = timedelta(minutes=75)
CATCH_UP_EACH: Final = timedelta(minutes=5)
CATCH_UP_HOLD: Final = timedelta(minutes=45)
REASONS: Final = (
    ("left_area", "外出未归"),
    ("in_hospital", ""),
    ("tested_elsewhere", "已在外地检测"),
    ("deceased", ""),
    ("other", "户籍在本地、人在外地"),
)
"""Code and words of an excuse; the drill's presets know them all."""
MISSED_REASON: Final = "联系不上"
PEOPLE_PER_BAG: Final = 60  # waste of so many people fills a bag (assumed)
BAG_GRAMS: Final = 3_200
AGENT: Final = "含氯消毒剂 1000 mg/L"


class Evening:
    """What the office and the sites do once the queue is through."""

    def __init__(self, world: World, field: Field, road: Road, day: Day) -> None:
        self.world, self.field, self.road, self.day = world, field, road, day
        self.excused: list[Guest] = []
        self.missed: list[Guest] = []
        self.caught_up: list[Guest] = []

    def schedule(self) -> None:
        """Plan the end of each site's day and the going-through of those who did not come."""
        last = self.world.scenario.times.opens
        for site in self.world.sites.values():
            ends = max((t.ends for t in self.road.tables[site.code] if t.ends), default=None)
            if ends is None:
                ends = self.world.scenario.times.closes
            last = max(last, ends)
            self.day.plan(ends + CLOSED, site.code, self._closing(site), together=True)
        self.day.plan(last + CLOSED + HANDED, "store", lambda at: office.goods_used(self.world, at))
        closes = max(last, self.world.scenario.times.closes)
        self.day.plan(closes + MARKED, "town", self._go_through)

    def _closing(self, site: Site) -> Deed:
        return lambda at: self._close(site, at)

    def _close(self, site: Site, at: datetime) -> None:
        lead, world = self.world.user("site_lead"), self.world
        lead.command("site.close", at=at, site_id=site.id)
        lot, order = world.ids.new(at), world.ids.new(at)
        bags = max(1, math.ceil(len(site.guests) / PEOPLE_PER_BAG))
        lead.command(
            "waste.pack", at=at + PACKED, lot_id=lot, round_id=world.round_id, site_code=site.code,
            bags=bags, weight_g=bags * BAG_GRAMS,
        )  # fmt: skip
        lead.command(
            "disinfection.order", at=at, order_id=order, round_id=world.round_id, area=site.area,
            place_kind="site", place_code=site.code, kind="terminal", agent=AGENT,
        )  # fmt: skip
        clean, hand = self._disinfecting(order), self._handing(lot, site)
        self.day.plan(at + DISINFECTED, site.code, clean, together=True)
        self.day.plan(at + HANDED, site.code, hand, together=True)

    def _disinfecting(self, order: str) -> Deed:
        def done(at: datetime) -> None:
            lead = self.world.user("site_lead")
            lead.command("disinfection.done", at=at, order_id=order, done_by="消杀组")

        return done

    def _handing(self, lot: str, site: Site) -> Deed:
        taker = self.world.scenario.disposer or "医疗废物处置单位"

        def hand(at: datetime) -> None:
            note = f"LD-{site.code[-6:]}-{at:%m%d}"
            self.world.user("courier").command(
                "waste.hand", at=at, lot_id=lot, note_no=note, taker=taker
            )

        return hand

    # -- who was not there --------------------------------------------------------------------

    def _go_through(self, at: datetime) -> None:
        """Excuse those with a reason; the others are missed, each with an owner, and looked for."""
        world, town = self.world, self.world.user("town_worker")
        share = world.scenario.absent
        absent = sorted(self.field.absent, key=lambda guest: guest.person_id)
        world.rng.shuffle(absent)
        cut = round(len(absent) * share.excused / (share.excused + share.missed)) if absent else 0
        self.excused, self.missed = absent[:cut], absent[cut:]
        town.batch(
            "due.excuse",
            [
                {"round_id": world.round_id, "person_id": guest.person_id, "reason": reason, "remark": words}
                for number, guest in enumerate(self.excused)
                for reason, words in [REASONS[number % len(REASONS)]]
            ],
            at=at,
        )  # fmt: skip
        by_village: dict[str, list[str]] = defaultdict(list)
        for guest in self.missed:
            by_village[guest.village].append(guest.person_id)
        names = world.notes.get("village_names", {})
        for village, people in sorted(by_village.items()):
            town.command(
                "due.miss", at=at, round_id=world.round_id, person_ids=people,
                owner=f"{names.get(village, village)}包村干部", reason=MISSED_REASON,
            )  # fmt: skip
        if share.missed:
            self.caught_up = self.missed[: round(len(self.missed) * share.caught_up / share.missed)]
        self._catch_up(at + CAUGHT_UP)

    def _catch_up(self, at: datetime) -> None:
        """Teams visit those who turned up after all, with the device of their site's first lane."""
        by_site: dict[str, list[Guest]] = defaultdict(list)
        wanted = {guest.person_id for guest in self.caught_up}
        for site in self.world.sites.values():
            by_site[site.code] = [guest for guest in site.guests if guest.person_id in wanted]
        labs = self.road.lab_of_site()
        for code, guests in by_site.items():
            if not guests:
                continue
            table = self.field.tables[self.world.sites[code].stations[0]]
            made = queue(
                [Guest(g.person_id, g.token, g.mode, g.home, None, g.village) for g in guests],
                opens=at, each=CATCH_UP_EACH, capacity=self.field.pool_size,
                rng=self.world.rng, hold=CATCH_UP_HOLD,
            )  # fmt: skip
            self.field.more(table, made)
            fetch = self.road.last_call(code, labs[code])
            self.day.plan(made[-1].sealed_at + LAST_CALL, code, fetch, together=True)
