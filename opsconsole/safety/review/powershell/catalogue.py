"""What each cmdlet, type and member does, read from `catalogue/powershell.toml` when the first script needs it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).resolve().parents[2] / "catalogue" / "powershell.toml"


@dataclass(frozen=True, slots=True)
class Parameter:
    """`kind`: None is harmless; read, network, target, variable say what its value is; else the effect it has."""

    name: str
    takes: bool
    kind: str | None = None
    only: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """One command. `parameters` are by lower-case name, those that all cmdlets have included."""

    name: str
    does: tuple[str, ...]
    parameters: dict[str, Parameter]
    place: tuple[str, ...]
    needs: str | None

    def parameter(self, written: str) -> Parameter | None:
        """The parameter that `written` names or abbreviates; None where it is not declared or ambiguous."""
        low = written.lower()
        exact = self.parameters.get(low)
        if exact is not None or len(low) < 2:
            return exact
        found = {one for name, one in self.parameters.items() if name.startswith(low)}
        return found.pop() if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Type:
    """`pure`: static members without effect, lower case; None means all of them."""

    pure: frozenset[str] | None
    cast: bool

    def allows(self, member: str) -> bool:
        return self.pure is None or member.lower() in self.pure


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Names are lower case."""

    cmdlets: dict[str, Cmdlet]
    aliases: dict[str, str]
    verbs: dict[str, str]
    native: dict[str, frozenset[str]]
    types: dict[str, Type]
    methods: frozenset[str]
    strings: frozenset[str]
    collections: frozenset[str]
    properties: frozenset[str]

    def cmdlet(self, name: str) -> Cmdlet | None:
        low = name.lower()
        return self.cmdlets.get(self.aliases.get(low, low))

    def type(self, name: str) -> Type | None:
        low = name.lower()
        return self.types.get(low.removeprefix("system."))


def _words(value: str) -> list[str]:
    return value.lower().split()


def _parameters(table: dict[str, Any]) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    for key, takes, kind in (
        ("flag", False, None),
        ("take", True, None),
        ("read", True, "read"),
        ("host", True, "network"),
        ("target", True, "target"),
        ("variable", True, "variable"),
    ):
        for name in str(table.get(key, "")).split():
            found[name.lower()] = Parameter(name, takes, kind)
    for name, kind in table.get("acts", {}).items():
        found[name.lower()] = Parameter(name, True, kind)
    for name, values in table.get("only", {}).items():
        found[name.lower()] = Parameter(name, True, "system", frozenset(_words(values)))
    return found


@cache
def catalogue() -> Catalogue:
    tables = tomllib.loads(_FILE.read_text("utf-8"))
    common = _parameters(tables["common"])
    cmdlets: dict[str, Cmdlet] = {}
    aliases: dict[str, str] = {}
    for name, table in tables["cmdlet"].items():
        cmdlets[name.lower()] = Cmdlet(
            name,
            tuple(table.get("does", ())),
            {**common, **_parameters(table)},
            tuple(_words(table.get("place", ""))),
            table.get("needs"),
        )
        for alias in _words(table.get("alias", "")):
            aliases[alias] = name.lower()
    types: dict[str, Type] = {}
    for name, table in tables["types"].items():
        pure = None if table["pure"] == "*" else frozenset(_words(table["pure"]))
        for each in (name, *_words(table.get("like", ""))):
            types[each] = Type(pure, bool(table.get("cast", False)))
    members = {key: frozenset(_words(value)) for key, value in tables["members"].items()}
    return Catalogue(
        cmdlets,
        aliases,
        tables["verbs"],
        {name: frozenset(_words(table["words"])) for name, table in tables["native"].items()},
        types,
        members["methods"],
        members["strings"],
        members["collections"],
        members["properties"],
    )
