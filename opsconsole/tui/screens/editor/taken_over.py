"""How a past run was asked for, for the form that runs its script again: what its fields hold, and what they cannot."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opsconsole.errors import OpsError
from opsconsole.execution import interpreters
from opsconsole.models import MAX_RETRIES, ExecutionResult, ResourceLimits, Task
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.settings import Settings
from opsconsole.tui.wording import limit, span

NOT_KEPT = "…"
"""In place of a variable's value: the record has names only."""
_SECRET = "[redacted"  # noqa: S105 - how the record begins what it left out
_IN_FIELDS = ("memory", "cpu", "pids")
_BEYOND_FIELDS = ("swap", "read_bps", "write_bps", "file_size", "open_files")
_UNITS = (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10))


@dataclass(frozen=True, slots=True)
class TakenOver:
    """`fields`: what the form's fields begin with, by id. `limits`: those the form has no field for; like all between
    them and `said` they hold for the next run too. `said`: what the form says of all this, harmless."""

    task: int
    policy: str
    fields: Mapping[str, str]
    limits: ResourceLimits = field(default_factory=ResourceLimits)
    stdin: str | None = None
    kill_leftovers: bool = False
    retry_exit_codes: tuple[int, ...] | None = None
    idempotent: bool = False
    said: str = ""


def taken_over(task: Task, result: ExecutionResult, body: bytes, settings: Settings) -> TakenOver:
    """Of its task's row and its record; `body` is its script. No value of it is less strict than the run had."""
    given = result.invocation
    fields = {
        "policy": task.policy.value,
        "priority": task.priority.name.lower(),
        "retries": str(max(0, min(task.attempts - 1, MAX_RETRIES))),
    }
    if (interpreter := _named(task, body, settings)) is not None:
        fields["interpreter"] = interpreter
    if not given:
        lost = "with which arguments, folder and limits it ran is not on record"
        return TakenOver(task.id, task.policy.value, fields, said=f"As task {task.id} ran, but {lost}.")
    args, names = [str(one) for one in given.get("args") or ()], list(map(str, given.get("environment_names") or ()))
    fields |= {
        "arguments": shlex.join(args),
        "cwd": str(given.get("cwd") or ""),
        "environment": " ".join(f"{shlex.quote(name)}={NOT_KEPT}" for name in names),
        "network": "yes" if given.get("allow_network") else "no",
        "writable": shlex.join(str(one) for one in given.get("writable") or ()),
    }
    if given.get("timeout_s"):
        fields["timeout"] = span(float(given["timeout_s"]))
    limits = result.containment.get("limits") or {}
    had = {name: value for name, each in limits.items() if (value := _value(each)) is not None}
    asked = {name: had[name] for name in given.get("limits_asked") or () if name in had}
    fields |= {name: _written(name, asked[name]) for name in _IN_FIELDS if name in asked}
    kept = had.get("output")
    if kept is not None and kept != settings.execution.output_limit:
        fields["output"] = _written("output", kept)
    beyond = {name: int(asked[name]) for name in _BEYOND_FIELDS if name in asked}
    stdin = str(given["stdin"]) if given.get("stdin") else None
    codes = given.get("retry_exit_codes")
    like = TakenOver(
        task.id, task.policy.value, fields, ResourceLimits(**beyond), stdin, bool(given.get("kill_leftovers")),
        None if codes is None else tuple(map(int, codes)), bool(given.get("idempotent")),
    )  # fmt: skip
    return replace(like, said=_said(like, beyond, _not_there(fields, names, stdin)))


def problems_of(values: Mapping[str, str]) -> dict[str, str]:
    """Field → what of a past run's values somebody has to give again, before it can run."""
    found = {}
    given = [word.partition("=") for word in _split(values.get("environment", ""))]
    if unknown := [name for name, _, value in given if value == NOT_KEPT]:
        found["environment"] = f"{unknown[0]}: its value is not on record"
    for name in ("arguments", "cwd", "writable"):
        if _SECRET in values.get(name, ""):
            found[name] = "a secret that is not on record"
    return found


def _named(task: Task, body: bytes, settings: Settings) -> str | None:
    """The interpreter somebody named for it; None where it is what the script itself says."""
    try:
        own = interpreters.choose(None, body, task.name, settings.execution.shell).name
    except OpsError:
        own = ""
    return task.interpreter if task.interpreter in interpreters.KNOWN and task.interpreter != own else None


def _value(each: Any) -> float | None:
    value = each.get("value") if isinstance(each, Mapping) else each
    return None if value is None else float(value)


def _written(name: str, value: float) -> str:
    """As the field reads it back, to the byte."""
    if name == "cpu":
        return repr(value)
    whole = int(value)
    if name in ("memory", "output") and whole:
        for unit, size in _UNITS:
            if whole % size == 0:
                return f"{whole // size}{unit}"
    return str(whole)


def _not_there(fields: Mapping[str, str], names: list[str], stdin: str | None) -> list[str]:
    found = []
    if names:
        found.append(f"{'the value' if len(names) == 1 else 'the values'} of {', '.join(names)}")
    if any(_SECRET in fields[name] for name in ("arguments", "cwd", "writable")):
        found.append("what was secret in its words")
    if fields["cwd"] and _SECRET not in fields["cwd"] and not os.path.isdir(fields["cwd"]):
        found.append("its folder, which is gone")
    if stdin is not None and not os.path.isfile(stdin):
        found.append("its input, which is gone")
    return found


def _said(like: TakenOver, beyond: Mapping[str, float], missing: list[str]) -> str:
    also = [f"{name.removesuffix('_bps').replace('_', ' ')} {limit(name, value)}" for name, value in beyond.items()]
    if like.stdin is not None:
        also.append(f"input from {sanitise_name(like.stdin, limit=80)}")
    if like.kill_leftovers:
        also.append("what it leaves running is killed")
    if like.retry_exit_codes:
        also.append(f"tried again only after exit code {', '.join(map(str, like.retry_exit_codes))}")
    if like.idempotent:
        also.append("declared to do no harm when run twice")
    parts = [f"As task {like.task} ran", *([f"with it: {', '.join(also)}"] if also else [])]
    said = "; ".join(parts)
    if missing:
        said += f". Not to be had any more: {'; '.join(missing)}"
    return sanitise_name(f"{said}.", limit=600)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []
