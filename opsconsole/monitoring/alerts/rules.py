"""Who is told of what: rules of the settings, and which kinds hide which.

A kind says itself whether it may notify and of which kinds it is a consequence (`detection.kinds`); "unusual" never
notifies anybody, whatever a rule says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from opsconsole.alert_settings import AlertRule, AlertSettings
from opsconsole.anomalies import Severity
from opsconsole.monitoring.detection.kinds import KINDS

NEVER = frozenset({"unusual"})

RUN_KINDS = {
    "run_critical_failed": ("Critical task failed", Severity.CRITICAL),
    "run_abandoned": ("Run abandoned", Severity.HIGH),
    "run_failures": ("Many runs fail", Severity.HIGH),
}
"""What is told of runs besides the episodes of kind run_*: its heading and severity."""

_RUNS_HIDDEN_BY = {"run_failures": ("run_failure_rate",)}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a rule looks at."""

    kind: str
    subject: str
    host: str
    severity: Severity


class Rules:
    """The settings' rules, or the one that `notify` and `min_severity` make."""

    def __init__(self, settings: AlertSettings) -> None:
        self._notify = tuple(dict.fromkeys(settings.notify))
        self._rules = tuple(settings.rules.values()) or (AlertRule(min_severity=settings.min_severity),)
        self._own = {source: tuple(hidden) for source, hidden in settings.inhibit.items()}
        self._hiders: dict[str, tuple[str, ...]] = {}

    def targets(self, trouble: Trouble) -> tuple[str, ...]:
        """Notifiers that are to be told, each once."""
        if trouble.kind in NEVER:
            return ()
        told: dict[str, None] = {}
        for rule in self._rules:
            if _applies(rule, trouble):
                told |= dict.fromkeys(rule.notify or self._notify)
        return tuple(told)

    def hiders(self, kind: str) -> tuple[str, ...]:
        """Kinds of which this one may be a consequence."""
        found = self._hiders.get(kind)
        if found is None:
            own = [name for name, hidden in self._own.items() if any(fnmatchcase(kind, pattern) for pattern in hidden)]
            built_in = KINDS[kind].inhibited_by if kind in KINDS else _RUNS_HIDDEN_BY.get(kind, ())
            found = self._hiders[kind] = tuple(dict.fromkeys([*built_in, *own]))
        return found

    def hides(self, source: Trouble, causes: Iterable[Mapping[str, Any]], trouble: Trouble) -> bool:
        """Whether `trouble` is a consequence of an open `source` with these top processes.

        On the same host; about the same subject where both are about the same sort of thing; and a process only while
        the source names it among its causes.
        """
        itself = (source.kind, source.subject) == (trouble.kind, trouble.subject)
        if source.host != trouble.host or itself or source.kind not in self.hiders(trouble.kind):
            return False
        sort = _sort(trouble.kind)
        if sort == "process":
            return any(trouble.subject in (f"{one.get('name')}[{one.get('pid')}]", one.get("name")) for one in causes)
        return sort != _sort(source.kind) or source.subject == trouble.subject


def heading(kind: str) -> str:
    """A kind's title."""
    return RUN_KINDS[kind][0] if kind in RUN_KINDS else KINDS[kind].title if kind in KINDS else kind


def action(kind: str) -> str:
    """What somebody should do about it."""
    return KINDS[kind].what_to_do if kind in KINDS else ""


def _sort(kind: str) -> str:
    return KINDS[kind].subject if kind in KINDS else "host"


def _applies(rule: AlertRule, trouble: Trouble) -> bool:
    if trouble.severity < Severity.parse(rule.min_severity):
        return False
    named = [pattern for pattern in rule.kinds if _matches(pattern, trouble.kind)]
    pages = trouble.kind not in KINDS or KINDS[trouble.kind].pages
    if not pages and not any(pattern != "*" for pattern in named):
        return False
    return (
        (bool(named) or not rule.kinds)
        and (not rule.subjects or any(_matches(pattern, trouble.subject) for pattern in rule.subjects))
        and (not rule.hosts or any(_matches(pattern, trouble.host) for pattern in rule.hosts))
    )


def _matches(pattern: str, value: str) -> bool:
    return pattern == value or fnmatchcase(value, pattern)
