"""What is said of an episode: its row, and all there is to know of it, as lines of cells. Pure and harmless."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rich.cells import cell_len

from opsconsole.anomalies import Anomaly, AnomalyState
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.actions import BY_ID
from opsconsole.tui.episodes import amount, gets_of, kind_words, subject_name, value_now, what, with_now
from opsconsole.tui.severities import GLYPHS, TONES
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.folding import in_lines
from opsconsole.tui.wording import age, duration, quantity, size, time_of_day

Line = Sequence[Cell]
WORDS = {4: "CRIT", 3: "HIGH", 2: "MED", 1: "LOW", 0: "info"}
_LABEL = 14
_LONG = 600
_SHOWN_PROCESSES = 6
_SERIES = {
    "cpu_high": "cpu", "cpu_spike": "cpu", "cpu_steal": "cpu_steal", "cpu_pressure": "pressure_cpu",
    "cpu_throttled": "cpu", "load_high": "load1", "memory_high": "memory", "memory_pressure": "pressure_memory_full",
    "swap_thrash": "swap_in", "oom_killed": "memory", "limit_killed": "memory",
    "disk_full": "disk:{}", "disk_fill_rate": "disk:{}",
    "inode_full": "inodes:{}", "io_pressure": "pressure_io_full", "drive_latency": "drive_latency:{}",
    "drive_saturated": "drive_busy:{}", "network_errors": "net_errors:{}", "fd_exhaustion": "open_files",
    "process_cpu_high": "cpu", "process_memory_high": "memory", "process_memory_leak": "memory",
    "zombie_processes": "zombies", "unusual": "{}", "run_stuck": "cpu", "run_unusual_duration": "cpu",
    "run_failure_rate": "cpu",
}  # fmt: skip
_OF_THE_HOST = frozenset({
    "cpu_throttled", "oom_killed", "limit_killed", "process_cpu_high", "process_memory_high", "process_memory_leak",
    "run_stuck", "run_unusual_duration", "run_failure_rate",
})  # fmt: skip
_CAPPED = frozenset({"cpu", "memory", "disk", "inodes", "drive_busy", "swap", "cpu_steal"})


class Plot(NamedTuple):
    """The recorded series that an episode is about."""

    series: str
    title: str
    """Harmless."""
    top: float
    """The value at the upper edge; 0: the largest one shown."""
    has_threshold: bool
    """The episode's threshold is in the series' unit."""
    unit: str = ""
    """Of the series, where it isn't the episode's."""


def plot_of(one: Anomaly) -> Plot | None:
    """None: nothing that is recorded belongs to this kind."""
    pattern = _SERIES.get(one.kind)
    if pattern is None or (pattern == "{}" and not one.subject):
        return None
    name = pattern.format(one.subject) if "{}" in pattern else pattern
    title = sanitise_name(name, limit=60)
    if one.kind in _OF_THE_HOST:
        title += " of the host"
    metric = name.partition(":")[0]
    capped = metric in _CAPPED or metric.startswith("pressure_")
    same = one.kind not in _OF_THE_HOST and (one.kind in _SAME_UNIT)
    from opsconsole.monitoring.analysis.compare import unit_of

    return Plot(name, title, 100.0 if capped and metric != "cpu_steal" else 0.0, same, unit_of(name))


_SAME_UNIT = frozenset({
    "cpu_high", "cpu_steal", "cpu_pressure", "memory_high", "memory_pressure", "disk_full", "inode_full",
    "io_pressure", "drive_latency", "drive_saturated", "zombie_processes",
})  # fmt: skip


def lasted_s(one: Anomaly, now: int) -> float:
    end = now if one.state.is_open else one.closed_at or one.last_at
    return max(0.0, (end - one.began_at) / 1e6)


def state_words(one: Anomaly, now: int) -> list[str]:
    """`open`, and what else is to be known at a glance."""
    said = [one.state.value]
    if one.unknown_since is not None and one.state.is_open:
        said.append("no data")
    if one.seen and one.state.is_open:
        said.append("seen")
    if (one.silenced_until or 0) > now:
        said.append("silenced")
    return said


_SIGNS = {"no data": "?", "silenced": "z"}
STATE_WIDTH = 9


def short_state(one: Anomaly, now: int) -> str:
    """The same in a column that cuts none of it: what is seen is open anyway."""
    state, *more = state_words(one, now)
    words = [{"flapping": "flaps"}.get(state, state), *(word for word in more if word not in _SIGNS)]
    if signs := "".join(_SIGNS.get(word, "") for word in more):
        words.append(signs)
    said = " ".join(words)
    return said if len(said) <= STATE_WIDTH else said.replace("flaps", "~").removeprefix("open ")


def cells(one: Anomaly, now: int, values: Mapping[str, float] | None = None) -> dict[str, Cell]:
    """An episode as a row: what is open is loud, what is over is quiet. `values`: the newest of `samples.series`."""
    alive = one.state.is_open
    tone = TONES[one.severity] if alive else "faint"
    text = {"alarm": "bad"}.get(tone, tone)
    said = short_state(one, now)
    quiet = "muted" if alive else "faint"
    return {
        "glyph": Cell(GLYPHS[one.severity] if alive else "○", tone),
        "severity": Cell(WORDS[one.severity], tone),
        "kind": Cell(kind_words(one.kind), "plain" if alive else "faint"),
        "what": Cell(what(subject_name(one), kind_words(one.kind), _LONG), "plain" if alive else "faint"),
        "state": Cell(said, quiet),
        "since": Cell(age(now - one.began_at), quiet),
        "lasted": Cell("" if alive else duration(lasted_s(one, now), ticking=True), quiet),
        "peak": Cell(amount(one, one.peak, narrow=True), quiet),
        "message": Cell("".join(with_now(one, values)), text),
    }


# -- all of one


def heading(one: Anomaly, now: int, values: Mapping[str, float] | None = None) -> Iterator[Line]:
    """Which one, and what it says; where it stands now."""
    tone = TONES[one.severity]
    text = {"alarm": "bad"}.get(tone, tone)
    name = sanitise_name(f"{one.kind} {one.subject}".strip(), limit=120)
    yield (
        Cell(f"{GLYPHS[one.severity]} {WORDS[one.severity]}", tone), Cell(f" {name}", "strong"),
        Cell(f"  #{one.id}  {', '.join(state_words(one, now))}", "muted"),
    )  # fmt: skip
    yield (Cell(sanitise_name(one.sentence, limit=_LONG) + with_now(one, values)[1], text),)


def facts(one: Anomaly, now: int, values: Mapping[str, float] | None = None) -> Iterator[Line]:
    def at(moment: int | None) -> str:
        return "" if moment is None else time_of_day(moment, now)

    began, opened = at(one.began_at), at(one.opened_at)
    yield from _fact("began", began if began == opened else f"{began}, opened {opened}")
    gets = gets_of(one) if one.state.is_open else ""
    peak = amount(one, one.peak) + (" wanted" if gets else "")
    yield from _fact("peak", f"{peak}, {at(one.peak_at)}" if one.peak_at is not None else peak)
    ended = "" if one.state.is_open else f"closed {at(one.closed_at or one.last_at)}, "
    yield from _fact("lasts" if one.state.is_open else "lasted", ended + duration(lasted_s(one, now), ticking=True))
    value = value_now(one, values)
    now_is = f"{amount(one, one.value if value is None else value)} now, " if one.state.is_open else ""
    if gets:
        now_is = f"wants {now_is.removesuffix(', ')} and gets {gets}, "
    yield from _fact("value", f"{now_is}{amount(one, one.mean)} on average")
    yield from _fact("threshold", amount(one, one.threshold))
    if one.state is AnomalyState.FLAPPING or one.flips:
        again = "1 recovery" if one.flips == 1 else f"{one.flips} recoveries"
        yield from _fact("comes and goes", f"{again} did not last", "warning")
    if one.unknown_since is not None:
        yield from _fact("no data", f"since {at(one.unknown_since)}", "warning")
    if one.acknowledged_at is not None:
        by = sanitise_name(one.acknowledged_by or "somebody", limit=60)
        known = one.seen_at
        when = f"by {by}, {at(one.acknowledged_at)}"
        if one.seen or known is None:
            yield from _fact("seen", when)
        else:
            now_is = "it is worse now" if one.state.is_open else "it became worse"
            yield from _fact("seen", f"{when}, when it was {WORDS[known]}: {now_is}", "warning")
    if one.silenced_until is not None and one.silenced_until > now:
        yield from _fact("silenced", f"until {at(one.silenced_until)}")
    for name, said in (one.details or {}).items():
        if name in _FOR_MACHINES:
            continue
        is_time = name == "start_time" and isinstance(said, int | float)
        text = at(int(said * 1e6)) if is_time else _plain(str(name), said)
        yield from _fact(sanitise_name(str(name), limit=24), sanitise_name(text, limit=_LONG))


_FOR_MACHINES = frozenset({"start_ticks", "gets_percent"})
"""What tells two processes of one number apart, and says nothing to people; and what is said with the value."""


def _fact(name: str, text: str, tone: str = "plain") -> Iterator[Line]:
    if text:
        yield Cell(f"{name:<{_LABEL}} ", "muted"), Cell(text, tone)


def _plain(name: str, value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if name.endswith("_bytes"):
            return size(value)
        return duration(float(value)) if name.endswith("_s") else quantity(value, "")
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(str(key), each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_plain(name, each) for each in value)
    return "" if value is None else str(value)


def company(one: Anomaly, runs: Sequence[str]) -> Iterator[Line]:
    """What the host was doing at the peak; `runs` are harmless names of what ran."""
    if one.processes:
        yield ()
        yield (Cell("Busy at the peak", "strong"),)
        yield (Cell(f"{'PID':>8} {'CPU%':>7} {'RSS':>9}  NAME", "faint"),)
    for each in one.processes[:_SHOWN_PROCESSES]:
        pid, name = sanitise_name(str(each.get("pid", "")), limit=8), sanitise_name(str(each.get("name", "")))
        figures = f"{_number(each.get('cpu_percent')):>7.1f} {size(_number(each.get('rss_bytes'))):>9}  "
        yield Cell(f"{pid:>8} ", "muted"), Cell(figures, "plain"), Cell(name, "plain")
    if runs:
        yield ()
        yield (Cell("Runs at the peak", "strong"),)
        for run in runs:
            yield (Cell(f"  {run}", "plain"),)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def said(one: Anomaly, now: int, harmless: Callable[[str], str]) -> Iterator[Line]:
    """What was done about it, what was noted, and what to do."""
    for title, entries in (("Done about it", one.done), ("Notes", one.notes)):
        if entries:
            yield ()
            yield (Cell(title, "strong"),)
        for each in entries:
            at = each.get("at")
            when = time_of_day(at, now) if isinstance(at, int) else str(at or "")
            words = [each.get(name) for name in ("by", "kind", "ref", "text", "note")]
            text = "  ".join(str(word) for word in words if word)
            yield Cell(f"  {sanitise_name(when, limit=40)}  ", "muted"), Cell(harmless(text), "plain")
    if todo := what_to_do(one):
        yield ()
        yield (Cell("What to do", "strong"),)
        yield Cell("  ", "plain"), Cell(todo, "plain")


def what_to_do(one: Anomaly) -> str:
    """At 3 a.m."""
    from opsconsole.monitoring.detection.kinds import KINDS

    kind = KINDS.get(one.kind)
    said = "" if kind is None else kind.what_to_do
    for command, place in _HERE.items():
        said = said.replace(command, place)
    return said


_HERE = {
    "(`opsconsole analyze`)": f"({BY_ID['analysis'].keys} on the Overview)",
    "(`opsconsole history --name …`)": f"({BY_ID['history'].keys}, History)",
}
"""What an operator who is in the console already does in place of a command."""


def wrapped(lines: Iterable[Line], width: int) -> Iterator[Line]:
    """Lines no wider than `width`: the last cell goes on below itself."""
    for line in lines:
        if not line or sum(cell_len(cell.text) for cell in line) <= width:
            yield line
            continue
        *before, last = line
        indent = sum(cell_len(cell.text) for cell in before)
        if indent > width // 2:
            yield from ([Cell(fit(cell.text, width), cell.tone)] for cell in line)
            continue
        parts = in_lines(last.text, max(8, width - indent)) or [""]
        for number, part in enumerate(parts):
            if not number:
                yield [*before, Cell(part, last.tone)]
            else:
                yield [Cell(" " * indent, "plain"), Cell(part, last.tone)]
