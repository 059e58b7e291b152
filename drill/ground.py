"""A county ready to sample, and what people and desks ask of it: shared by benchmarks and the pressure test."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from drill import office, play, scenario, server
from drill.client import AT, Ids, Link, Traffic
from drill.day import Day
from drill.field import Field
from drill.server import Say
from drill.world import World

PAGE: Final = 50
"""Codes of a page."""
SITES_ASKED: Final = 40
"""The largest sites, whose pages are asked for."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, ready to be sent."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def county(
    system: server.System, people: int, say: Say, *, name: str = "yongning"
) -> tuple[World, Field]:
    """A county whose sites are open, everybody's tube of the day worked out; nobody is swabbed yet."""
    given = scenario.load(name, people=people)
    world = World(
        scenario=given,
        link=Link(system.url, Traffic()),
        ids=Ids(given.seed),
        rng=random.Random(given.seed),
        say=say,
    )
    watch = play.Watch()
    play.founded(system, world, watch)
    play.planned(world, watch)
    table, _, _ = play.actors(world, Day(told=lambda *_: None))
    return world, table


def own(world: World, at: datetime, path: str, *, most: int = 2000) -> list[Ask]:
    """Questions of people who have a document and a phone of their own."""
    roster = office.people(world, play.villages(world.scenario))
    known = [
        (str(number), str(phone))
        for number, phone in zip(roster.id_number, roster.phone, strict=True)
        if len(str(number)) == 18 and str(phone)  # noqa: PLR2004 - a resident's number
    ]
    head = {"Content-Type": "application/json", AT: at.isoformat()}
    return [
        Ask(
            "POST",
            path,
            json.dumps({"id_number": number, "phone": phone}).encode(),
            head,
        )
        for number, phone in known[:most]
    ]


def signed_in(world: World, role: str, at: datetime) -> dict[str, str]:
    """Headers of a request by whoever is signed in as `role`."""
    user = world.user(role)
    cookies = "; ".join(f"{name}={value}" for name, value in user.link.http.cookies.items())
    return {"Cookie": cookies, AT: at.isoformat(), **user.headers()}


def code_pages(world: World, at: datetime) -> list[Ask]:
    """The first page of codes of each site, for whoever keeps the county's information."""
    head = signed_in(world, "information_maintainer", at)
    return [
        Ask("GET", f"/api/rounds/{world.round_id}/codes?site={code}&limit={PAGE}", b"", head)
        for code in _largest(world)
    ]


def _largest(world: World) -> Sequence[str]:
    sites = sorted(world.sites.values(), key=lambda site: -len(site.guests))
    return [site.code for site in sites[:SITES_ASKED]]
