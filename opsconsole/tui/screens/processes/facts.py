"""What there is to say about one process, as lines. Pure; everything in it is harmless and without secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from opsconsole import wording
from opsconsole.safety.redaction.names import looks_secret
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.processes.listing import SORTS, Listing, Wish
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.fact_line import Phrase
from opsconsole.tui.wording import count_of, duration, size

if TYPE_CHECKING:
    from opsconsole.monitoring.sampling.selected import Limit, ProcessDetails

Line = tuple[Cell, ...]
_LABEL = 10
_LONGEST = 400
_STATES = {
    "R": "running", "S": "sleeping", "D": "waiting for I/O, no signal reaches it",
    "Z": "ended, not collected by its parent", "T": "stopped by a signal",
    "t": "stopped by a debugger", "I": "idle", "X": "ended",
}  # fmt: skip
_LIMITS = (
    "Max open files", "Max processes", "Max address space", "Max resident set", "Max locked memory",
    "Max core file size", "Max cpu time", "Max file size", "Max stack size",
)  # fmt: skip


def summary(
    listing: Listing, among: int, wish: Wish, tagged: int, *, frozen: bool, following: str = "", measured: bool = True
) -> list[Phrase]:
    """The line above the list, of what passes the filter `among` so many. `following`: who, harmless. `measured`:
    their CPU is known."""
    found, of_all = listing.found, f" of {among:,}" if wish.filter else ""
    named = "process" if (among if of_all else found) == 1 else "processes"
    phrases: list[Phrase] = [(Cell(f"{found:,}{of_all} {named}", "strong"),)]
    if frozen:
        phrases.append((Cell("frozen", "warning"),))
    if following:
        phrases.append((Cell("following", "muted"), Cell(following, "accent")))
    if tagged:
        phrases.append((Cell(f"{tagged} tagged", "accent"),))
    for letter, word in (("R", "running"), ("D", "waiting for I/O"), ("T", "stopped"), ("Z", "zombie")):
        if count := listing.states.get(letter, 0):
            word += "s" if letter == "Z" and count > 1 else ""
            phrases.append((Cell(f"{count:,} {word}", "plain" if letter in "DZ" else "muted"),))
    order = SORTS[wish.sort][2] + (", the other way round" if wish.reverse else "")
    if wish.sort == "cpu" and not measured:
        order = "memory until CPU is known"
    phrases.append((Cell(f"by {order}", "faint"),))
    return phrases


def state_of(letter: str) -> str:
    return _STATES.get(letter, sanitise_name(letter))


def facts(
    now: ProcessDetails, before: ProcessDetails | None, harmless: Callable[[str], str], now_s: float, run: str = ""
) -> list[Line]:
    """The lines. `before`: the look before at the same process, for rates; `harmless` takes secrets out of a text and
    makes it one line; `now_s`: seconds since the epoch; `run`: whose it is, of our own."""
    lines: list[Line] = [
        _fact("command", harmless(" ".join(now.cmdline)) if now.cmdline else f"[{sanitise_name(now.name)}]", "strong"),
        *([_fact("run", run, "accent")] if run else []),
        _fact("program", _known(now, "exe", now.exe)),
        _fact("folder", _known(now, "cwd", now.cwd)),
        _fact("began", f"{duration(max(0.0, now_s - now.start_time), ticking=True)} ago"),
        _fact("state", f"{state_of(now.state)}, {count_of(now.threads, 'thread')}, nice {now.nice}"),
        _fact("memory", _memory(now)),
        _fact("I/O", _transfer(now, before)),
        _fact("oom score", _known(now, "oom_score", now.oom_score)),
        _fact("cgroup", _known(now, "cgroup", now.cgroup or None)),
    ]
    of_these = f", {now.sockets_open:,} of them sockets" if now.sockets_open else ""
    lines += _list("Open files", _count(now, "open_files", now.open_files) + of_these, _files(now))
    lines += _list("Sockets", _count(now, "open_files", now.sockets_open), _sockets(now))
    lines += _list("Limits", _why(now, "limits"), [_limit(one) for one in _in_order(now.limits)])
    if now.threads > 1:
        lines += _list("Threads", _why(now, "threads") or f"{now.threads:,}", _threads(now))
    lines += _list(
        "Environment", _why(now, "environment") or f"{len(now.environment)}, without secrets",
        [_variable(name, value, harmless) for name, value in sorted(now.environment)],
    )  # fmt: skip
    return lines


def rate(now: ProcessDetails, before: ProcessDetails | None) -> float | None:
    """Bytes a second from and to storage since the look before; None: not known."""
    pair = _moved(now, before)
    return None if pair is None else sum(pair)


def _variable(name: str, value: str, harmless: Callable[[str], str]) -> Line:
    """What is secret by its name is not shown at all, however short it is."""
    shown = "[redacted]" if looks_secret(name) else harmless(f"{name}={value}").partition("=")[2]
    return (Cell(f"  {sanitise_name(name, limit=80)}=", "muted"), Cell(shown, "plain"))


def _threads(now: ProcessDetails) -> list[Line]:
    lines: list[Line] = [
        (
            Cell(f"{one.tid:>{_LABEL - 1}} ", "muted"),
            Cell(f"{duration(one.cpu_s, ticking=True):>7} {sanitise_name(one.state, limit=2)}  ", "muted"),
            Cell(sanitise_name(one.name, limit=60), "plain"),
        )
        for one in now.thread_list
    ]
    return lines + (_rest(now.threads - len(lines)) if lines else [])


def _fact(label: str, text: str, tone: str = "plain") -> Line:
    return (Cell(label.ljust(_LABEL), "muted"), Cell(text, tone))


def _list(title: str, note: str, lines: Iterable[Line]) -> list[Line]:
    return [(), (Cell(title, "strong"), Cell(f"  {note}", "muted")), *lines]


def _why(now: ProcessDetails, field: str) -> str:
    """Why it is not known; "": it is."""
    return sanitise_name(now.missing.get(field, ""))


def _known(now: ProcessDetails, field: str, value: object) -> str:
    if value is not None:
        return sanitise_name(str(value), limit=_LONGEST)
    why = _why(now, field)
    return f"– ({why})" if why else "–"


def _count(now: ProcessDetails, field: str, count: int | None) -> str:
    return _known(now, field, None) if count is None else f"{count:,}"


def _memory(now: ProcessDetails) -> str:
    if now.peak_rss_bytes is None:
        return _known(now, "peak_rss_bytes", None)
    swapped = f", {size(now.swap_bytes)} swapped out" if now.swap_bytes else ""
    return f"{size(now.peak_rss_bytes)} at its peak{swapped}"


def _transfer(now: ProcessDetails, before: ProcessDetails | None) -> str:
    if now.read_bytes is None or now.written_bytes is None:
        return _known(now, "read_bytes", None)
    total = f"{size(now.read_bytes)} read, {size(now.written_bytes)} written so far"
    pair = _moved(now, before)
    return total if pair is None else f"{wording.rate(pair[0])} read, {wording.rate(pair[1])} written; {total}"


def _moved(now: ProcessDetails, before: ProcessDetails | None) -> tuple[float, float] | None:
    """Read and written a second."""
    if now.read_bytes is None or now.written_bytes is None:
        return None
    if before is None or before.read_bytes is None or before.written_bytes is None:
        return None
    seconds = now.monotonic_s - before.monotonic_s
    if seconds <= 0:
        return None
    read, written = now.read_bytes - before.read_bytes, now.written_bytes - before.written_bytes
    return max(0, read) / seconds, max(0, written) / seconds


def _files(now: ProcessDetails) -> list[Line]:
    lines: list[Line] = [
        (Cell(f"{one.descriptor:>{_LABEL - 1}} ", "muted"), Cell(sanitise_name(one.name, limit=_LONGEST), "plain"))
        for one in now.files
    ]
    return lines + _rest((now.open_files or 0) - (now.sockets_open or 0) - len(lines))


def _sockets(now: ProcessDetails) -> list[Line]:
    lines: list[Line] = []
    for one in now.sockets:
        ends = " → ".join(sanitise_name(end) for end in (one.local, one.remote) if end)
        state = f"  {sanitise_name(one.state)}" if one.state else ""
        lines.append((Cell(f"{one.kind:>{_LABEL - 1}} ", "muted"), Cell(f"{ends or '–'}{state}", "plain")))
    return lines + _rest((now.sockets_open or 0) - len(lines))


def _rest(count: int) -> list[Line]:
    return [(Cell(f"{'':>{_LABEL}}… and {count:,} more", "faint"),)] if count > 0 else []


def _in_order(limits: Iterable[Limit]) -> list[Limit]:
    """Those that are met first, first."""
    place = {name: at for at, name in enumerate(_LIMITS)}
    return sorted(limits, key=lambda one: place.get(one.name, len(place)))


def _limit(one: Limit) -> Line:
    def put(value: int | None) -> str:
        return "unlimited" if value is None else size(value) if one.unit == "bytes" else f"{value:,}"

    words = f"{put(one.soft)}" + ("" if one.hard == one.soft else f", up to {put(one.hard)}")
    unit = f" {sanitise_name(one.unit)}" if one.unit not in ("", "bytes") and one.soft is not None else ""
    label = sanitise_name(one.name.removeprefix("Max "))
    return (Cell(f"  {label:<20}", "muted"), Cell(words + unit, "plain"))
