"""The office: everything between the task coming in and the first swab, through the API.

Accounts, regions, roster, campaign, round, due list, approval, plan, people and posts, groups,
training, goods, vehicles, laboratories, activation. Each step is taken by whoever may take it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from drill import synth, synth_files
from drill.client import DrillError, User
from drill.filling import Guest
from drill.scenario import Item
from drill.world import Lab, Site, World

PROVINCE: Final = 2
COUNTY: Final = 6
TOWN: Final = 9
#: Sample accounts: user name, role, what the person is called.
CAST: Final = (
    ("commander", "commander", "指挥长"),
    ("planner", "round_planner", "轮次计划员"),
    ("maintainer", "information_maintainer", "信息保障员"),
    ("lead", "site_lead", "点长"),
    ("courier", "courier", "转运员"),
    ("cdc", "cdc_investigator", "疾控流调员"),
    ("store", "storekeeper", "物资管理员"),
    ("town", "town_worker", "乡镇工作人员"),
    ("supervisor", "supervisor", "督导员"),
    ("auditor", "auditor", "审计员"),
)
LABORATORY: Final = (
    ("clerk", "laboratory_clerk", "检验员"),
    ("review", "laboratory_reviewer", "审核员"),
)
#: Accounts to look around with; no actor uses them, so they are not signed in.
IDLE: Final = frozenset({"supervisor", "auditor"})
ADMINISTRATOR: Final = "admin"
IMPORT_SECONDS: Final = 1800.0


def people(world: World, villages: Sequence[synth.Village]) -> synth.Roster:
    """The synthetic people of the scenario, without the categories nobody there had."""
    given = world.scenario
    roster = synth.county(
        villages=villages, people=given.people, seed=given.seed, centre=given.place.centre,
        radius_km=given.place.radius_km, on=given.today,
    )  # fmt: skip
    for bit, (word, *_) in enumerate(synth.CATEGORIES):
        if word in given.without:
            roster.categories[:] &= ~np.int64(1 << bit)
    return roster


def administrator(world: World, password: str, at: datetime) -> User:
    """Sign in as the first administrator, whom the command line made."""
    world.password = password
    user = User(_own_link(world), world.ids).sign_in(ADMINISTRATOR, password, at=at)
    world.users["administrator"] = user
    world.accounts.append((ADMINISTRATOR, "administrator", "系统管理员"))
    return user


def _own_link(world: World) -> Any:
    """A connection pool with cookies of its own."""
    return type(world.link)(world.link.url, world.traffic)


def accounts(world: World, at: datetime) -> None:
    """One account for each role, and two for each laboratory: results need two persons."""
    area = world.scenario.place.area
    wanted = [(name, called, [(role, area)]) for name, role, called in CAST]
    for laboratory in world.scenario.laboratories:
        name = laboratory.code.lower()
        holds = sorted({area, laboratory.area})
        for part, role, called in LABORATORY:
            roles = [(role, where) for where in holds]
            wanted.append((f"{name}.{part}", f"{laboratory.name}{called}", roles))
    with ThreadPoolExecutor(2) as hands:  # hashing passwords is slow on purpose
        users = list(hands.map(lambda given: _account(world, *given, at=at), wanted))
    of = {name: user for (name, _, _), user in zip(wanted, users, strict=True)}
    world.accounts += [(name, roles[0][0], called) for name, called, roles in wanted]
    world.users |= {role: of[name] for name, role, _ in CAST}
    for laboratory in world.scenario.laboratories:
        clerk, reviewer = (of[f"{laboratory.code.lower()}.{part}"] for part, _, _ in LABORATORY)
        world.labs[laboratory.code] = Lab(
            id=world.ids.new(at), code=laboratory.code, name=laboratory.name, kind=laboratory.kind,
            tubes_per_day=laboratory.tubes_per_day, drive_minutes=laboratory.drive_minutes,
            recheck=laboratory.recheck, clerk=clerk, reviewer=reviewer,
        )  # fmt: skip


def _account(
    world: World, username: str, full_name: str, holds: Sequence[tuple[str, str]], *, at: datetime
) -> User:
    admin = world.user("administrator")
    admin.post(
        "/users", at=at,
        json={
            "user_id": world.ids.new(at), "username": username, "full_name": full_name,
            "area": holds[0][1], "password": world.password,
            "roles": [{"role": role, "area": area} for role, area in holds],
        },
    )  # fmt: skip
    user = User(_own_link(world), world.ids)
    return user if holds[0][0] in IDLE else user.sign_in(username, world.password, at=at)


def upload_roster(world: World, roster: synth.Roster, path: Path, at: datetime) -> dict[str, Any]:
    """Hand the roster in as a table and wait until it is read; the import's own account of it."""
    planner = world.user("round_planner")
    if path.suffix == ".xlsx":
        synth_files.write_xlsx(roster, path)
    else:
        synth_files.write_csv(roster, path)
    began = time.monotonic()
    with path.open("rb") as stream:
        files = {"file": (path.name, stream)}
        taken = planner.upload(
            "/rosters", at=at, files=files, area=world.scenario.place.area,
            import_id=world.ids.new(at),
        )  # fmt: skip
    run = taken["id"]
    while (state := planner.get(f"/rosters/{run}", at=at))["state"] in {"waiting", "reading"}:
        if time.monotonic() - began > IMPORT_SECONDS:
            raise DrillError(f"the roster is still {state['state']} after {IMPORT_SECONDS:.0f} s")
        time.sleep(0.2)
    state["seconds"] = round(time.monotonic() - began, 1)
    if state["state"] != "done" or state["rows_refused"]:
        raise DrillError(f"the roster was not taken whole: {state}")
    return dict(state)


