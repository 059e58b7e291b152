"""The command line of a hub. It begins in a second, without Django: all it needs is its store and a line."""

from __future__ import annotations

import argparse
import getpass
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx

from config import env, tree
from yingjian.kernel.clock import now
from yingjian.kernel.ids import uuid7

from . import serving, upward
from .store import Store


def parser() -> argparse.ArgumentParser:
    """What can be said to it."""
    default = serving.Options(county="")
    made = argparse.ArgumentParser(
        prog="yingjian hub",
        description="A hub at a site: keeps phones' sealed requests without a line to the county, forwards them later.",
    )
    add = made.add_argument
    add("--county", default="", help="the county's address; kept after the first start")
    add("--invitation", default="", help="enrol with this invitation (role hub)")
    add("--user", default="", help="enrol as a user who may invite devices (password asked)")
    add("--area", default="", help="with --user: the area whose phones this hub serves")
    add("--name", default=socket.gethostname()[:64], help="how the county's list calls this hub")
    add("--host", default=default.host)
    add("--port", type=int, default=default.port, help="0: any free port")
    add("--address", default="", help="where phones reach this hub, if not at its own address")
    add("--certificate", type=Path, help="TLS certificate (PEM) for --address")
    add("--key", type=Path, help="its private key (PEM)")
    add(
        "--answer-days", type=float, default=default.answer_days,
        help="let go of answers no phone has fetched for so many days (default %(default)g)",
    )  # fmt: skip
    add("--again", action="store_true", help="send once more what the county refused")
    return made


def main(words: Sequence[str]) -> int:
    """Enrol once while there is a line, then serve with or without one until Ctrl-C; returns the exit code."""
    given = parser().parse_args(words)
    try:
        _hub(given)
    except (upward.HubError, tree.ServeError) as error:
        sys.stderr.write(f"yingjian: {error}\n")
        return 1
    return 0


def _hub(given: argparse.Namespace) -> None:
    if (given.certificate is None) != (given.key is None):
        raise upward.HubError("--certificate and --key belong together")
    store = Store(env.VAR / "hub")
    county = (given.county or store.told("county")).rstrip("/")
    if not county.startswith(("http://", "https://")):
        raise upward.HubError("name the county's address: --county https://…")
    if not store.told("id"):
        _enrol(store, county, given)
    elif given.invitation or given.user:
        _say(
            f"enrolled  already; this invitation is not used. To enrol anew let go of the old hub first: "
            f"see that its page says 0 on the way up, stop it, remove {store.file.parent}"
        )
    store.tell(county=county)  # it may have moved; this hub's secret holds at this county only
    if given.again:
        _say(f"again     {store.again()} refused requests are sent once more")
    _say(f"hub       {store.told('name')} ({store.told('id')}), kept in {store.file}")
    chosen = serving.Options(
        county=county, host=given.host, port=given.port, address=given.address,
        certificate=given.certificate, key=given.key, answer_days=given.answer_days,
    )  # fmt: skip
    serving.serve(store, chosen, _say)


def _enrol(store: Store, county: str, given: argparse.Namespace) -> None:
    device = store.told("enrolling") or str(uuid7(now()))
    store.tell(enrolling=device)  # asking again after a lost answer is the same asking
    try:
        with upward.client(county) as line:
            token = _invited(line, given) if given.user else given.invitation
            if not token:
                raise upward.HubError(
                    "this hub is not enrolled: while there is a line, start it once with --user NAME --area AREA, "
                    "or with --invitation TOKEN"
                )
            upward.enrol(store, line, token=token, device=device, name=given.name)
    except httpx.HTTPError as error:
        raise upward.HubError(f"the county does not answer at {county} ({error})") from error
    _say(f"enrolled  as {given.name}; from now on it starts without a line too")


def _invited(line: httpx.Client, given: argparse.Namespace) -> str:
    if not given.area:
        raise upward.HubError("--user needs --area: the area whose phones this hub serves")
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    at = now()
    return upward.invite(
        line, username=given.user, password=password, token_id=str(uuid7(at)), command_id=str(uuid7(at)),
        area=given.area, station=f"hub-{given.name}"[:32],
    )  # fmt: skip


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
