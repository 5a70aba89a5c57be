"""What a run was called with, in words: without it nobody can say why two runs of one script differ."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping

from opsconsole.models import ExecutionResult
from opsconsole.wording import limit, long_duration


def called_with(result: ExecutionResult, line: Callable[[str], str]) -> list[tuple[str, str]]:
    """Label and text, arguments first; `line` makes text from outside harmless. Empty texts are of what it was not
    given; nothing at all where the record does not have it.
    """
    given = result.invocation
    if not given:
        return []
    grants = [*map(str, given.get("allow") or ()), *(["the network"] if given.get("allow_network") else [])]
    grants += [f"writing in {folder}" for folder in given.get("writable") or ()]
    return [
        ("arguments", shlex.join(line(str(one)) for one in given.get("args") or ())),
        ("folder", line(str(given.get("cwd") or ""))),
        ("variables", ", ".join(line(str(name)) for name in given.get("environment_names") or ())),
        ("stdin", line(str(given.get("stdin") or ""))),
        ("granted", line("; ".join(grants))),
        ("asked for", line(str(given.get("reason") or ""))),
    ]


def limits_of(result: ExecutionResult) -> dict[str, str]:
    """What each limit of it allowed, by the limit's name: `{"timeout": "5 min", "memory": "40 MiB"}`."""
    return {_word(name): _allowed(name, value) for name, value, _ in _limits(result)}


def limits_said(result: ExecutionResult) -> str:
    """`memory 40 MiB (cgroup2, asked for), timeout 5 min`: with who bears it; what was asked for comes first."""
    asked = set(result.invocation.get("limits_asked") or ())
    said = []
    for name, value, each in sorted(_limits(result), key=lambda one: one[0] not in asked):
        tier = (str(each.get("tier") or "not enforced"),) if isinstance(each, Mapping) and "tier" in each else ()
        notes = ", ".join((*tier, *(("asked for",) if name in asked else ())))
        said.append(f"{_word(name)} {_allowed(name, value)}{f' ({notes})' if notes else ''}")
    return ", ".join(said)


def _limits(result: ExecutionResult) -> Iterator[tuple[str, float, object]]:
    """Name, value and what the record has of each."""
    for name, each in (result.containment.get("limits") or {}).items():
        value = each.get("value") if isinstance(each, Mapping) else each
        if value is not None and name != "core":  # which is always 0
            yield name, float(value), each


def _word(name: str) -> str:
    return name.removesuffix("_bps").removesuffix("_s").replace("_", " ")


def _allowed(name: str, value: float) -> str:
    if name == "timeout_s":
        return long_duration(value)
    return "all kept" if name == "output" and not value else limit(name, value)
