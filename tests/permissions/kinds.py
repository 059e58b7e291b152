"""Commands that name another town's objects in every field that takes one, made from the payloads' own types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from msgspec import inspect

from tests.permissions.towns import Town, fresh_id
from tests.played import Asker
from yingjian.access import journal

# Fields that mean an object of the town: the name the town knows it by.
MEANT: Final = {
    "to_tube_id": "tube_id", "tube_codes": "tube_code", "box_codes": "box_code", "result_ids": "result_id",
    "corrects": "result_id", "person_ids": "person_id", "place_code": "site_code", "pair_id": "tube_id",
    "box_ids": "box_id", "site_codes": "site_code", "received": "tube_code", "broken": "tube_code",
    "extra": "tube_code", "id": "flagged_id", "candidate_ids": "candidate_id",
}  # fmt: skip
# Fields with a free text whose form is checked before anything else.
TEXTS: Final[dict[str, Any]] = {
    "username": "forged", "password_hash": "x", "role": "sampler", "owner_role": "site_lead", "kind": "other",
    "decision": "closed", "to": "sampling", "job": "sampler", "outcome": "negative", "figure": "sites",
    "form": "work", "item": "protective_suit", "plate": "宁F0001", "digest": "0" * 64, "title": "t",
    "setting": "outdoor", "datum": "gps",
    "version": None, "flag": "code_garbled", "first": "FORGED0001", "last": "FORGED0009",
}  # fmt: skip
#: Every kind that is forged: all there are.
FORGED: Final = dict(journal.KINDS)


def forge(town: Town, asker: Asker, own: Town) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each kind in four ways: all ids the town's, or the first one new; area and station the town's, or the asker's."""
    for name, kind in FORGED.items():
        for place in (town, own):
            forged = Forger(town, asker.at, place, name)
            payload = forged.struct(inspect.type_info(kind.payload))
            yield name, payload
            if (minted := _minted(payload)) != payload:
                yield name, minted


def _minted(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The same with a new id where a client mints one: the first of the payload and of each object in its lists."""
    made = {
        key: [_minted(one) if isinstance(one, dict) else one for one in value]
        if isinstance(value, list)
        else value
        for key, value in payload.items()
    }
    first = next((key for key in made if key.endswith("_id")), None)
    return made if first is None else made | {first: fresh_id()}


@dataclass(frozen=True)
class Forger:
    """Fills a payload's fields by name where the town knows one, else by type."""

    town: Town
    at: datetime
    place: Town
    command: str

    def struct(self, kind: Any) -> dict[str, Any]:
        filled = {
            one.encode_name: (self.value(one.encode_name, one.type), one.required)
            for one in kind.fields
        }
        return {
            name: value for name, (value, needed) in filled.items() if needed or value is not None
        }

    def value(self, name: str, kind: Any) -> Any:
        makers: dict[type[Any], Callable[[], Any]] = {
            inspect.UnionType: lambda: self.value(name, _first(kind.types)),
            inspect.Metadata: lambda: self.value(name, kind.type),
            inspect.StructType: lambda: self.struct(kind),
            inspect.ListType: lambda: [self.value(name, kind.item_type)],
            inspect.UUIDType: lambda: self._known(name, fresh_id()),
            inspect.DateTimeType: self.at.isoformat,
            inspect.LiteralType: lambda: kind.values[0],
            inspect.IntType: lambda: 1,
            inspect.FloatType: lambda: 4.0,
            inspect.BoolType: lambda: False,
            inspect.DictType: dict,
            inspect.AnyType: dict,
            inspect.StrType: lambda: self._text(name),
        }  # fmt: skip
        make = makers.get(type(kind))
        if make is None:
            raise TypeError(f"{self.command}.{name}: no forged value for {kind}")
        return make()

    def _known(self, name: str, otherwise: Any) -> Any:
        room = self.command.split(".")[0]
        means = {"tube": "tube_code", "box": "box_code", "handover": "box_code"}
        meant = means.get(room, "") if name == "code" else MEANT.get(name, name)
        return (self.town.known.get(meant) or [otherwise])[0]

    def _text(self, name: str) -> Any:
        if name.endswith("area") or name == "village":
            return self.place.area
        if name == "station_code":
            return self.place.known[name][0]
        return TEXTS[name] if name in TEXTS else self._known(name, "t")


def _first(types: Sequence[Any]) -> Any:
    """The first that is not nothing."""
    return next(one for one in types if not isinstance(one, inspect.NoneType))
