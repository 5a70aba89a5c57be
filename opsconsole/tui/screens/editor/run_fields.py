"""The fields of the run form, and what was typed into them as a TaskSpec: each wrong value is said beside its field."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opsconsole.errors import OpsError, SpecError
from opsconsole.execution import interpreters
from opsconsole.models import MAX_RETRIES, ExecutionPolicy, Priority, ResourceLimits, TaskSpec, parse_size
from opsconsole.settings import Settings
from opsconsole.tui.screens.editor.taken_over import TakenOver, problems_of
from opsconsole.tui.wording import POLICIES, seconds_of, span

BY_SHEBANG = "by shebang"
_PRIORITIES = tuple(priority.name.lower() for priority in Priority)
_CONTAINED = ("safe", "restricted")
_COMPLAINTS = {"timeout": "timeout", "retries": "retries", "environment": "environment", "args": "arguments"}
"""How a spec's complaint begins → the field it is about."""


@dataclass(frozen=True, slots=True)
class RunScript:
    """What is to run: the text as it is now, whatever the file holds; policy and interpreter as the editor shows."""

    body: bytes
    name: str
    interpreter: str
    policy: str
    path: Path | None = None
    from_file: bool = False
    """It is what the file has when it is planned; there is no body."""
    taken: TakenOver | None = None
    """The past run it is to run like."""

    @property
    def key(self) -> str:
        """What the last values are remembered by."""
        name = str(self.path) if self.path is not None else self.name
        return name if self.taken is None else f"as task {self.taken.task}: {name}"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. With `options` one of them is chosen, else a line is typed. `when`: the policies that have it."""

    id: str
    label: str
    value: str = ""
    options: tuple[str, ...] = ()
    placeholder: str = ""
    when: tuple[str, ...] = POLICIES


def rows(script: RunScript, settings: Settings) -> list[tuple[Field, ...]]:
    """The fields as they stand in the form, a row each; the ones that matter most first."""
    execution = settings.execution
    languages = (BY_SHEBANG, *interpreters.KNOWN)
    return [
        (Field("arguments", "arguments", placeholder="none"),),
        (Field("policy", "policy", script.policy, POLICIES),),
        (Field("reason", "reason", placeholder="why as root; the record keeps it", when=("elevated",)),),
        (Field("name", "name", script.name),),
        (Field("interpreter", "interpreter", language(script, settings), languages),),
        (Field("priority", "priority", "normal", _PRIORITIES),),
        (
            Field("timeout", "timeout", span(execution.timeout_s), placeholder="such as 90s, 5m, 1h"),
            Field("retries", "retries", "0", tuple(map(str, range(MAX_RETRIES + 1)))),
        ),
        (Field("cwd", "folder", placeholder="where the console was started"),),
        (Field("environment", "environment", placeholder="such as NAME=value OTHER='two words'"),),
        (
            Field("memory", "memory", placeholder="such as 512M, 2G"),
            Field("cpu", "cpu", placeholder="such as 0.5, 150%"),
        ),
        (
            Field("pids", "processes", placeholder="how many"),
            Field("output", "output", placeholder="such as 64M; 0: all of it"),
        ),
        (
            Field("network", "network", "no", ("no", "yes"), when=_CONTAINED),
            Field("writable", "may write", placeholder="folders", when=("restricted",)),
        ),
    ]


def language(script: RunScript, settings: Settings) -> str:
    """`by shebang` where that is what the editor shows: the shebang's options count then."""
    try:
        name = str(script.path) if script.path is not None else None
        chosen = interpreters.choose(None, script.body, name, settings.execution.shell).name
    except OpsError:
        chosen = ""
    if script.body.startswith(b"#!") and chosen == script.interpreter:
        return BY_SHEBANG
    return script.interpreter if script.interpreter in interpreters.KNOWN else BY_SHEBANG


