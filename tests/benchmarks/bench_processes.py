"""CPU of one look at all processes, ours against psutil.process_iter with 5 attributes, with N children asleep.

`python -m tests.benchmarks processes [500 2000]`. "Busy" wakes 5 % of them before each look, in the child itself: its
own CPU is not counted. The figure is the best of several rounds: while others fork, every reader is slower.
"""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from opsconsole.monitoring.sampling.processes import ProcessSampler

ATTRIBUTES = ["pid", "name", "cpu_times", "memory_info", "status"]
ROUNDS = 12
BUSY_SHARE = 20
TARGETS_MS = {(500, False): 3.0, (500, True): 3.0, (2000, False): 8.0, (2000, True): 10.0}
PEER_SHARE = 12

_SLEEPERS = """
import os, signal, sys
count, busy, pipes = int(sys.argv[1]), int(sys.argv[2]), []
children, (done, tell) = [], os.pipe()
for number in range(count):
    ours, theirs = os.pipe() if number < busy else (-1, -1)
    child = os.fork()
    if not child:
        while number >= busy:
            signal.pause()
        while os.read(ours, 1):  # some work, then asleep again
            sum(range(20_000))
            os.write(tell, b"x")
        os._exit(0)
    children.append(child)
    if ours >= 0:
        os.close(ours)
        pipes.append(theirs)
print("ready", flush=True)
try:
    for line in sys.stdin:
        for pipe in pipes:
            os.write(pipe, b"x")
        for pipe in pipes:
            os.read(done, 1)
        print("woken", flush=True)
finally:
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
"""


@contextmanager
def sleepers(count: int, busy: int) -> Iterator[Callable[[], None]]:
    """`count` processes asleep; calling what is given lets `busy` of them work for a moment."""
    parent = subprocess.Popen(
        [sys.executable, "-S", "-c", _SLEEPERS, str(count), str(busy)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip
    given, told = parent.stdin, parent.stdout
    if given is None or told is None:
        raise SystemExit("no pipes to the sleepers")

    def wake() -> None:
        given.write("x\n")
        told.readline()

    try:
        if told.readline() != "ready\n":
            raise SystemExit("the sleepers did not start")
        yield wake
    finally:
        given.close()
        parent.wait()
        told.close()


def _room(count: int) -> bool:
    """Whether so many processes may be started here."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    for limit in (Path("/sys/fs/cgroup/pids.max"), Path("/sys/fs/cgroup/pids/pids.max")):
        if limit.exists() and (text := limit.read_text().strip()) != "max" and int(text) < count + 200:
            return False
    threads = int(Path("/proc/sys/kernel/threads-max").read_text())
    return threads > count + 1000 and (soft == resource.RLIM_INFINITY or soft > count + 1000)


def _cpu_ms(look: Callable[[], object]) -> float:
    begin = time.thread_time()
    look()
    return (time.thread_time() - begin) * 1000


def _peer() -> None:
    for _ in psutil.process_iter(ATTRIBUTES):
        pass


def measure(count: int, *, busy: bool) -> None:
    """Print the figures at `count` processes."""
    with sleepers(count, count // BUSY_SHARE if busy else 0) as wake, ProcessSampler() as sampler:
        first = _cpu_ms(sampler.sample)
        _peer()
        gc.collect()
        ours, theirs = [], []
        for _ in range(ROUNDS):
            if busy:
                wake()
            ours.append(_cpu_ms(sampler.sample))
            if busy:
                wake()
            theirs.append(_cpu_ms(_peer))
        print(
            f"{sampler.count} processes, {'5 % busy' if busy else 'idle'}: {min(ours):.2f} ms CPU "
            f"(median {sorted(ours)[ROUNDS // 2]:.2f}), first {first:.0f} ms; psutil {min(theirs):.1f} ms, "
            f"1/{min(theirs) / min(ours):.1f} of it; target ≤ {TARGETS_MS.get((count, busy), 0):g} ms"
            + ("" if busy else f" and ≤ 1/{PEER_SHARE}"),
            flush=True,
        )


def main() -> None:
    for count in [int(word) for word in sys.argv[1:]] or [500, 2000]:
        if not _room(count):
            print(f"{count} processes: this host does not allow so many")
            continue
        for busy in (False, True):
            measure(count, busy=busy)


if __name__ == "__main__":
    main()