def round_drafted(world: World) -> None:
    """Campaign, round, frozen due list."""
    given, planner = world.scenario, world.user("round_planner")
    at = given.times.freeze
    world.campaign_id, world.round_id = world.ids.new(at), world.ids.new(at)
    planner.command(
        "campaign.create", at=at, campaign_id=world.campaign_id, area=given.place.area,
        name=given.campaign, trigger=given.trigger,
    )  # fmt: skip
    planner.command(
        "round.create", at=at, round_id=world.round_id, campaign_id=world.campaign_id, no=1,
        area=given.place.area, name=given.round_name, preset={"code": given.preset},
        window_start=given.window_start, window_end=given.window_end,
    )  # fmt: skip
    frozen = planner.command("round.freeze", at=at, round_id=world.round_id)
    world.notes["due_total"] = frozen["due_total"]
    told = planner.get(f"/presets/{given.preset}", at=at)
    world.preset = {line["path"]: line for line in told["values"]}


def laboratories(world: World, at: datetime) -> None:
    """Enter the laboratories."""
    admin = world.user("administrator")
    area_of = {laboratory.code: laboratory.area for laboratory in world.scenario.laboratories}
    for lab in world.labs.values():
        admin.command(
            "lab.add", at=at, laboratory_id=lab.id, code=lab.code, name=lab.name, kind=lab.kind,
            area=area_of[lab.code], tubes_per_day=lab.tubes_per_day,
        )  # fmt: skip


def plan(world: World) -> None:
    """Propose a plan, let the command apply it, read it back with the sites it opened."""
    given = world.scenario
    planner, commander, at = world.user("round_planner"), world.user("commander"), given.times.plan
    plan_id = world.ids.new(at)
    planner.command(
        "plan.propose", at=at, plan_id=plan_id, round_id=world.round_id, options=given.plan
    )
    commander.command("round.approve", at=given.times.approve, round_id=world.round_id)
    commander.command("plan.apply", at=given.times.approve, plan_id=plan_id)
    told = planner.get(f"/plans/{plan_id}", at=at, full=True)  # who lives behind which door
    world.plan = told.get("document") or told.get("plan") or told
    world.notes["plan_id"] = plan_id
    world.notes["plan_findings"] = told.get("findings", [])
    planned = {site["code"]: site for site in world.plan["sites"]}
    for site in planned.values():
        for slot in site["slots"]:  # the codes say who is called when
            del slot["blocks"], slot["sizes"]
    for row in planner.items(f"/rounds/{world.round_id}/sites", at=at):
        site = planned[row["code"]]
        world.sites[row["code"]] = Site(
            id=row["id"], code=row["code"], area=row["area"], name=row["name"],
            stations=[station["code"] for station in site["stations"]],
            boxes={station["code"]: list(station["boxes"]) for station in site["stations"]},
        )  # fmt: skip
    if set(planned) != set(world.sites):
        raise DrillError("the sites of the round are not those of the plan")


