"""How the command line shows anomalies and their kinds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.cli import output, wording
from opsconsole.cli.diagnostics import harmless
from opsconsole.cli.table import Cell, Column, render

if TYPE_CHECKING:
    from opsconsole.monitoring.detection.thresholds import Threshold, Thresholds
    from opsconsole.storage.anomalies import AnomalyCounts

_COLOURS = {Severity.CRITICAL: "1;31", Severity.HIGH: "31", Severity.MEDIUM: "33", Severity.LOW: "36"}
_WIDTH = 14


def _coloured(severity: Severity) -> Cell:
    return Cell(severity.word, _COLOURS.get(severity, "") if output.stdout.colours else "")


def _state(anomaly: Anomaly, now: int) -> str:
    """`open`, with what else is to be known at a glance: acknowledged, silenced, no data."""
    said = [anomaly.state.value]
    if anomaly.state.is_open:
        if anomaly.unknown_since is not None:
            said.append("no data")
        if anomaly.seen:
            said.append("ack")
        if (anomaly.silenced_until or 0) > now:
            said.append("silent")
    return ", ".join(said)


def _lasted(anomaly: Anomaly, now: int) -> float:
    return max(0, (now if anomaly.closed_at is None else anomaly.closed_at) - anomaly.began_at) / 1e6


def table(found: Iterable[Anomaly], now: int) -> str:
    columns = (
        Column("ID", right=True), Column("SEVERITY"), Column("STATE"), Column("KIND"), Column("OPENED"),
        Column("LASTED", right=True), Column("SUBJECT", yields=True), Column("MESSAGE", yields=True, least=20),
    )  # fmt: skip
    rows: list[list[str | Cell]] = [
        [
            str(one.id), _coloured(one.severity), _state(one, now), harmless(one.kind), wording.moment(one.opened_at),
            wording.duration(_lasted(one, now)), harmless(one.subject), harmless(one.message),
        ]
        for one in found
    ]  # fmt: skip
    return render(columns, rows, output.stdout.columns())


def counts(counted: AnomalyCounts) -> str:
    lines = {"anomalies": counted.total, "open": counted.open}
    text = "".join(f"{name:<24}{count:>8}\n" for name, count in lines.items())
    for title, each in (("by severity", counted.by_severity), ("by kind", counted.by_kind)):
        text += f"\n{title}\n" + "".join(f"  {harmless(name):<22}{count:>8}\n" for name, count in each.items())
    return text


# -- one


def page(anomaly: Anomaly, now: int) -> str:
    """All of one, for people."""
    from opsconsole.monitoring.detection.kinds import KINDS

    kind = KINDS.get(anomaly.kind)
    title = f"{anomaly.id}  {anomaly.kind}  {anomaly.severity.word}, {_state(anomaly, now)}"
    parts = [harmless(title), harmless(anomaly.message), ""]
    parts += [f"{name:<{_WIDTH}}{harmless(text)}" for name, text in _facts(anomaly, now) if text]
    parts += _around(anomaly)
    if kind is not None:
        parts += ["", f"{'what to do':<{_WIDTH}}{kind.what_to_do}"]
    return "\n".join(parts) + "\n"


def _facts(anomaly: Anomaly, now: int) -> Iterator[tuple[str, str]]:
    def amount(value: float | None) -> str:
        return "" if value is None else _amount(anomaly, value)

    yield "subject", anomaly.subject
    yield "host", anomaly.host
    yield "began", wording.moment(anomaly.began_at)
    yield "opened", wording.moment(anomaly.opened_at)
    yield "peak", f"{amount(anomaly.peak)}, {wording.moment(anomaly.peak_at)}".rstrip(", ")
    yield "last held", wording.moment(anomaly.last_at)
    yield "no data since", wording.moment(anomaly.unknown_since)
    yield "closed", wording.moment(anomaly.closed_at)
    yield "lasted" if anomaly.closed_at is not None else "lasts", wording.duration(_lasted(anomaly, now))
    yield "value", amount(anomaly.value)
    yield "mean", f"{amount(anomaly.mean)} of {anomaly.count} samples"
    yield "threshold", amount(anomaly.threshold)
    yield "recoveries", f"{anomaly.flips}, did not last" if anomaly.state is AnomalyState.FLAPPING else ""
    if anomaly.acknowledged_at is not None:
        worse = "" if anomaly.seen or anomaly.seen_at is None else f", at {anomaly.seen_at.word}: it became worse"
        yield "acknowledged", f"{wording.moment(anomaly.acknowledged_at)} by {anomaly.acknowledged_by}{worse}"
    yield "silenced until", wording.moment(anomaly.silenced_until)
    for name, value in (anomaly.details or {}).items():
        yield name, _plain(name, value)


def _plain(name: str, value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if name.endswith("_bytes"):
            return wording.size(value)
        return wording.duration(value) if name.endswith("_s") else f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(str(key), each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_plain(name, each) for each in value)
    return "" if value is None else str(value)


def _amount(anomaly: Anomaly, value: float) -> str:
    from opsconsole.monitoring.detection import messages
    from opsconsole.monitoring.detection.kinds import KINDS

    kind = KINDS.get(anomaly.kind)
    return wording.quantity(value, anomaly.unit) if kind is None else messages.amount(kind, value)


def _around(anomaly: Anomaly) -> Iterator[str]:
    """Who was there at the peak, what was done and said."""
    if anomaly.processes:
        yield ""
        yield "at the peak"
        columns = (Column("PID", right=True), Column("CPU", right=True), Column("MEMORY", right=True), Column("NAME"))
        rows = [
            [
                str(one.get("pid", "")),
                f"{one.get('cpu_percent') or 0:.0f} %",
                wording.size(one.get("rss_bytes") or 0),
                harmless(str(one.get("name", ""))),
            ]
            for one in anomaly.processes
        ]
        yield render(columns, rows, output.stdout.columns()).rstrip("\n")
    if anomaly.runs:
        yield ""
        yield f"{'runs':<{_WIDTH}}{harmless(', '.join(anomaly.runs))}"
    for title, entries in (("done about it", anomaly.done), ("notes", anomaly.notes)):
        if entries:
            yield ""
            yield title
            for one in entries:
                words = [one.get("by"), one.get("text")] if title == "notes" else [one.get("kind"), one.get("ref")]
                at = one.get("at")
                yield harmless(
                    "  "
                    + "  ".join(
                        str(word)
                        for word in (wording.moment(at) if isinstance(at, int) else at, *words, one.get("note"))
                        if word
                    )
                )


# -- kinds


def _levels(threshold: Threshold) -> str:
    from opsconsole.monitoring.detection import messages

    if not threshold.enabled:
        return "off"
    side = messages.side(threshold.kind)
    return ", ".join(
        f"{severity.word} {side} {messages.amount(threshold.kind, level)}" for severity, level in threshold.levels
    )


def kinds_table(thresholds: Thresholds, names: Iterable[str]) -> str:
    """A row for each kind, and for each subject that the settings treat differently."""
    from opsconsole.monitoring.detection import messages

    columns = (
        Column("KIND"), Column("OF"), Column("BEGINS", yields=True, least=24), Column("FOR", right=True),
        Column("OVER AT", right=True), Column("FOR", right=True), Column("TELLS"),
    )  # fmt: skip
    rows: list[list[str | Cell]] = []
    for name in names:
        for pattern, one in [(None, thresholds.general(name)), *thresholds.special(name).items()]:
            rows.append(
                [
                    name if pattern is None else "",
                    one.kind.subject if pattern is None else harmless(pattern),
                    _levels(one),
                    wording.long_duration(one.for_s),
                    messages.amount(one.kind, one.clear),
                    wording.long_duration(one.clear_for_s),
                    "yes" if one.kind.pages else "no",
                ]
            )
    return render(columns, rows, output.stdout.columns())


def kind_page(thresholds: Thresholds, name: str) -> str:
    """One kind: what it means, what is in force, how it is set."""
    from opsconsole.monitoring.detection import messages
    from opsconsole.monitoring.detection.thresholds import KEYS, parse

    def line(title: str, text: str) -> str:
        return f"{title:<{_WIDTH}}{text}\n"

    def force(one: Threshold) -> str:
        if not one.enabled:
            return "off"
        return (
            f"{_levels(one)}, for {wording.long_duration(one.for_s)}; over at {messages.amount(one.kind, one.clear)} "
            f"for {wording.long_duration(one.clear_for_s)}"
        )

    now, default = thresholds.general(name), parse().general(name)
    kind = now.kind
    text = f"{name}  {kind.title} ({kind.category}, of a {kind.subject})\n\n"
    text += line("in force", force(now))
    for pattern, one in thresholds.special(name).items():
        text += line(f"  {harmless(pattern)}", force(one))
    text += line("default", force(default)) + line("unit", kind.unit)
    text += line("tells", "yes, by itself" if kind.pages else "nobody by itself")
    if kind.inhibited_by:
        text += line("follows from", ", ".join(kind.inhibited_by))
    text += line("what to do", kind.what_to_do)
    text += line("settings", f"[monitor.thresholds.{name}] {', '.join(KEYS)}")
    return text + line("", f'[monitor.thresholds.{name}.on."PATTERN"] the same for one {kind.subject}, or a host')


def kind_object(thresholds: Thresholds, name: str) -> dict[str, Any]:
    """The object of `anomalies kinds --json`."""

    def force(one: Threshold) -> dict[str, Any]:
        return {
            "enabled": one.enabled,
            "levels": {severity.word: level for severity, level in one.levels},
            "clear": one.clear,
            "for_s": one.for_s,
            "clear_for_s": one.clear_for_s,
        }

    kind = thresholds.general(name).kind
    return {
        "kind": name, "title": kind.title, "category": kind.category, "unit": kind.unit, "subject": kind.subject,
        "below": kind.below, "pages": kind.pages, "inhibited_by": list(kind.inhibited_by),
        "what_to_do": kind.what_to_do, **force(thresholds.general(name)),
        "on": {pattern: force(one) for pattern, one in thresholds.special(name).items()},
    }  # fmt: skip
