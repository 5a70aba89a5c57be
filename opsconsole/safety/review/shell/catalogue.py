"""The catalogue of commands as objects: `safety/catalogue/*.toml`, and a site's own `commands.d/*.toml`.

A command's tables are cut out of its file by their header and parsed when the command is first met: parsing all of
them at every start would cost more than the start may. `safety/catalogue/README.md` describes the form.
"""

from __future__ import annotations

import fnmatch
import functools
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.site import Stamp, stamp

FOLDER = Path(__file__).parents[2] / "catalogue"
NOT_SHELL = frozenset({"powershell.toml"})

KINDS = frozenset(
    """
    read write delete execute network service kill privilege system interactive text number key format method
    command shell awk sed assign none
""".split()
)
EFFECT_KINDS = frozenset(
    ["read", "write", "delete", "execute", "network", "service", "kill", "privilege", "system", "interactive"]
)
_CHANGING = EFFECT_KINDS - {"read", "network", "service"}
KEYS = frozenset(
    """
    about does flags values optional acts targets operands needs otherwise without any numeric single abbreviate stop
    dashdash sub sub_abbreviate like undeclared judge service
""".split()
)
_HEADER = lazy(r"^\[(?:\"([^\"\n]+)\"|([A-Za-z0-9_-]+))(?=[.\]])", re.MULTILINE)


class CatalogueError(ValueError):
    """A declaration that says something the schema does not know."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What a command is. `path` is its full name with sub-commands (`git remote`)."""

    path: str
    about: str = ""
    does: tuple[str, ...] = ()
    flags: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    acts: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    operands: tuple[tuple[str, str], ...] = ()
    needs: frozenset[str] = frozenset()
    otherwise: str = "system"
    without: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    any: bool = False
    numeric: bool = False
    single: bool = False
    abbreviate: bool = True
    stop: bool = False
    dashdash: bool = True
    sub: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sub_abbreviate: bool = False
    undeclared: bool = False
    judge: str | None = None
    service: str | None = None

    @property
    def declared(self) -> frozenset[str]:
        return self.flags | self.values | self.optional

    def child(self, name: str) -> Spec | None:
        """The sub-command of this name, with the options of its parents, or None."""
        table = self.sub.get(name)
        if table is None and self.sub_abbreviate:
            begins = [key for key in self.sub if key.startswith(name)]
            table = self.sub[begins[0]] if begins else None  # as iproute2: the first that begins so
        if table is None:
            patterns = (
                key for key in self.sub if any(mark in key for mark in "*?[") and fnmatch.fnmatchcase(name, key)
            )
            table = next((self.sub[key] for key in patterns), None)
        if table is None:
            return None
        own = build(f"{self.path} {name}", table)
        taken = own.declared
        return replace(
            own,
            does=own.does + (("network",) if "network" in self.does and "network" not in own.does else ()),
            flags=own.flags | (self.flags - taken),
            values=own.values | (self.values - taken),
            optional=own.optional | (self.optional - taken),
            acts={**{key: kind for key, kind in self.acts.items() if key not in taken}, **own.acts},
            targets={**{key: said for key, said in self.targets.items() if key not in taken}, **own.targets},
            single=own.single or self.single,
            sub_abbreviate=own.sub_abbreviate or self.sub_abbreviate,
            service=own.service or self.service,
            undeclared=own.undeclared or self.undeclared,
        )


def _sequence(text: str, path: str) -> tuple[tuple[str, str], ...]:
    sequence = []
    for token in text.split():
        kind = token.rstrip(".?")
        mark = token[len(kind) :]
        if kind not in KINDS or mark not in ("", "?", "..."):
            raise CatalogueError(f"{path}: operands: {token!r} is not a kind")
        if kind != "none":
            sequence.append((kind, mark))
    return tuple(sequence)