def read(
    values: Mapping[str, str], script: RunScript, settings: Settings, *, hold: bool = False, cwd: Path | None = None
) -> tuple[TaskSpec | None, dict[str, str]]:
    """The spec, or None and what is wrong by field. `cwd`: where it runs if no folder is given."""
    problems: dict[str, str] = {}

    def take(field: str, make: Callable[[str], Any], empty: Any = None) -> Any:
        text = values.get(field, "").strip()
        if not text:
            return empty
        try:
            return make(text)
        except (OpsError, ValueError) as error:
            problems[field] = error.message if isinstance(error, OpsError) else str(error)
            return empty

    policy = ExecutionPolicy(values.get("policy", script.policy))
    elevated, contained = policy is ExecutionPolicy.ELEVATED, policy.value in _CONTAINED
    reason = values.get("reason", "").strip()
    if elevated and not reason:
        problems["reason"] = "elevated needs a reason"
    interpreter = values.get("interpreter", BY_SHEBANG)
    like = script.taken
    limits = replace(
        like.limits if like is not None else ResourceLimits(),
        memory=take("memory", _size), cpu=take("cpu", _share), pids=take("pids", _count), output=take("output", _kept),
    )  # fmt: skip
    if like is not None:
        problems |= problems_of(values)
    fields = {
        "script": None if script.from_file else script.body,
        "path": script.path if script.from_file else None,
        "name": take("name", str, script.name or None),
        "args": tuple(take("arguments", _words, ())),
        "interpreter": None if interpreter == BY_SHEBANG else interpreter,
        "policy": policy,
        "priority": Priority.parse(values.get("priority", "normal")),
        "timeout_s": take("timeout", _seconds, settings.execution.timeout_s),
        "retries": int(values.get("retries", "0")),
        "cwd": take("cwd", _folder, cwd),
        "env": take("environment", _variables, {}),
        "limits": limits,
        "hold": hold,
        "stdin": like.stdin if like is not None else None,
        "kill_leftovers": like is not None and like.kill_leftovers,
        "retry_exit_codes": like.retry_exit_codes if like is not None else None,
        "idempotent": like is not None and like.idempotent,
        "confirmed": elevated,
        "reason": reason if elevated else None,
        "allow_network": contained and values.get("network") == "yes",
        "writable": tuple(take("writable", _folders, ())) if policy is ExecutionPolicy.RESTRICTED else (),
    }
    if problems:
        return None, problems
    try:
        return TaskSpec(**fields), {}
    except SpecError as error:
        return None, {_blamed(error.message): error.message}


def _blamed(message: str) -> str:
    """The field that a spec's complaint is about."""
    for word, field in _COMPLAINTS.items():
        if message.startswith(word):
            return field
    return "cwd" if message.startswith("cwd") else "policy"


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError(f"cannot be split: {error}".lower()) from error


def _seconds(text: str) -> float:
    try:
        return seconds_of(text)
    except ValueError:
        raise ValueError("not a time: 90s, 5m or 1h") from None


def _size(text: str) -> int:
    size = parse_size(text)
    if size <= 0:
        raise ValueError("more than 0, please: 512M, 2G")
    return size


def _kept(text: str) -> int:
    return parse_size(text)


def _share(text: str) -> float:
    try:
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise ValueError("not a share of a core: 0.5 or 50%") from None
    if not 0 < share < 1e6:
        raise ValueError("more than 0: 0.5 is half a core")
    return share


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("a number, 1 or more")
    return int(text)


def _folder(text: str) -> str:
    folder = os.path.abspath(os.path.expanduser(text))
    if not os.path.isdir(folder):
        raise ValueError("no such folder")
    return folder


def _folders(text: str) -> list[str]:
    found = _words(text)
    for one in found:
        _folder(one)
    return found


def _variables(text: str) -> dict[str, str]:
    found = {}
    for word in _words(text):
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise ValueError("NAME=value, please")
        found[name] = value
    return found
