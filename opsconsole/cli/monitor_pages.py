"""`opsconsole monitor process PID` and `monitor history SERIES`: one thing, closely."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from opsconsole import host
from opsconsole.cli import diagnostics, output, wording
from opsconsole.cli.table import Column, render
from opsconsole.errors import UsageError
from opsconsole.models import rfc3339

if TYPE_CHECKING:
    from opsconsole.monitoring.sampling.selected import ProcessDetails
    from opsconsole.monitoring.station import Station

_BETWEEN_S = 0.5
_POINTS = 60
_LISTED = 20


def process(pid_text: str | None, *, json: bool) -> int:
    """Two looks at one process, for the rates of its I/O. Raises UsageError."""
    from opsconsole.monitoring.sampling.selected import details

    if not (pid_text or "").isdigit():
        raise UsageError("which process?", hint="opsconsole monitor process PID")
    pid = int(pid_text or 0)
    started = host.start_time(pid)
    first = details(pid, started) if started is not None else None
    if first is None:
        raise UsageError(f"there is no process {pid}", hint="it may have ended")
    time.sleep(_BETWEEN_S)
    second = details(pid, first.start_ticks) or first
    found = _facts(first, second)
    if json:
        output.ndjson([found])
        return 0
    output.text("".join(_lines(found)))
    return 0


def _facts(first: ProcessDetails, second: ProcessDetails) -> dict[str, Any]:
    """Without the values of its environment, and without secrets in its command line."""
    from opsconsole.cli.diagnostics import own_redaction

    seconds = second.monotonic_s - first.monotonic_s

    def rate(before: int | None, after: int | None) -> float | None:
        return None if before is None or after is None or seconds <= 0 else (after - before) / seconds

    found = {**asdict(second), "environment": sorted(name for name, _ in second.environment)}
    found["cmdline"] = own_redaction().text(" ".join(second.cmdline))
    found["started_at"] = rfc3339(int(second.start_time * 1e6))
    found["read_bps"] = rate(first.read_bytes, second.read_bytes)
    found["write_bps"] = rate(first.written_bytes, second.written_bytes)
    return found


def _lines(found: dict[str, Any]) -> Iterable[str]:
    sizes = ("read_bytes", "written_bytes", "peak_rss_bytes", "swap_bytes", "read_bps", "write_bps")
    told = ("Max open files", "Max processes")  # the others seldom matter; --json has all
    found = {**found, "limits": [one for one in found["limits"] if one["name"] in told]}
    for name, value in found.items():
        if value in (None, "", [], {}, ()) or name in ("monotonic_s", "start_ticks", "start_time", "missing"):
            continue
        if name in ("files", "sockets", "limits"):
            yield f"{name}\n"
            for entry in value[:_LISTED]:
                yield diagnostics.harmless("  " + "  ".join(str(part) for part in entry.values() if part != "")) + "\n"
            if len(value) > _LISTED:
                yield f"  … and {len(value) - _LISTED} more\n"
            continue
        put = wording.rate if name.endswith("_bps") else wording.size
        shown = put(value) if name in sizes else ", ".join(value) if isinstance(value, list) else str(value)
        yield diagnostics.harmless(f"{name.removesuffix('_bytes').replace('_', ' '):<16}{shown}") + "\n"
    for name, why in found["missing"].items():
        yield diagnostics.harmless(f"{name.replace('_', ' '):<16}not known: {why}") + "\n"


def history(station: Station, name: str | None, since: str, *, json: bool) -> int:
    """A recorded series, or their names. Raises UsageError, StorageError."""
    now = station.now()
    names = station.store().names()
    if name is None:
        output.text("".join(diagnostics.harmless(one) + "\n" for one in sorted(names)))
        return 0
    if name not in names:
        raise UsageError(f"there is no series {name!r}", hint="`opsconsole monitor history` lists them")
    begin = wording.parse_moment(since, now)
    points = station.graph(name, begin, now, _POINTS if not json else 10 * _POINTS)
    if json:
        output.ndjson(
            {"time": rfc3339(one.time_us), "n": one.n, "min": one.min, "max": one.max, "mean": one.mean}
            for one in points
            if one is not None
        )
        return 0
    columns = (Column("TIME"), Column("MEAN", right=True), Column("MIN", right=True), Column("MAX", right=True))
    rows = [
        [wording.moment(one.time_us), f"{one.mean:.4g}", f"{one.min:.4g}", f"{one.max:.4g}"]
        for one in points
        if one is not None
    ]
    output.text(render(columns, list(rows), output.stdout.columns()))
    gaps = sum(one is None for one in points)
    if gaps:
        diagnostics.tell(f"{gaps} of {len(points)} intervals have no sample: nobody watched then")
    return 0