def build(path: str, table: Mapping[str, Any]) -> Spec:
    """A Spec from its TOML table. Raises CatalogueError."""
    if unknown := table.keys() - KEYS:
        raise CatalogueError(f"{path}: unknown key {', '.join(sorted(unknown))}")
    flags, values, optional = (frozenset(table.get(key, "").split()) for key in ("flags", "values", "optional"))
    declared = flags | values | optional
    acts = table.get("acts", {})
    for option, kind in acts.items():
        if kind not in KINDS:
            raise CatalogueError(f"{path}: acts: {option}: {kind!r} is not a kind")
    targets = table.get("targets", {})
    for option, said in targets.items():
        if acts.get(option) not in _CHANGING or not isinstance(said, str) or not said.strip():
            raise CatalogueError(f"{path}: targets: {option} changes nothing, or it is not said what")
    needs = frozenset(table.get("needs", "").split())
    without = {key: _sequence(value, path) for key, value in table.get("without", {}).items()}
    for option in (*acts, *needs, *without):
        if option not in declared and not table.get("undeclared") and " " not in path:
            raise CatalogueError(f"{path}: {option} acts but is not declared in flags, values or optional")
    does = table.get("does", ())
    does = (does,) if isinstance(does, str) else tuple(does)
    if wrong := [kind for kind in does if kind not in EFFECT_KINDS and kind != "none"]:
        raise CatalogueError(f"{path}: does: {wrong[0]!r} is not an effect")
    otherwise = table.get("otherwise", "system")
    if otherwise not in EFFECT_KINDS:
        raise CatalogueError(f"{path}: otherwise: {otherwise!r} is not an effect")
    return Spec(
        path=path,
        about=table.get("about", ""),
        does=tuple(kind for kind in does if kind != "none"),
        flags=flags,
        values=values,
        optional=optional,
        acts=acts,
        targets=targets,
        operands=_sequence(table.get("operands", ""), path),
        needs=needs,
        otherwise=otherwise,
        without=without,
        sub=table.get("sub", {}),
        judge=table.get("judge"),
        service=table.get("service"),
        any=table.get("any", False),
        numeric=table.get("numeric", False),
        single=table.get("single", False),
        abbreviate=table.get("abbreviate", True),
        stop=table.get("stop", False),
        dashdash=table.get("dashdash", True),
        sub_abbreviate=table.get("sub_abbreviate", False),
        undeclared=table.get("undeclared", False),
    )


class Catalogue:
    """All commands that are known. `notes` names files of the site that could not be read."""

    def __init__(self, site: Path | None = None) -> None:
        self.notes: list[str] = []
        self._texts: dict[str, tuple[str, int, int]] = {}
        self._site: dict[str, Mapping[str, Any]] = {}
        self._specs: dict[str, Spec | None] = {}
        self._is_indexed = False
        if site is not None:
            self._read_site(site)

    def _declared(self) -> dict[str, tuple[str, int, int]]:
        """Where each command stands; looked for when the first one is asked for."""
        if not self._is_indexed:
            self._is_indexed = True
            for path in sorted(FOLDER.glob("*.toml")):
                if path.name not in NOT_SHELL:
                    self._index(path.read_text("utf-8"))
        return self._texts

    def _index(self, text: str) -> None:
        name = ""
        start = 0
        for match in _HEADER.finditer(text):
            found = match[1] or match[2]
            if found != name:
                if name:
                    self._texts[name] = (text, start, match.start())
                name, start = found, match.start()
        if name:
            self._texts[name] = (text, start, len(text))

    def _read_site(self, folder: Path) -> None:
        """A broken file, or a broken command in it, is named and skipped: nothing gets wider by it."""
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
            try:
                tables = tomllib.loads(path.read_text())
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                self.notes.append(f"{path}: skipped: {error}")
                continue
            for name, table in tables.items():
                try:
                    if not isinstance(table, dict) or "like" in table or "judge" in table:
                        raise CatalogueError(f"{name}: a site's command is a table without `like` and `judge`")
                    check(name, table)
                except (CatalogueError, TypeError, AttributeError) as error:
                    self.notes.append(f"{path}: skipped: {error}")
                else:
                    self._site[name] = table

    def names(self) -> list[str]:
        return sorted(self._declared().keys() | self._site.keys())

    def table(self, name: str) -> Mapping[str, Any] | None:
        """The declaration of a command as it stands. Raises CatalogueError."""
        if name in self._site:
            return self._site[name]
        if name not in self._declared():
            return None
        text, start, end = self._declared()[name]
        try:
            own: dict[str, Any] = tomllib.loads(text[start:end])[name]
        except tomllib.TOMLDecodeError as error:
            raise CatalogueError(f"{name}: {error}") from None
        if "like" in own:
            model = self.table(own["like"])
            if model is None:
                raise CatalogueError(f"{name}: like {own['like']!r}, which is not here")
            own = {**model, **{key: value for key, value in own.items() if key != "like"}}
        return own

    def get(self, name: str) -> Spec | None:
        """What is known of a command; None when nothing is, or when its declaration is broken."""
        if name not in self._specs:
            try:
                table = self.table(name)
                self._specs[name] = None if table is None else build(name, table)
            except (CatalogueError, TypeError, AttributeError) as error:
                self.notes.append(str(error))
                self._specs[name] = None
        return self._specs[name]


def check(path: str, table: Mapping[str, Any]) -> None:
    """Build a command and all its sub-commands. Raises CatalogueError."""
    spec = build(path, table)
    for name, sub in spec.sub.items():
        check(f"{path} {name}", sub)


def catalogue(site: str | None = None) -> Catalogue:
    """The catalogue, with the site's commands of folder `site`; read again only when those have changed."""
    return _catalogue(site, stamp(site))


@functools.lru_cache(maxsize=4)
def _catalogue(site: str | None, stamped: Stamp) -> Catalogue:
    return Catalogue(Path(site) if site and os.path.isdir(site) else None)
