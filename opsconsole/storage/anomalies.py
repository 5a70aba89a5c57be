"""Episodes of anomalies, as functions of a connection inside a transaction.

The monitor, of which there is one per state directory, writes what it sees (`save`); consoles write what people do
(`acknowledge`, `note`, `silence`, `link`, `close_by_hand`). Each has columns of its own. The monitor asks
`changed_since` what people did, any console what became of episodes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from opsconsole.anomalies import ACKNOWLEDGED, Anomaly, AnomalyState, Severity
from opsconsole.errors import AnomalyNotFound
from opsconsole.storage.rows import storable
from opsconsole.storage.steadiness import horizon
from opsconsole.values import dataclass

CLOSED_BY_HAND = "closed_by_hand"
"""`kind` of the link an episode gets that somebody closed; `ref` is who."""
TRIM_STEP = 500
"""Episodes that one step of trimming deletes at the most."""
_MOST_CLOSED = 1000
_DAY_US = 86_400_000_000
_INT64 = (1 << 63) - 1
_OPEN = "('open', 'flapping')"
_WATCHED = (
    "kind", "subject", "host", "severity", "state", "began_at", "opened_at", "last_at", "closed_at", "value", "peak",
    "mean", "count", "threshold", "unit", "message", "peak_at", "flips", "unknown_since", "processes", "runs",
    "details",
)  # fmt: skip
_PEOPLES = ("links", "notes", "acknowledged_at", "acknowledged_by", "silenced_until")
_JSON = frozenset({"processes", "runs", "details", "links", "notes"})
_SAVE = f"""
    INSERT INTO anomaly (id, rev, {", ".join((*_WATCHED, *_PEOPLES))})
    VALUES ({", ".join("?" * (2 + len(_WATCHED) + len(_PEOPLES)))})
    ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, {", ".join(f"{name} = excluded.{name}" for name in _WATCHED)}
    WHERE anomaly.closed_by IS NULL"""


@dataclass(frozen=True, slots=True)
class AnomalyFilter:
    """Which episodes; every field narrows, None or empty does not."""

    kinds: frozenset[str] = frozenset()
    """Any of these."""
    severity: Severity | None = None
    """This one or a graver one."""
    states: frozenset[AnomalyState] = frozenset()
    """Any of these."""
    since_us: int | None = None
    """Still open at this time or later, in microseconds since the epoch."""
    until_us: int | None = None
    """Opened before this time. Together with `since_us`: what was going on in between."""
    subject: str | None = None
    """The whole subject, or a pattern of it with `*`, `?` or `[…]` (`nginx[123]` may be either); a plain word: the
    subject contains it, in any case."""
    before: int | None = None
    """Only ids below this one: the last id of the page before."""
    limit: int = 50
    """Episodes on a page, at the most."""


@dataclass(frozen=True, slots=True)
class AnomalyCounts:
    """`by_kind` the most frequent first, `by_severity` the gravest first."""

    total: int
    open: int
    by_kind: dict[str, int]
    by_severity: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        return {"total": self.total, "open": self.open, "by_kind": self.by_kind, "by_severity": self.by_severity}


# -- the monitor


def next_id(c: sqlite3.Connection) -> int:
    """The first id that was never used. Only the monitor, which holds its lock, gives ids."""
    used = c.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'anomaly'").fetchone()[0]
    return int(used) + 1


def save(c: sqlite3.Connection, anomaly: Anomaly) -> None:
    """Store an episode as it is now. What people did to it stays, and so does one that they closed."""
    values: list[object] = [anomaly.id, _next_rev(c)]
    for name in (*_WATCHED, *_PEOPLES):
        value = getattr(anomaly, name)
        if name in _JSON:
            value = None if value is None else json.dumps(value)
        elif isinstance(value, AnomalyState):
            value = value.value
        elif isinstance(value, str):
            value = storable(value)
        elif isinstance(value, Severity):
            value = int(value)
        values.append(value)
    c.execute(_SAVE, values)


def open_ones(c: sqlite3.Connection) -> list[Anomaly]:
    """Newest first; what a restarted monitor continues."""
    return [_anomaly(row) for row in c.execute(f"SELECT * FROM anomaly WHERE state IN {_OPEN} ORDER BY id DESC")]


def closed_since(c: sqlite3.Connection, since_us: int) -> list[Anomaly]:
    """Those that ended by themselves at that time or later, newest first: what a restarted monitor continues if it
    begins again."""
    found = c.execute(
        """SELECT * FROM anomaly INDEXED BY anomaly_closed
           WHERE closed_at >= ? AND state = 'closed' AND closed_by IS NULL ORDER BY closed_at DESC LIMIT ?""",
        (_int64(since_us), _MOST_CLOSED),
    )
    return [_anomaly(row) for row in found]


def changed_since(c: sqlite3.Connection, rev: int) -> tuple[int, list[Anomaly]]:
    """The revision as it is now, and the episodes that changed after `rev`, oldest change first."""
    found = c.execute("SELECT * FROM anomaly WHERE rev > ? ORDER BY rev", (rev,)).fetchall()
    return revision(c), [_anomaly(row) for row in found]


def revision(c: sqlite3.Connection) -> int:
    return int(c.execute("SELECT value FROM anomaly_revision").fetchone()[0])


def trim(c: sqlite3.Connection, keep_days: float, now: int) -> int:
    """Delete what was closed more than `keep_days` before `now`, or before the newest sign of an anomaly and a day;
    at most `TRIM_STEP` at a time, the oldest first. Returns how many. `now` should be a steady clock's
    (`storage.steadiness`).
    """
    found = c.execute("SELECT max(opened_at) FROM anomaly UNION ALL SELECT max(closed_at) FROM anomaly")
    newest = max((at for (at,) in found if at is not None), default=None)
    return c.execute(
        """DELETE FROM anomaly WHERE id IN (
               SELECT id FROM anomaly WHERE state = 'closed' AND closed_at < ? ORDER BY closed_at LIMIT ?)""",
        (horizon(now, newest, round(keep_days * _DAY_US)), TRIM_STEP),
    ).rowcount


def _next_rev(c: sqlite3.Connection) -> int:
    c.execute("UPDATE anomaly_revision SET value = value + 1")
    return revision(c)


# -- reading


def get(c: sqlite3.Connection, id: int) -> Anomaly:
    """Raises AnomalyNotFound."""
    row = c.execute("SELECT * FROM anomaly WHERE id = ?", (_int64(id),)).fetchone()
    if row is None:
        raise AnomalyNotFound(f"there is no anomaly {id}", hint="`opsconsole anomalies` lists them")
    return _anomaly(row)


def find(c: sqlite3.Connection, filter: AnomalyFilter) -> list[Anomaly]:
    """Newest (highest id) first."""
    where, values = _where(filter)
    before = _INT64 if filter.before is None else _int64(filter.before)
    found = c.execute(
        f"SELECT * FROM anomaly WHERE id < ? AND {where} ORDER BY id DESC LIMIT ?",
        (before, *values, max(0, _int64(filter.limit))),
    )
    return [_anomaly(row) for row in found]


def counts(c: sqlite3.Connection, filter: AnomalyFilter) -> AnomalyCounts:
    """Of all that the filter lets through, whatever its page."""
    where, values = _where(filter)
    by_kind: dict[str, int] = {}
    by_severity = {severity.word: 0 for severity in reversed(Severity)}
    total = still_open = 0
    found = c.execute(
        f"""SELECT kind, severity, count(*), total(state <> 'closed') FROM anomaly WHERE {where}
            GROUP BY kind, severity""",
        values,
    )
    for kind, severity, count, opened in found:
        by_kind[kind] = by_kind.get(kind, 0) + count
        by_severity[Severity(severity).word] += count
        total += count
        still_open += round(opened)
    ordered = dict(sorted(by_kind.items(), key=lambda item: (-item[1], item[0])))
    return AnomalyCounts(total, still_open, ordered, by_severity)


def _where(filter: AnomalyFilter) -> tuple[str, list[object]]:
    parts: list[str] = ["TRUE"]
    values: list[object] = []
    for column, chosen in (("kind", sorted(filter.kinds)), ("state", sorted(state.value for state in filter.states))):
        if chosen:
            parts.append(f"{column} IN ({', '.join('?' * len(chosen))})")
            values += [storable(each) for each in chosen]
    if filter.severity is not None:
        parts.append("severity >= ?")
        values.append(int(filter.severity))
    if filter.since_us is not None:
        parts.append("(closed_at IS NULL OR closed_at >= ?)")
        values.append(_int64(filter.since_us))
    if filter.until_us is not None:
        parts.append("opened_at < ?")
        values.append(_int64(filter.until_us))
    if filter.subject:
        pattern = any(sign in filter.subject for sign in "*?[")
        if pattern:
            parts.append("(subject = ? OR subject GLOB ?)")
            values += [storable(filter.subject)] * 2
        else:
            parts.append("instr(lower(subject), lower(?)) > 0")
            values.append(storable(filter.subject))
    return " AND ".join(parts), values


def _int64(number: int) -> int:
    return max(-_INT64, min(number, _INT64))


def _anomaly(row: sqlite3.Row) -> Anomaly:
    values = {name: row[name] for name in (*_WATCHED, *_PEOPLES)}
    for name in _JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    for name in ("processes", "runs", "links", "notes"):
        values[name] = tuple(values[name])
    values["severity"] = Severity(values["severity"])
    values["state"] = AnomalyState(values["state"])
    return Anomaly(id=row["id"], **values)


# -- people


def acknowledge(c: sqlite3.Connection, id: int, by: str, now: int) -> Anomaly:
    """Somebody has seen it, as grave as it is now, and looks after it; the first one stays until it becomes worse.
    Raises AnomalyNotFound."""
    found = get(c, id)
    if not found.seen:
        link = {"at": now, "kind": ACKNOWLEDGED, "ref": storable(by), "severity": found.severity.word}
        c.execute(
            "UPDATE anomaly SET acknowledged_at = ?, acknowledged_by = ?, links = ?, rev = ? WHERE id = ?",
            (now, storable(by), json.dumps([*found.links, link]), _next_rev(c), id),
        )
    return get(c, id)


def note(c: sqlite3.Connection, id: int, by: str, text: str, now: int) -> Anomaly:
    """Raises AnomalyNotFound."""
    return _append(c, id, "notes", {"at": now, "by": storable(by), "text": storable(text)})


def link(c: sqlite3.Connection, id: int, link: Mapping[str, Any]) -> Anomaly:
    """What was done about it: {at, kind, ref, note}. Raises AnomalyNotFound."""
    return _append(c, id, "links", link)


def silence(c: sqlite3.Connection, id: int, until: int | None) -> Anomaly:
    """This episode notifies nobody until then; None ends that. Raises AnomalyNotFound."""
    get(c, id)
    c.execute("UPDATE anomaly SET silenced_until = ?, rev = ? WHERE id = ?", (until, _next_rev(c), id))
    return get(c, id)


def clear(c: sqlite3.Connection, filter: AnomalyFilter) -> int:
    """Delete the closed episodes that the filter lets through, whatever its page; returns how many."""
    where, values = _where(filter)
    return c.execute(f"DELETE FROM anomaly WHERE state = 'closed' AND {where}", values).rowcount


def close_by_hand(c: sqlite3.Connection, filter: AnomalyFilter, by: str, now: int) -> int:
    """Close the open ones that the filter lets through; returns how many. The monitor forgets them; a condition that
    still holds begins a new episode."""
    where, values = _where(filter)
    ids = [row[0] for row in c.execute(f"SELECT id FROM anomaly WHERE state IN {_OPEN} AND {where}", values).fetchall()]
    for id in ids:
        link(c, id, {"at": now, "kind": CLOSED_BY_HAND, "ref": storable(by), "note": ""})
        c.execute(
            """UPDATE anomaly SET state = 'closed', closed_at = max(?, began_at), closed_by = ?, unknown_since = NULL,
                   message = ? || message WHERE id = ?""",
            (now, storable(by), "closed by hand: ", id),
        )
    return len(ids)


def _append(c: sqlite3.Connection, id: int, column: str, entry: Mapping[str, Any]) -> Anomaly:
    entries = [*getattr(get(c, id), column), dict(entry)]
    c.execute(f"UPDATE anomaly SET {column} = ?, rev = ? WHERE id = ?", (json.dumps(entries), _next_rev(c), id))
    return get(c, id)
