"""The lines of `opsconsole monitor`: like vmstat's, with what vmstat lacks: waiting, and what is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from opsconsole.anomalies import Anomaly, Change, Severity, Transition
from opsconsole.checkup.monitoring import status
from opsconsole.cli import diagnostics, output, wording
from opsconsole.cli.table import Cell, Column, render
from opsconsole.events import SampleTaken
from opsconsole.monitoring import live
from opsconsole.samples import Sample

if TYPE_CHECKING:
    from opsconsole.engine import Engine

__all__ = ["View", "exposition", "line", "status"]

_TITLES_EVERY = 20
_COLOURS = {Severity.CRITICAL: "1;31", Severity.HIGH: "31", Severity.MEDIUM: "33", Severity.LOW: "36"}
_NAMING = {"cpu_high": "busiest", "cpu_spike": "busiest", "memory_high": "largest", "memory_pressure": "largest"}
"""Kinds of the host of which the line names the first process."""
_HEAD = (
    f"{'TIME':<8} {'CPU%':>5} {'LOAD':>6} {'MEM%':>5} {'SWAP%':>5} "
    f"{'WAIT%: CPU':>10} {'MEM':>4} {'I/O':>4} {'READ/s':>8} {'WRITE/s':>8} {'RX/s':>8} {'TX/s':>8}\n"
)


class View:
    """Writes what comes, in the form that was asked for."""

    def __init__(self, options: argparse.Namespace, colours: bool) -> None:
        self._options = options
        self._colours = colours
        self._lines = 0
        self._said: set[str] = set()

    def sample(self, taken: SampleTaken, engine: Engine) -> None:
        """Raises ReaderGone, ConsoleError."""
        options = self._options
        if options.once and taken.sample.interval_s is None:
            return  # rates need two looks
        if options.json:
            output.ndjson([live.sample_object(taken, options.top, diagnostics.own_redaction().text)])
        elif options.prometheus:
            output.text(exposition(taken, engine))
        else:
            if self._lines % _TITLES_EVERY == 0:
                output.text(_HEAD)
            self._lines += 1
            output.text(line(taken.sample) + "\n")
            if options.top and taken.sample.interval_s is not None:  # who is busy takes two looks to tell
                output.text(_busiest(taken, options.top))
            self._notes(taken.sample)

    def anomaly(self, transition: Transition) -> None:
        """On a line of its own; with --json and --prometheus on stderr, where messages belong."""
        anomaly = transition.anomaly
        what = {Change.OPENED: "opened", Change.CLOSED: "closed"}.get(transition.change, transition.what or "changed")
        text = f"{anomaly.severity.glyph} {anomaly.severity.word} {anomaly.kind} {what}: {anomaly.message}"
        if anomaly.duration_s is not None:
            text += f" (lasted {wording.long_duration(anomaly.duration_s, whole=True)})"
        if transition.change is Change.OPENED and anomaly.processes and anomaly.kind in _NAMING:
            text += f"; {_NAMING[anomaly.kind]} {_first(anomaly)}"
        at = {Change.OPENED: anomaly.opened_at, Change.CLOSED: anomaly.closed_at}.get(transition.change)
        text = diagnostics.harmless(f"{wording.moment(at or anomaly.last_at)}  {text}")
        if self._options.json or self._options.prometheus:
            diagnostics.tell(text)
            return
        colour = _COLOURS.get(anomaly.severity, "") if self._colours else ""
        output.text(f"\x1b[{colour}m{text}\x1b[0m\n" if colour else text + "\n")

    def _notes(self, sample: Sample) -> None:
        for note in (*sample.notes, *([f"a gap before this: {sample.gap}"] if sample.gap else [])):
            if note not in self._said or sample.gap:
                self._said.add(note)
                diagnostics.tell(note)


def _first(anomaly: Anomaly) -> str:
    """`python3[814] (97 % of a core)`, `java[77] (2.9 GiB)`."""
    one = anomaly.processes[0]
    by_size = anomaly.kind.startswith("memory")
    share = wording.size(one["rss_bytes"]) if by_size else f"{one['cpu_percent']:.0f} % of a core"
    return f"{one['name']}[{one['pid']}] ({share})"


def line(sample: Sample) -> str:
    """One sample in 100 columns; what is not known is a dash."""
    pressure = sample.pressure
    waits = (pressure.cpu_some, pressure.memory_some, pressure.io_some) if pressure else (None, None, None)
    reads = _sum(drive.read_bps for drive in sample.drives)
    writes = _sum(drive.write_bps for drive in sample.drives)
    real = [one for one in sample.interfaces if one.name != "lo"]
    clock = (wording.moment(sample.time_us) or "").split(" ")[-1].split("T")[-1][:8]
    return (
        f"{clock:<8} {_share(sample.cpu.percent, 5)} {sample.load[0]:>6.2f} {_share(sample.memory.percent, 5)} "
        f"{_share(sample.swap.percent, 5)} {_share(waits[0], 10)} {_share(waits[1], 4)} {_share(waits[2], 4)} "
        f"{_rate(reads)} {_rate(writes)} {_rate(_sum(one.rx_bps for one in real))} "
        f"{_rate(_sum(one.tx_bps for one in real))}"
    )


def _busiest(taken: SampleTaken, count: int) -> str:
    columns = (
        Column("PID", right=True), Column("USER", yields=True), Column("CPU%", right=True),
        Column("RSS", right=True), Column("NAME", yields=True),
    )  # fmt: skip
    rows: list[list[str | Cell]] = [
        [
            str(one.pid), diagnostics.harmless(one.user or str(one.uid)), f"{one.cpu_percent:.1f}",
            wording.size(one.rss_bytes), diagnostics.harmless(one.cmdline or one.name),
        ]
        for one in live.busiest(taken.processes, count)
    ]  # fmt: skip
    return render(columns, rows, output.stdout.columns())


def exposition(taken: SampleTaken | None, engine: Engine) -> str:
    """The text that Prometheus reads: the host, its anomalies, the tasks of this state directory."""
    from opsconsole.monitoring.export import prometheus

    if taken is None:
        return prometheus.exposition(None)
    counts = {status.value: count for status, count in engine.counts().items()}
    return prometheus.exposition(taken.sample, taken.processes, engine.monitoring.open_anomalies(), counts)


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _share(value: float | None, width: int) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:>{width}.0f}"


def _rate(value: float | None) -> str:
    return f"{'-' if value is None else wording.size(value):>8}"