def preparation(world: World) -> None:
    """The chain of preparation tasks, as it was, and what a document states about the round."""
    given, planner = world.scenario, world.user("round_planner")
    for task in given.tasks:
        task_id = world.ids.new(task.opened)
        planner.command(
            "task.open", at=task.opened, task_id=task_id, kind="preparation", area=given.place.area,
            title=task.title, owner_role=task.owner_role, owner=task.owner, due_at=task.done,
            round_id=world.round_id,
        )  # fmt: skip
        planner.command("task.done", at=task.done, task_id=task_id, outcome=task.outcome)
    for group in given.groups:
        planner.command(
            "workgroup.add", at=given.times.approve, group_id=world.ids.new(given.times.approve),
            round_id=world.round_id, area=given.place.area, name=group.name, leader=group.leader,
            duty=group.duty,
        )  # fmt: skip
    for training in given.trainings:
        planner.command(
            "training.record", at=training.held_at, training_id=world.ids.new(training.held_at),
            round_id=world.round_id, area=given.place.area, topic=training.topic,
            held_at=training.held_at, attended=training.attended,
        )  # fmt: skip
    for stated in given.stated:
        planner.command(
            "figure.state", at=given.times.approve, round_id=world.round_id, figure=stated.figure,
            value=stated.value, source=stated.source,
        )  # fmt: skip


def staff(world: World) -> None:
    """Institutions, their people, and a post for each of them over the open hours."""
    given, planner = world.scenario, world.user("round_planner")
    at, area = given.times.approve, given.place.area
    institutions: dict[str, str] = {}
    members: list[dict[str, Any]] = []
    rows = [row for row in given.staff for _ in range(row.people)]
    serial: dict[str, int] = {}
    for row in rows:
        if row.institution not in institutions:
            institutions[row.institution] = world.ids.new(at)
            planner.command(
                "institution.add", at=at, institution_id=institutions[row.institution], area=area,
                name=row.institution, kind=row.kind,
            )  # fmt: skip
        serial[row.job] = serial.get(row.job, 0) + 1
        members.append(
            {
                "staff_id": world.ids.new(at), "institution_id": institutions[row.institution],
                "name": f"{JOBS.get(row.job, row.job)}{serial[row.job]:03d}", "job": row.job,
                "area": area, "qualified_for": [row.job], "supporting": row.supporting,
            }
        )  # fmt: skip
    for start in range(0, len(members), 500):
        planner.command("staff.add", at=at, staff=members[start : start + 500])
    world.notes["staff"] = [(member["staff_id"], member["job"]) for member in members]


def posts(world: World) -> int:
    """A post over the open hours, without a fixed place, for everybody the plan gave none; how many."""
    given, planner = world.scenario, world.user("round_planner")
    at = given.times.approve
    has = {row["staff_id"] for row in planner.items(f"/rounds/{world.round_id}/posts", at=at)}
    made = [
        {
            "post_id": world.ids.new(at), "round_id": world.round_id, "staff_id": staff_id,
            "job": job, "starts": given.times.ready, "ends": given.times.closes,
        }
        for staff_id, job in world.notes.get("staff", [])
        if staff_id not in has
    ]  # fmt: skip
    for start in range(0, len(made), 500):
        planner.command("post.assign", at=at, posts=made[start : start + 500])
    return len(made)


JOBS: Final = {"sampler": "采样员", "registrar": "录入员", "police": "民警", "volunteer": "志愿者",
               "courier": "转运员", "disinfector": "消杀员", "site_lead": "点长"}  # fmt: skip


def shares(total: int, places: int) -> list[int]:
    """A number in whole parts, as even as can be; the first places take the rest."""
    whole, over = divmod(total, places)
    return [whole + (at < over) for at in range(places)]


