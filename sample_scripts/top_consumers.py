#!/usr/bin/env python3
# Show what uses most CPU and memory now, and what changed since the last run.
# Usage: top_consumers.py [SAMPLES [SECONDS]]
"""Show what uses most CPU and memory now, and what changed since the last run.

Each sample adds a line of JSON to ${XDG_STATE_HOME:-~/.local/state}/opsconsole-samples/top_consumers.jsonl;
above 1 MiB the file starts anew, one old copy stays. It keeps names only: command lines may hold passwords.
Exit: 0 shown (also when the history could not be kept: that is said), 2 wrong arguments or no /proc.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
STATE = os.environ.get("XDG_STATE_HOME", "")
STATE = STATE if os.path.isabs(STATE) else os.path.expanduser("~/.local/state")
HISTORY = Path(STATE, "opsconsole-samples/top_consumers.jsonl")
SHOWN, LARGEST_HISTORY = 8, 1 << 20  # lines, bytes


@dataclass
class Sample:
    """CPU in % of one core and memory in KiB by process name; pid: the one of that name with most memory."""

    time: int = field(default_factory=lambda: int(time.time()))
    cpu: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    memory: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    pid: dict[str, int] = field(default_factory=dict)
    count: Counter[str] = field(default_factory=Counter)


def visible(text: str) -> str:
    """TEXT with control characters and other unprintable ones written as escapes: names are hostile."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def read_processes() -> dict[tuple[int, str], tuple[str, int, int]]:
    """(pid, start time) -> name, CPU ticks so far, resident KiB (proc_pid_stat(5), fields 14, 15, 22, 24)."""
    processes = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            head, _, tail = Path("/proc", pid, "stat").read_text(errors="replace").rpartition(")")
        except OSError:  # it ended while we looked
            continue
        fields = tail.split()
        name = visible(head.partition("(")[2])
        ticks, kib = int(fields[11]) + int(fields[12]), int(fields[21]) * PAGE_KIB
        processes[int(pid), fields[19]] = (name, ticks, kib)
    return processes


def highest(ranking: dict[str, float], count: int) -> list[tuple[str, float]]:
    """The COUNT largest entries, without those that are zero."""
    return sorted(((k, v) for k, v in ranking.items() if v > 0), key=lambda entry: -entry[1])[:count]


def take_samples(count: int, seconds: float) -> list[Sample]:
    samples = []
    before, started = read_processes(), time.monotonic()
    for number in range(1, count + 1):
        time.sleep(seconds)
        now, ended = read_processes(), time.monotonic()
        sample = Sample()
        for key, (name, ticks, kib) in sorted(now.items(), key=lambda item: item[1][2]):
            spent = ticks - before.get(key, (name, ticks, 0))[1]
            sample.cpu[name] += round(100 * spent / TICKS / (ended - started), 1)
            sample.memory[name] += kib
            sample.count[name] += 1
            sample.pid[name] = key[0]
        samples.append(sample)
        name, share = (highest(sample.cpu, 1) or [("nothing", 0.0)])[0]
        total = sum(sample.cpu.values())
        print(f"sample {number} of {count}: CPU {total:.0f} %, most by {name} ({share:.0f} %)", flush=True)
        before, started = now, ended
    return samples


def last_record(path: Path) -> dict[str, object]:
    """The newest whole line of the history; empty when there is none."""
    try:
        record = json.loads(path.read_bytes().splitlines()[-1])
    except (OSError, IndexError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def keep(path: Path, samples: list[Sample]) -> None:
    """Append a line for each sample, in one write so that two runs do not mix; OSError when it fails."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LARGEST_HISTORY:
        path.replace(path.with_suffix(".jsonl.1"))
    text = ""
    for s in samples:
        record = {"time": s.time, "cpu": dict(highest(s.cpu, SHOWN)), "memory": dict(highest(s.memory, 40))}
        text += json.dumps(record) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as history:
        history.write(text.encode())


def change(name: str, kib: float, last: dict[str, object]) -> str:
    """Memory of NAME against the last run, in MiB; "new" when it was not among the largest then."""
    memory = last.get("memory")
    before = memory.get(name) if isinstance(memory, dict) else None
    return f"{(kib - before) / 1024:+.1f}" if isinstance(before, int | float) else "new" if memory else ""


def main() -> int:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("samples", nargs="?", type=int, default=3, help="how many (default 3)")
    parser.add_argument("seconds", nargs="?", type=float, default=1.0, help="between two (default 1)")
    options = parser.parse_args()
    if not (1 <= options.samples <= 1000 and 0.01 <= options.seconds <= 3600):
        parser.error("SAMPLES must be 1 to 1000, SECONDS 0.01 to 3600")
    if not os.path.exists("/proc/self/stat"):
        parser.error("cannot read /proc")

    samples = take_samples(options.samples, options.seconds)
    last, latest = last_record(HISTORY), samples[-1]
    cpu = {name: sum(s.cpu.get(name, 0.0) for s in samples) / len(samples) for name in latest.memory}

    for title, ranking in ("CPU", cpu), ("memory", latest.memory):
        print(f"\nmost {title}\n{'CPU %':>7} {'MIB':>9} {'CHANGE':>9} {'COUNT':>5} {'LARGEST':>8}  NAME")
        for name, _ in highest(ranking, SHOWN):
            kib, many, pid = latest.memory[name], latest.count[name], latest.pid[name]
            print(f"{cpu[name]:7.1f} {kib / 1024:9.1f} {change(name, kib, last):>9} {many:5} {pid:8}  {name}")
    then = last.get("time")
    ago = f"{(time.time() - then) / 60:.0f} min ago" if isinstance(then, int) else "of which there is none"
    print(f"\nCHANGE: MiB since the last run, {ago}")
    try:
        keep(HISTORY, samples)
    except OSError as problem:
        print(f"history not kept: {visible(str(problem))}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):  # the locale may lack a letter of a name
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())
