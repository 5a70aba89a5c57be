"""What is said: the facts of an alert, made harmless once, and the message that is made of one or many of them.

Facts are JSON data. Names that come from the host are hostile, and what a script prints may hold secrets: everything
is redacted first and sanitised then, before it is stored in the outbox or leaves the host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.models import ExecutionResult
from opsconsole.safety.redact import Redaction
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.wording import long_duration, quantity, size

Facts = Mapping[str, Any]

LISTED = 50
"""Alerts that a digest lists; the others are counted."""
_CAUSES = 5
_TEXT = 500


@dataclass(frozen=True, slots=True)
class Message:
    """What goes to a receiver in one piece. More than one alert: a digest. `total` counts those not listed, too.

    `key` stays the same however often it is sent.
    """

    key: str
    alerts: tuple[Facts, ...]
    created_at: int
    total: int

    @classmethod
    def of(cls, key: str, alerts: Sequence[Facts], created_at: int) -> Message:
        """With one public key for all of it."""
        return cls(key, tuple(alerts[:LISTED]), created_at, len(alerts))

    @property
    def is_digest(self) -> bool:
        return self.total > 1

    @property
    def status(self) -> str:
        return "resolved" if all(is_over(facts) for facts in self.alerts) else "firing"

    @property
    def severity(self) -> Severity:
        return max(Severity.parse(facts["severity"]) for facts in self.alerts)

    @property
    def transition(self) -> str:
        return "digest" if self.is_digest else str(self.alerts[0]["transition"])

    @property
    def title(self) -> str:
        """One line."""
        if not self.is_digest:
            return title(self.alerts[0])
        over = sum(map(is_over, self.alerts))
        word = "RESOLVED" if over == len(self.alerts) else self.severity.word.upper()
        parts = [f"{len(self.alerts) - over} open", *([f"{over} over"] if over else [])]
        return f"[{word}] {self.alerts[0]['host']}: {self.total} alerts ({', '.join(parts)})"

    @property
    def text(self) -> str:
        """For people, in plain text."""
        if not self.is_digest:
            return body(self.alerts[0])
        lines = [f"{self.total} alerts came within a short time:", ""]
        lines += [f"  {moment(facts['opened_at'])}  {title(facts)}" for facts in self.alerts]
        if self.total > len(self.alerts):
            lines.append(f"  and {self.total - len(self.alerts)} more: `opsconsole alerts` lists them")
        actions = dict.fromkeys(facts["action"] for facts in self.alerts if facts["action"] and not is_over(facts))
        if actions:
            lines += ["", "What to do:", *(f"  - {action}" for action in actions)]
        return "\n".join(lines) + "\n"


def public_key(key: str) -> str:
    """An idempotency key as it is shown to receivers: 32 hexadecimal digits that tell nothing."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def harmless(value: Any, redaction: Redaction) -> Any:
    """JSON data of which every string is one line without secrets that no terminal obeys."""
    return _sanitised(redaction.value(value))