def goods_in(world: World) -> None:
    """Goods come from the supplier to the store, and go out to the sites before they open."""
    given, keeper = world.scenario, world.user("storekeeper")
    arrived, issued = given.times.activate, given.times.activate + timedelta(hours=1)
    for item in given.items:
        keeper.command(
            "supply.item", at=arrived, code=item.code, name_zh=item.name_zh, name_en=item.name_en,
            unit_zh=item.unit_zh, unit_en=item.unit_en,
        )  # fmt: skip
        received = _move(
            world, item, giver="supplier", taker=given.store, quantity=item.received, at=arrived, note="入库"
        )  # fmt: skip
        keeper.batch("supply.move", received, at=arrived)
        issue = [
            move
            for site, share in zip(world.sites, shares(item.used, len(world.sites)), strict=True)
            for move in _move(
                world, item, giver=given.store, taker=site, quantity=share, at=issued, note="领用"
            )
        ]
        keeper.batch("supply.move", issue, at=issued)


def goods_used(world: World, at: datetime) -> None:
    """What the sites have used up: one issue sheet for each kind of goods."""
    for item in world.scenario.items:
        used = [
            move
            for site, share in zip(world.sites, shares(item.used, len(world.sites)), strict=True)
            for move in _move(
                world, item, giver=site, taker="used", quantity=share, at=at, note="消耗"
            )
        ]
        world.user("storekeeper").batch("supply.move", used, at=at)


def _move(
    world: World, item: Item, *, giver: str, taker: str, quantity: int, at: datetime, note: str
) -> list[dict[str, Any]]:
    """The movement of some goods, none where there is nothing to move."""
    if not quantity:
        return []
    return [
        {
            "move_id": world.ids.new(at), "item": item.code, "giver": giver, "taker": taker,
            "quantity": quantity, "area": world.scenario.place.area, "round_id": world.round_id,
            "note": note,
        }
    ]  # fmt: skip


def vehicles(world: World, at: datetime) -> None:
    """The vehicles of the round; the plan's runs take the first ones, in the plan's order."""
    given = world.scenario
    routes = sorted({run["vehicle"] for run in world.plan["runs"]})
    for number in range(max(given.vehicles, len(routes))):
        vehicle_id = world.ids.new(at)
        world.user("courier").command(
            "vehicle.add", at=at, vehicle_id=vehicle_id, plate=f"演练{number + 1:04d}",
            driver=f"驾驶员{number + 1:03d}", area=given.place.area,
            route=routes[number] if number < len(routes) else "人员和物资",
        )  # fmt: skip
        world.notes.setdefault("vehicles", []).append(vehicle_id)
        if number < len(routes):
            world.notes.setdefault("vehicle_of", {})[routes[number]] = vehicle_id


def activate(world: World) -> None:
    """The command activates the round; sites report ready; sampling begins."""
    given = world.scenario
    commander, lead = world.user("commander"), world.user("site_lead")
    commander.command("round.activate", at=given.times.activate, round_id=world.round_id)
    ready = [{"site_id": site.id} for site in world.sites.values()]
    lead.batch("site.ready", ready, at=given.times.ready)
    lead.batch("site.open", ready, at=given.times.opens)
    world.user("round_planner").command(
        "round.advance", at=given.times.opens, round_id=world.round_id, to="sampling"
    )


def codes(world: World, at: datetime) -> int:
    """Fetch everybody's signed code, site by site; how many."""
    maintainer = world.user("information_maintainer")

    def fetch(site: Site) -> int:
        rows = maintainer.items(f"/rounds/{world.round_id}/codes", at=at, site=site.code)
        site.guests = [_guest(row) for row in rows]
        return len(rows)

    with ThreadPoolExecutor(2) as hands:  # one page is read here while the next is signed there
        return sum(hands.map(fetch, world.sites.values()))


def _guest(row: dict[str, Any]) -> Guest:
    slot = row.get("slot_start")
    return Guest(
        person_id=row["person_id"], token=row["token"], mode=row["mode"], home=bool(row["home"]),
        slot=datetime.fromisoformat(slot) if slot else None, village=row.get("area", ""),
        household=(row.get("household_id") or "").replace("-", ""),
    )  # fmt: skip
