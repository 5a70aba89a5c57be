"""What becomes of an alert: fires, is suppressed, is told again, is over. All of it in the caller's transaction.

What was told and when is in the database alone, so that a restart or a second console changes nothing. Something that
is suppressed moves no window: cooldown and repeat count from what was really told.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from opsconsole.alert_settings import AlertSettings, Window
from opsconsole.anomalies import Anomaly, Severity
from opsconsole.errors import UsageError
from opsconsole.models import ExecutionResult
from opsconsole.monitoring.alerts import messages
from opsconsole.monitoring.alerts.rules import RUN_KINDS, Rules, Trouble, action, heading
from opsconsole.safety.redact import Redaction
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.storage import alert_states, anomalies, outbox, silences
from opsconsole.storage.alert_states import AlertState
from opsconsole.storage.outbox import Entry

_DAY_US = 24 * 3600 * 1_000_000
_FULL = "the outbox is full"
_HIDDEN = "hidden by "
_RATE = "runs"
_ANOMALY = "anomaly:"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What may suppress an alert at one moment."""

    maintenance: str | None
    silences: Sequence[silences.Silence]
    open: Mapping[str, Sequence[AlertState]]
    """By kind."""


class Grouping:
    """`zone` is the one that maintenance windows are in; None: the host's."""

    def __init__(self, settings: AlertSettings, host: str, redaction: Redaction, zone: tzinfo | None = None) -> None:
        self.rules = Rules(settings)
        self._settings = settings
        self._host = host
        self._redaction = redaction
        self._zone = zone
        self._windows = [Window.parse(text) for text in settings.maintenance]

    # -- coming in

    def anomaly(self, c: sqlite3.Connection, anomaly: Anomaly, now: int) -> None:
        """An episode as it is now."""
        episode = f"{_ANOMALY}{anomaly.id}"
        alert = alert_states.latest(c, anomaly.fingerprint, episode)
        if alert is not None and alert.resolved_at is not None:
            if not anomaly.state.is_open:
                return
            episode = _next_time(alert.episode)  # it goes on: told anew when its cooldown is over, if it lasts
            alert = None
        facts = messages.of_anomaly(
            anomaly, self._redaction, heading=heading(anomaly.kind), action=action(anomaly.kind)
        )
        if not anomaly.state.is_open:
            if alert is not None and anomaly.closed_at is not None:
                alert.facts = facts
                self._resolve(c, alert, now, anomaly.closed_at)
            return
        if alert is None:
            trouble = Trouble(anomaly.kind, anomaly.subject, anomaly.host, anomaly.severity)
            if not self.rules.targets(trouble):
                return
            alert = alert_states.add(
                c, episode, kind=anomaly.kind, subject=anomaly.subject, host=anomaly.host, severity=anomaly.severity,
                opened_at=anomaly.began_at, facts=facts,
            )  # fmt: skip
        alert.facts = facts
        alert.severity = max(alert.severity, anomaly.severity)
        alert.acknowledged = anomaly.seen
        alert.silenced_until = anomaly.silenced_until
        self._consider(c, alert, now, self.surroundings(c, now, alert.kind))

    def execution(self, c: sqlite3.Connection, result: ExecutionResult, kind: str, now: int) -> None:
        """A run that a rule tells of, once."""
        title, severity = RUN_KINDS[kind]
        if not self.rules.targets(Trouble(kind, result.name, self._host, severity)):
            return
        facts = messages.of_run(result, self._host, self._redaction, kind=kind, heading=title, severity=severity)
        alert = alert_states.add(
            c, f"run:{result.execution_id}", kind=kind, subject=result.name, host=self._host, severity=severity,
            opened_at=facts["opened_at"], facts=facts, once=True,
        )  # fmt: skip
        if alert.resolved_at is None:
            self._consider(c, alert, now, self.surroundings(c, now, alert.kind))

    def failure_rate(self, c: sqlite3.Connection, now: int) -> None:
        """All runs of the window together: too many failed, or no longer."""
        rules = self._settings.runs
        if not rules.failure_rate:
            return
        failed, ended = alert_states.runs_since(c, now - int(rules.failure_rate_window_s * 1e6))
        percent = 100 * failed / ended if ended else 0.0
        under_way = alert_states.open_ones(c, ["run_failures"])
        if ended >= rules.failure_rate_runs and percent >= rules.failure_rate:
            severity = RUN_KINDS["run_failures"][1]
            if under_way or not self.rules.targets(Trouble("run_failures", "", self._host, severity)):
                return
            facts = messages.of_rate(self._host, percent, rules.failure_rate, failed, ended, now)
            alert = alert_states.add(
                c, f"{_RATE}:{now}", kind="run_failures", subject="", host=self._host, severity=severity, opened_at=now,
                facts=facts,
            )  # fmt: skip
            self._consider(c, alert, now, self.surroundings(c, now, alert.kind))
        elif percent < 0.8 * rules.failure_rate or ended < rules.failure_rate_runs:
            for alert in under_way:
                alert.facts["closed_at"] = now
                self._resolve(c, alert, now, now)

    def review(self, c: sqlite3.Connection, now: int) -> None:
        """What time alone changes: repeats, the end of silences, maintenance, cooldowns and of what hid others; and
        what people did to episodes from another console.
        """
        self.failure_rate(c, now)
        for alert in alert_states.open_ones(c):
            episode = _episode(c, alert)
            if episode is not None and not episode.state.is_open:
                self.anomaly(c, episode, now)
            elif episode is not None:
                alert.acknowledged = episode.seen
                alert.silenced_until = episode.silenced_until
                alert_states.save(c, alert)
        around = self.surroundings(c, now)
        for alert in (one for many in around.open.values() for one in many):
            self._consider(c, alert, now, around)

    def forget_missing(self, c: sqlite3.Connection, now: int) -> None:
        """Alerts whose episode was cleared away: nobody can say when they were over."""
        for alert in alert_states.open_ones(c):
            if alert.episode.startswith(_ANOMALY) and _episode(c, alert) is None:
                outbox.drop(c, [row.id for row in outbox.of_alert(c, alert.id)], "its record is gone")
                alert.state, alert.suppressed_by, alert.resolved_at = "resolved", None, now
                alert_states.save(c, alert)

    def clean_up(self, c: sqlite3.Connection, now: int) -> None:
        """A bounded step of forgetting what is older than the settings keep. `now` is a steady clock's."""
        keep_us = int(self._settings.outbox.keep_days * _DAY_US)
        outbox.clean_up(c, keep_us, now)
        alert_states.clean_up(c, keep_us, now)
        silences.clean_up(c, keep_us, now)

    # -- going out

    def surroundings(self, c: sqlite3.Connection, now: int, kind: str | None = None) -> Surroundings:
        """With what may hide alerts of this kind; None: of any."""
        found: dict[str, list[AlertState]] = {}
        for alert in alert_states.open_ones(c, None if kind is None else self.rules.hiders(kind)):
            found.setdefault(alert.kind, []).append(alert)
        return Surroundings(self.maintenance(c, now), silences.active(c, now), found)

    def maintenance(self, c: sqlite3.Connection, now: int) -> str | None:
        """Which maintenance is under way, in words."""
        moment = datetime.fromtimestamp(now / 1e6, self._zone) if self._zone else datetime.fromtimestamp(now / 1e6)
        moment = moment.astimezone(self._zone)
        for window in self._windows:
            if window.holds(moment):
                return f"maintenance {window.text}"
        return next((f"maintenance {found.id}" for found in silences.maintenance(c, now)), None)

    def withdraw(self, c: sqlite3.Connection, entry: Entry, now: int, around: Surroundings) -> bool:
        """Whether a message that is about to go out for the first time is suppressed by now; it is dropped then."""
        alert = None if entry.alert_id is None else alert_states.by_id(c, entry.alert_id)
        tried = entry.attempts or entry.batch or entry.state != "queued"
        if alert is None or tried or entry.transition == "resolved":
            return False
        why = self._suppressed(c, alert, now, around, queued=entry.transition)
        if why is None:
            return False
        outbox.drop(c, [entry.id], why)
        others = [one for one in outbox.of_alert(c, alert.id) if one.id != entry.id and one.state != "dropped"]
        if not others:
            alert.told_at = alert.told_severity = None
            alert.told_to = []
        alert.state, alert.suppressed_by = "suppressed", why
        if alert.once:
            alert.resolved_at = now
        alert_states.save(c, alert)
        return True

    def _consider(self, c: sqlite3.Connection, alert: AlertState, now: int, around: Surroundings) -> None:
        """Tell what is to be told of it now, and write how it stands."""
        if alert.told_at is not None and alert.told_at > now:
            alert.told_at = now  # the clock was set back: repeats count from here, not from a day that is to come
        why = self._suppressed(c, alert, now, around)
        if why is None:
            alert.state, alert.suppressed_by = "firing", None
            transition = self._transition(alert, now)
            if transition is not None and not self._tell(c, alert, transition, now):
                alert.state, alert.suppressed_by = "suppressed", _FULL
            elif alert.once:
                alert.state, alert.resolved_at = "resolved", now
        else:
            alert.state, alert.suppressed_by = "suppressed", why
            if alert.once:
                alert.resolved_at = now  # an event has passed when its silence ends
        alert_states.save(c, alert)

    def _suppressed(
        self, c: sqlite3.Connection, alert: AlertState, now: int, around: Surroundings, *, queued: str = ""
    ) -> str | None:
        """Why nothing is told of it now, or None. `queued`: the transition of a message that waits already."""
        if around.maintenance:
            return around.maintenance
        for silence in around.silences:
            if silence.matches(alert.kind, alert.subject):
                return f"silence {silence.id}"
        if alert.silenced_until is not None and alert.silenced_until > now:
            return "silenced"
        trouble = _trouble(alert)
        for source in (one for kind in self.rules.hiders(alert.kind) for one in around.open.get(kind, ())):
            if (source.suppressed_by or "").startswith(_HIDDEN) or source.once:
                continue
            if self.rules.hides(_trouble(source), source.facts["processes"], trouble):
                return _HIDDEN + source.kind + (f" {source.subject}" if source.subject else "")
        worse = queued == "severity" or (alert.told_severity is not None and alert.severity > alert.told_severity)
        if alert.acknowledged and not worse:
            return "acknowledged"
        if alert.told_at is None and not queued:
            return self._cooling(c, alert, now)
        return None

    def _cooling(self, c: sqlite3.Connection, alert: AlertState, now: int) -> str | None:
        """The same trouble was told a short time ago. The time doubles with each time within a day."""
        settings = self._settings
        last, times = alert_states.told_before(c, alert, now - _DAY_US)
        if last is None or not settings.cooldown_s:
            return None
        longest = settings.repeat_s or 14_400.0
        wait_s = min(longest, settings.cooldown_s * 2.0 ** min(times - 1, 30))
        if self._is_mild(alert):
            wait_s = _DAY_US / 1e6
        return "told a short time ago" if last <= now < last + wait_s * 1e6 else None

    def _is_mild(self, alert: AlertState) -> bool:
        return alert.severity < Severity.parse(self._settings.repeat_min_severity)

    def _transition(self, alert: AlertState, now: int) -> str | None:
        """What there is to tell of it, if anything."""
        if alert.told_at is None or alert.told_severity is None:
            return "firing"
        if alert.severity > alert.told_severity:
            return f"severity:{alert.severity.word}"
        repeat_us = self._settings.repeat_s * 1e6
        worth = not self._is_mild(alert) and not alert.facts.get("flaps")
        if repeat_us and worth and not alert.once and now - alert.told_at >= repeat_us:
            return f"repeat:{alert.repeats + 1}"
        return None

    def _tell(self, c: sqlite3.Connection, alert: AlertState, transition: str, now: int) -> bool:
        """Queue it for everybody the rules name; whether there was room."""
        wait_us = int(self._settings.group_wait_s * 1e6) if transition == "firing" and not alert.once else 0
        targets = self.rules.targets(_trouble(alert))
        for notifier in targets:
            if not self._put(c, alert, notifier, transition, now, now + wait_us, self._settings.outbox.capacity):
                return False
        if targets:
            alert.told_at, alert.told_severity = now, alert.severity
            alert.told_to = list(dict.fromkeys([*alert.told_to, *targets]))
            alert.repeats += transition.startswith("repeat")
        return True

    def _put(
        self, c: sqlite3.Connection, alert: AlertState, notifier: str, transition: str, now: int, due_at: int,
        capacity: int | None,
    ) -> bool:  # fmt: skip
        word = transition.partition(":")[0]
        said: Mapping[str, Any] = {
            **alert.facts, "transition": word, "severity": alert.severity.word,
            "group": messages.public_key(alert.fingerprint), "episode": _base(alert.episode),
        }  # fmt: skip
        key = messages.public_key(f"{alert.fingerprint} {alert.episode} {transition} {notifier}")  # a name is hostile
        return outbox.put(c, key, notifier, word, said, now=now, due_at=due_at, alert_id=alert.id, capacity=capacity)

    def _resolve(self, c: sqlite3.Connection, alert: AlertState, now: int, closed_at: int) -> None:
        """It is over: what has not gone out is dropped, and those who were told hear how long it lasted."""
        rows = outbox.of_alert(c, alert.id)
        outbox.drop(c, [row.id for row in rows if row.state == "queued"], "over before it was told")
        told = {row.notifier for row in rows if row.attempts or row.state in ("sending", "sent", "failed")}
        if not told:
            alert.told_at = None  # a message that never went out begins no cooldown
        alert.state, alert.suppressed_by, alert.resolved_at = "resolved", None, closed_at
        if self._settings.recovery:
            for notifier in alert.told_to:
                if notifier in told:
                    self._put(c, alert, notifier, "resolved", now, now, None)
        alert_states.save(c, alert)


def _episode(c: sqlite3.Connection, alert: AlertState) -> Anomaly | None:
    """Its record, where it is of one."""
    if not alert.episode.startswith(_ANOMALY):
        return None
    try:
        return anomalies.get(c, int(_base(alert.episode).removeprefix(_ANOMALY)))
    except UsageError:
        return None


def _base(episode: str) -> str:
    return episode.partition("#")[0]


def _next_time(episode: str) -> str:
    """`anomaly:7` → `anomaly:7#2` → `anomaly:7#3`."""
    base, _, number = episode.partition("#")
    return f"{base}#{int(number or 1) + 1}"


def _trouble(alert: AlertState) -> Trouble:
    """As it is in the facts of others: sanitised names are compared with sanitised ones."""
    return Trouble(alert.kind, sanitise_name(alert.subject, limit=500), alert.host, alert.severity)
