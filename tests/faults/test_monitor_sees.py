"""Real trouble on this host: a process that burns, a file system that fills, memory that is taken. Each is seen, named,
told in words that no terminal obeys, and over when it is over."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from tests.faults.monitors import CALM, Host, Monitor, memory
from tests.faults.processes import wait_until
from tests.faults.test_storage_faults import MIB, Disk, disk

__all__ = ["disk"]
HOSTILE = '\x1b]0;p\x07<i>"'
"""A name that would set the title of a terminal."""
_BURNER = """
import contextlib, os
with contextlib.suppress(OSError):
    os.nice(-10)  # sixteen are listed, and the tests beside this one burn, too
print(flush=True)
while True: pass
"""
_HOG = """
import sys
taken = b"x" * int(sys.argv[1])
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@contextmanager
def python(program: str, *words: str, file: Path = Path(sys.executable)) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has begun; the kernel calls it by the name of its `file`."""
    command = [str(file), "-I", "-S", "-c", program, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def seen(host: Host, kind: str, subject: str, state: AnomalyState) -> Anomaly:
    """The episode, once it is on record and in that state."""

    def found() -> list[Anomaly]:
        return [one for one in host.episodes(kind) if subject in one.subject and one.state is state]

    assert wait_until(found), [(one.subject, one.state, one.message) for one in host.episodes(kind)]
    [only] = [one for one in host.episodes(kind) if subject in one.subject]
    return only


@pytest.mark.timeout(240)
def test_a_process_that_burns_is_named_however_it_calls_itself(host: Host) -> None:
    host.configure("[monitor.thresholds.process_cpu_high]\nlow = 8\nfor_s = 0.2\nclear = 4\nclear_for_s = 300\n")
    with Monitor(host) as monitor:
        monitor.fresh()
        named = host.folder / HOSTILE
        named.symlink_to(sys.executable)
        with python(_BURNER, file=named) as burner:
            opened = seen(host, "process_cpu_high", f"[{burner.pid}]", AnomalyState.OPEN)
            os.setpriority(os.PRIO_PROCESS, burner.pid, 0)  # the pages below are made on this host, too
            said = re.escape(f'␛<i>"[{burner.pid}] ') + r"(uses|wants) .*, over 8 % of a core"
            assert re.match(said, opened.message), "others may want the CPU too"
            assert opened.details is not None and opened.details["pid"] == burner.pid
            pages = [
                host.run(*words)
                for words in (
                    ("anomalies",), ("anomalies", "show", str(opened.id)), ("monitor", "--once", "--top", "4"),
                    ("monitor", "--once", "--prometheus"),
                )
            ]  # fmt: skip
            assert all(code == 0 for code, _ in pages)
            assert str(burner.pid) in pages[0][1] and str(burner.pid) in pages[1][1]
            assert not any(sign in text for _, text in pages for sign in "\x1b\x07")
        closed = seen(host, "process_cpu_high", f"[{burner.pid}]", AnomalyState.CLOSED)
        assert "has ended; at its worst" in closed.message and closed.id == opened.id
        assert "\x1b" not in monitor.said


@pytest.mark.timeout(240)
def test_a_file_system_that_fills_is_seen_with_when_it_is_full(host: Host, disk: Disk) -> None:
    folder = disk(64 * MIB).parent

    def of_folder() -> Anomaly:
        """Other tests fill disks of their own, and this monitor sees those, too."""
        [only] = [one for one in host.episodes("disk_full") if one.subject == str(folder)]
        return only

    host.configure("[monitor.thresholds.disk_full]\nclear_for_s = 0\n")
    with Monitor(host) as monitor:
        monitor.until(lambda sample: str(folder) in {one["mount"] for one in sample["disks"]})
        monitor.fresh()
        for number in range(57):  # 89 %, about 40 MiB a second; never all of it between two looks
            monitor.fresh() if number % 8 == 0 else None
            (folder / f"part-{number}").write_bytes(bytes(MIB))
        opened = seen(host, "disk_full", str(folder), AnomalyState.OPEN)
        assert opened.subject == str(folder) and opened.severity is Severity.LOW
        assert " at this rate" in opened.message and opened.details is not None and opened.details["eta_s"] < 60
        for number in range(57, 63):
            (folder / f"part-{number}").write_bytes(bytes(MIB))
        assert wait_until(lambda: of_folder().severity is Severity.CRITICAL), "it rises, as one episode"
        for part in folder.glob("part-*"):
            part.unlink()
        closed = seen(host, "disk_full", str(folder), AnomalyState.CLOSED)
        assert closed.id == opened.id and closed.peak >= 98
        assert re.search(r" was \d+ % full then; at its worst 98 %", closed.message), (
            "seen while its files go, or after"
        )


@pytest.mark.timeout(240)
def test_memory_that_is_taken_is_seen_and_who_took_it(host: Host) -> None:
    host.configure(memory(CALM))
    with Monitor(host) as monitor:
        now = monitor.sample()["memory"]
        taken = 0.05 * now["total_bytes"]
        if now["percent"] > 80 or taken > 2e9:
            pytest.skip("this host has no memory, or far too much, to spare for a test")
        with python(_HOG, str(int(taken))) as hog:
            while "memory_high opened" not in monitor.said:  # others take and give back memory, too
                full = monitor.fresh()["memory"]["percent"]
                host.reload(memory(full - 2.0, clear=full - 2.5))
                monitor.fresh()
            assert "; largest " in monitor.said
            opened = host.episodes()[-1]
            assert hog.pid in {one["pid"] for one in opened.processes} and opened.unit == "%"
        while "memory_high closed" not in monitor.said:
            if (now := monitor.fresh()["memory"])["percent"] >= full - 2.5:  # others have taken as much meanwhile
                host.reload(memory(now["percent"] + 2.0, clear=now["percent"] + 1.0))
        monitor.leave()
    episode = host.episodes()[-1]  # others may have begun one of their own after it
    assert episode.state is AnomalyState.CLOSED and episode.peak > episode.value