def _sanitised(value: Any) -> Any:
    if isinstance(value, str):
        return sanitise_name(value, limit=_TEXT)
    if isinstance(value, Mapping):
        return {_sanitised(key): _sanitised(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_sanitised(item) for item in value]
    return value


def of_anomaly(anomaly: Anomaly, redaction: Redaction, *, heading: str, action: str) -> dict[str, Any]:
    """The facts of an episode."""
    details = anomaly.details or {}
    raw = {
        "id": anomaly.id,
        "kind": anomaly.kind,
        "title": heading,
        "subject": anomaly.subject,
        "host": anomaly.host,
        "severity": anomaly.severity.word,
        "message": anomaly.message,
        "value": anomaly.value,
        "peak": anomaly.peak,
        "mean": anomaly.mean,
        "threshold": anomaly.threshold,
        "unit": anomaly.unit,
        "opened_at": anomaly.began_at,
        "closed_at": anomaly.closed_at,
        "unknown_since": anomaly.unknown_since,
        "processes": [
            {name: one.get(name) for name in ("pid", "name", "cpu_percent", "rss_bytes")}
            for one in anomaly.processes[:_CAUSES]
        ],
        "runs": list(anomaly.runs[:_CAUSES]),
        "done": [_link(link) for link in anomaly.done[-_CAUSES:]],
        "eta_s": details.get("eta_s"),
        "action": action,
        "flaps": anomaly.state is AnomalyState.FLAPPING,
    }
    found: dict[str, Any] = harmless(raw, redaction)
    return found


def of_run(
    result: ExecutionResult, host: str, redaction: Redaction, *, kind: str, heading: str, severity: Severity
) -> dict[str, Any]:
    """The facts of a run that ended badly."""
    at = result.finished_at or result.started_at or result.queued_at or 0
    ending = f"exit code {result.exit_code}" if result.exit_code is not None else result.signal
    why = result.reason or ending or result.status.value
    raw = {
        "kind": kind,
        "title": heading,
        "subject": result.name,
        "host": host,
        "severity": severity.word,
        "message": f"{result.name}: {result.status.value}, {why}",
        "value": result.exit_code,
        "peak": None,
        "mean": None,
        "threshold": None,
        "unit": "exit code",
        "opened_at": at,
        "closed_at": None,
        "processes": [],
        "runs": [result.execution_id],
        "done": [],
        "action": f"See what it printed: `opsconsole show {result.task_id}`.",
    }
    found: dict[str, Any] = harmless(raw, redaction)
    return found


def of_rate(host: str, percent: float, limit: float, failed: int, ended: int, at: int) -> dict[str, Any]:
    """The facts of too many failed runs, of whatever script."""
    return {
        "kind": "run_failures",
        "title": "Many runs fail",
        "subject": "",
        "host": sanitise_name(host),
        "severity": Severity.HIGH.word,
        "message": f"{failed} of the last {ended} runs failed",
        "value": percent,
        "peak": percent,
        "mean": None,
        "threshold": limit,
        "unit": "%",
        "opened_at": at,
        "closed_at": None,
        "processes": [],
        "runs": [],
        "done": [],
        "action": "Look for what they have in common: `opsconsole history --status failed`.",
    }


def of_test(host: str, now: int) -> dict[str, Any]:
    """The facts of a message that only tries the way."""
    facts = of_rate(host, 0.0, 0.0, 0, 0, now)
    return facts | {
        "kind": "test",
        "title": "Test",
        "severity": Severity.INFO.word,
        "message": "a test message: if you read this, the way works",
        "transition": "test",
        "action": "Nothing.",
        "value": None,
        "peak": None,
        "threshold": None,
        "unit": "",
    }


def is_over(facts: Facts) -> bool:
    return bool(facts["closed_at"])


def title(facts: Facts) -> str:
    """`[HIGH] db1: CPU at 97 %`, `[RESOLVED] db1: CPU busy, after 12 min 5 s`."""
    host, message = facts["host"], facts["message"] or facts["title"]
    if is_over(facts):
        about = facts["title"] + (f" ({facts['subject']})" if facts["subject"] else "")
        return f"[RESOLVED] {host}: {about}, after {long_duration(length_s(facts), whole=True)}"
    word = str(facts["severity"]).upper()
    again = {"repeat": " (still open)", "severity": " (worse)"}.get(str(facts.get("transition")), "")
    return f"[{word}] {host}: {message}{again}"


def body(facts: Facts) -> str:
    """What happened, its peak, its causes and what to do."""
    rows = [("what", facts["message"] or facts["title"]), ("severity", facts["severity"]), ("host", facts["host"])]
    if facts["subject"]:
        rows.append(("about", facts["subject"]))
    rows.append(("since", moment(facts["opened_at"])))
    if is_over(facts):
        rows.append(("until", f"{moment(facts['closed_at'])}, {long_duration(length_s(facts), whole=True)} in all"))
    if facts["peak"] is not None:
        limit = "" if facts["threshold"] is None else f", limit {quantity(facts['threshold'], facts['unit'])}"
        rows.append(("peak", quantity(facts["peak"], facts["unit"]) + limit))
    if facts.get("eta_s") is not None and not is_over(facts):
        rows.append(("full in", long_duration(facts["eta_s"], whole=True)))
    if facts.get("unknown_since"):
        rows.append(("no data", f"since {moment(facts['unknown_since'])}: whether it is over is not known"))
    if facts.get("flaps"):
        rows.append(("flapping", "it comes and goes; that is told once"))
    rows += [("cause" if not at else "", _process(one)) for at, one in enumerate(facts["processes"])]
    rows += [("ran then" if not at else "", run) for at, run in enumerate(facts["runs"])]
    rows += [("done" if not at else "", one) for at, one in enumerate(facts["done"])]
    if facts["action"] and not is_over(facts):
        rows.append(("what to do", facts["action"]))
    return "".join(f"{name:<11}{value}\n" for name, value in rows)


def length_s(facts: Facts) -> float:
    """How long it lasted, in seconds."""
    return float(max(0, facts["closed_at"] - facts["opened_at"]) / 1e6)


def moment(microseconds: int | None) -> str:
    """`2026-11-20 03:04:05 UTC`."""
    if microseconds is None:
        return "?"
    return datetime.fromtimestamp(microseconds / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _process(one: Mapping[str, Any]) -> str:
    parts = [f"{one['name']}[{one['pid']}]"]
    if one["cpu_percent"] is not None:
        parts.append(f"{one['cpu_percent']:.0f} % of a core")
    if one["rss_bytes"] is not None:
        parts.append(size(one["rss_bytes"]))
    return ", ".join(parts)


def _link(link: Mapping[str, Any]) -> str:
    return " ".join(str(link[name]) for name in ("kind", "ref", "note") if link.get(name))
