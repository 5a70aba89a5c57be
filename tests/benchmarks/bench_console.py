"""The full-screen console in a pseudo-terminal, against what people use today, in the same run.

`python -m tests.benchmarks console [launch idle memory keys processes history quit]`. Peers are taken where they are
found: posting (`POSTING=/path/to/posting`, else in PATH), htop, btop.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.benchmarks.rounds import folder
from tests.benchmarks.terminal import Terminal

_CONSOLE = (sys.executable, "-m", "opsconsole")
_ROUNDS = 7
_IDLE_S = 20.0
_SETTLE_S = 6.0
_VISIT_S = 3.0
_PRESSES = 120


os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@cache
def _bytecode() -> str:
    """One folder for all parts. Peers are installed and have their bytecode; so has a console that is: compiling every
    module at every start would be measured else, and the memory that takes."""
    return str(folder())


def console_environ(state: Path, **more: str) -> dict[str, str]:
    return {
        "OPSCONSOLE_STATE_DIR": str(state), "OPSCONSOLE_CONFIG": os.devnull, "COLORTERM": "truecolor",
        "PYTHONPYCACHEPREFIX": _bytecode(), **more,
    }  # fmt: skip


def headless(environ: dict[str, str], *arguments: str) -> None:
    """A command of ours on the same state."""
    subprocess.run([*_CONSOLE, *arguments], env={**os.environ, **environ}, check=True, stdout=subprocess.DEVNULL)


def peer(name: str) -> str | None:
    found = os.environ.get(name.upper()) or shutil.which(name)
    if found is None:
        print(f"{name} is not here: left out")
    return found


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


# -- launch


def launch() -> None:
    """To the first frame with real figures of the host; posting: with its panes."""
    state = folder()
    ours, theirs = [], []
    posting = peer("posting")
    for _ in range(_ROUNDS):
        if posting:
            with Terminal([posting, "--collection", str(folder())], environ={"COLORTERM": "truecolor"}) as other:
                theirs.append(other.until("Collection", "Response"))
        with Terminal(_CONSOLE, environ=console_environ(state)) as mine:
            ours.append(mine.until("opsconsole", "CPU", "Memory", " %"))
    median, against = statistics.median(ours), ""
    if theirs:
        other_s = statistics.median(theirs)
        against = f"; posting {other_s:.3f} s, ratio {median / other_s:.2f}"
    print(f"launch to first useful frame: {median:.3f} s (best {min(ours):.3f}){against}; targets 0.5 s, 0.6")


# -- idle


@contextmanager
def sleepers(count: int) -> Iterator[None]:
    """So many processes more that do nothing."""
    code = f"import os, signal\nfor _ in range({count}):\n    if os.fork() == 0: signal.pause()\nsignal.pause()"
    parent = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    try:
        time.sleep(1.0 + count / 1000)
        yield
    finally:
        os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()


def measured(what: str, argv: tuple[str, ...], environ: dict[str, str], keys: str = "") -> tuple[float, float, float]:
    """CPU in percent of a core, bytes a second, RSS in MB."""
    with Terminal(argv, environ=environ) as one:
        one.pump(_SETTLE_S)
        if keys:
            one.type(keys)
            one.pump(_SETTLE_S)
        cpu, at = one.cpu_s(), time.monotonic()
        sent = one.pump(_IDLE_S)
        took = time.monotonic() - at
        share, rss = 100 * (one.cpu_s() - cpu) / took, one.rss_bytes() / 1e6
        print(f"  {what}: {share:.2f} % of a core, {sent / took / 1000:.2f} kB/s, RSS {rss:.0f} MB", flush=True)
        return share, sent / took, rss


def idle() -> None:
    """The Overview at 1 Hz, with 300 processes on the host."""
    with sleepers(max(0, 300 - len([one for one in os.listdir("/proc") if one.isdigit()]))):
        colours = {"COLORTERM": "truecolor"}
        htop = peer("htop")
        against = measured("htop -d 10", (htop, "-d", "10"), colours) if htop else None
        ours = measured("opsconsole, Overview", _CONSOLE, console_environ(folder()))
        if btop := peer("btop"):
            measured("btop", (btop,), {**colours, "LANG": "C.UTF-8"})
        if against:
            print(f"idle CPU ratio to htop {ours[0] / max(0.01, against[0]):.2f}; target 1.0, RSS 70 MB, 8 kB/s")


def memory() -> None:
    """RSS fresh on the Overview, in each mode, back on the Overview, and with 2,000 processes on the host."""
    environ = console_environ(folder())
    with Terminal(_CONSOLE, environ=environ) as once:  # so that all has its bytecode
        once.pump(_SETTLE_S)
        _visit(once)
    for count in (0, 2000):
        with sleepers(count), Terminal(_CONSOLE, environ=environ) as one:
            one.pump(_SETTLE_S)
            fresh = one.rss_bytes() / 1e6
            steps = _visit(one)
            one.pump(_IDLE_S)
            back = one.rss_bytes() / 1e6
            said = f"RSS fresh {fresh:.0f} MB (target 70), {steps}, after {_IDLE_S:.0f} s on 1 {back:.0f} MB"
            print(f"  {count} processes more: {said}", flush=True)


def _visit(one: Terminal) -> str:
    """All modes by their keys; RSS in each."""
    found = []
    for key in "2345671":
        one.type(key)
        one.pump(_VISIT_S)
        found.append(f"{key}: {one.rss_bytes() / 1e6:.0f}")
    return ", ".join(found)


# -- keys


def keys() -> None:
    """From a key to the first byte, while four runs print as fast as they can."""
    environ = console_environ(folder())
    for _ in range(4):
        headless(
            environ, "--detach", "-c", "yes 'a line as long as lines are'", "--timeout", "120", "--limit", "output=64M"
        )
    with Terminal(_CONSOLE, environ={**environ, "OPSCONSOLE_CONSOLE__START": "tasks"}) as one:
        one.pump(_SETTLE_S)
        took = [one.press("jk"[at % 2]) for at in range(_PRESSES)]
        print(
            f"key to first byte, four runs printing: p50 {percentile(took, 0.5) * 1000:.0f} ms, "
            f"p95 {percentile(took, 0.95) * 1000:.0f} ms; target p95 50 ms"
        )
    headless(environ, "queue", "cancel", "1", "2", "3", "4")


# -- processes


def processes() -> None:
    """Mode 3 with 2,000 processes: what a second costs, and scrolling."""
    with sleepers(2000 - len([one for one in os.listdir("/proc") if one.isdigit()])):
        environ = {
            **console_environ(folder()),
            "OPSCONSOLE_CONSOLE__START": "processes",
            "OPSCONSOLE_MONITOR__AUTOSTART": "false",
        }
        with Terminal(_CONSOLE, environ=environ) as one:
            one.pump(_SETTLE_S)
            cpu = one.cpu_s()
            one.pump(_IDLE_S)
            tick = (one.cpu_s() - cpu) / _IDLE_S
            took = [one.press("\x1b[6~" if at % 8 < 4 else "\x1b[5~") for at in range(_PRESSES)]
            print(
                f"2,000 processes: {tick * 1000:.0f} ms of CPU a second (target 60), page p50 "
                f"{percentile(took, 0.5) * 1000:.0f} ms, p95 {percentile(took, 0.95) * 1000:.0f} ms (target 50)"
            )


# -- history


def history() -> None:
    """Mode 6 over 100,000 runs, and a run that printed 1 GB: from the key to what it shows."""
    from opsconsole.paths import StatePaths
    from tests.benchmarks.bench_history import TASKS, fill

    state = folder()
    state.chmod(0o700)
    fill(StatePaths(state).prepare().database, TASKS)
    environ = {**console_environ(state), "OPSCONSOLE_MONITOR__AUTOSTART": "false"}
    headless(environ, "--limit", "output=2G", "-c", "yes 'a line as long as lines are, and some more' | head -c 1G")
    with Terminal(_CONSOLE, environ=environ) as one:
        one.pump(_SETTLE_S)
        print(f"  open: {1000 * one.shows('6', 'History', '100,0'):.0f} ms")
        one.pump(1.0)
        print(f"  last row (End): {1000 * one.shows('G', 'row 100,0'):.0f} ms")
        one.type("g")
        one.pump(1.0)
        took = [one.press("\x1b[6~") for _ in range(60)]
        print(f"  a page down: p50 {percentile(took, 0.5) * 1000:.0f} ms, p95 {percentile(took, 0.95) * 1000:.0f} ms")
        one.type("g/")
        one.pump(1.0)
        print(f"  filter, rare word: {1000 * one.shows('certificate', ' of 100,0'):.0f} ms")
        one.type("\x1b")
        one.pump(1.0)
        one.type("\x1bg2")
        one.pump(1.5)
        one.type("\r")
        one.pump(1.5)
        took = [one.press("kj"[at % 2]) for at in range(40)]
        print(f"  1 GB of output: a line up and down p95 {percentile(took, 0.95) * 1000:.0f} ms; target 100 ms each")


# -- leaving


def quit() -> None:
    """From the key or the signal to the end, with a run going on."""
    for what in ("q", "SIGHUP", "SIGTERM"):
        took = []
        for _ in range(5):
            state = folder()
            environ = console_environ(state)
            headless(environ, "--detach", "-c", "sleep 30")
            with Terminal(_CONSOLE, environ=environ) as one:
                one.until("opsconsole", "CPU")
                one.pump(1.5)
                at = time.monotonic()
                if what == "q":
                    one.type("q")
                    one.pump(0.3)
                    one.type("l")
                    at = time.monotonic()
                else:
                    os.kill(one.pid, getattr(signal, what))
                while one.alive and time.monotonic() - at < 10:
                    one.read(0.01)
                took.append(time.monotonic() - at)
                restored = b"\x1b[?1049l" in one.received
            headless(environ, "queue", "cancel", "1")
        median = statistics.median(took)
        print(f"leaving by {what}: {median:.2f} s, worst {max(took):.2f} s, restored: {restored}; target 0.5 s")


PARTS: dict[str, Callable[[], None]] = {
    "launch": launch, "idle": idle, "memory": memory, "keys": keys, "processes": processes, "history": history,
    "quit": quit,
}  # fmt: skip


def main() -> None:
    for name in os.environ.get("PARTS", " ".join(PARTS)).split():
        print(f"-- {name}: {(PARTS[name].__doc__ or '').splitlines()[0]}", flush=True)
        PARTS[name]()


if __name__ == "__main__":
    main()
