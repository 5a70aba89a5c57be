"""What a task holds that is secret, kept out of its row: its script, its words, what its end tells.

Before a row is stored, `conceal` takes the secrets out of all its text. What a launch needs exactly (arguments,
folders) waits beside the task's environment until it has ended; a script stays in a file of its own. `restored` puts
both back.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from opsconsole.errors import ConsoleError
from opsconsole.execution.environment import EnvironmentStore
from opsconsole.paths import StatePaths
from opsconsole.safety.redact import Redaction
from opsconsole.settings import RedactionSettings
from opsconsole.storage import private_scripts
from opsconsole.storage.endings import Outcome
from opsconsole.storage.tasks import Claimed, NewTask

_ONLY_SHOWN = frozenset(
    {"findings", "effects", "summary", "review_notes", "verdict", "reason", "containment_notes", "containment_degraded"}
)
_TELLS_NOTHING = frozenset({"metrics", "output", "limits", "kill", "limit_events"})


def conceal(new: NewTask, redaction: Redaction) -> tuple[NewTask, dict[str, Any]]:
    """The row without secrets, and what of its spec the launch needs as it was. The body stays; `shown` is stored."""
    labels = new.labels or {}
    words = (new.name, new.reason or "", *_strings(new.spec), *labels, *labels.values())
    shown = redaction.data(new.body)
    if shown is not new.body:
        new = dataclasses.replace(new, shown=shown)
    text = " ".join(words).encode("utf-8", "surrogateescape" if _encodes(words) else "replace")
    if not redaction.suspicious(text):
        return new, {}
    spec = redaction.value(new.spec)
    private = {
        key: value for key, value in new.spec.items() if key not in _ONLY_SHOWN and spec[key] != value
    }  # fmt: skip
    if private:
        spec = {**spec, "private": sorted(private)}
    return dataclasses.replace(
        new,
        name=redaction.text(new.name),
        reason=None if new.reason is None else redaction.text(new.reason),
        spec=spec,
        labels=None if new.labels is None else redaction.value(new.labels),
    ), private


def _strings(value: Any) -> Iterator[str]:
    """Every string in a spec; its keys are ours."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item)


def _encodes(words: tuple[str, ...]) -> bool:
    try:
        "".join(words).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def restored(claimed: Claimed, environments: EnvironmentStore, paths: StatePaths) -> Claimed:
    """With its exact script and words. Raises ConsoleError when they are gone."""
    names = claimed.spec.get("private")
    if names:
        private = environments.private(claimed.environment or "")
        if not set(names) <= set(private):
            raise ConsoleError(f"its {', '.join(names)} held a secret and are not there any more")
        claimed = dataclasses.replace(claimed, spec={**claimed.spec, **{name: private[name] for name in names}})
    if claimed.private:
        claimed = dataclasses.replace(claimed, body=private_scripts.read(paths.scripts, claimed.sha256))
    return claimed


def redaction_of(
    c: sqlite3.Connection, task_id: int, environments: EnvironmentStore, settings: RedactionSettings, own: Redaction
) -> Redaction:
    """What is known to be secret of a task: while it is open, all of its environment; else what this console knows."""
    row = c.execute("SELECT environment, spec FROM task WHERE id = ?", (task_id,)).fetchone()
    if row is None or row["environment"] is None:
        return own
    try:
        environment = environments.get(row["environment"])
    except ConsoleError:
        return own
    given = json.loads(row["spec"]).get("environment_names") or ()
    return Redaction.of(environment, settings, given).and_also(own)


def concealed(outcome: Outcome, redaction: Redaction) -> Outcome:
    """An end without the secrets in its words: process names (which the kernel cuts at 15 bytes), files, messages."""
    report = dict(outcome.report)
    for key, value in outcome.report.items():
        if value and not isinstance(value, (int, float)) and key not in _TELLS_NOTHING:
            report[key] = _without_secrets(value, redaction)
    reason = outcome.reason
    if reason is not None:
        reason = redaction.text(reason)
    return dataclasses.replace(outcome, reason=reason, report=report)


def _without_secrets(value: Any, redaction: Redaction) -> Any:
    if isinstance(value, list) and value and isinstance(value[0], Mapping) and "pid" in value[0]:
        return [{**redaction.value(entry), **_name(entry, redaction)} for entry in value]
    return redaction.value(value)


def _name(entry: Mapping[str, Any], redaction: Redaction) -> dict[str, Any]:
    name = entry.get("name")
    return {"name": redaction.text(name, torn=True)} if isinstance(name, str) else {}
