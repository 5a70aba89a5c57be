"""This host's own figures, native and through psutil, against what psutil and the kernel say of the same moment."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring.sampling.sampler import Sampler


@pytest.fixture(params=[False, True], ids=["native", "psutil"])
def sampler(request: pytest.FixtureRequest) -> Iterator[Sampler]:
    sampler = Sampler(MonitorSettings(), portable=request.param)
    yield sampler
    sampler.close()


def burn(cpu_s: float) -> None:
    """Use so much CPU time, however long that takes."""
    end = time.process_time() + cpu_s
    while time.process_time() < end:
        pass


class Peer:
    """What psutil counts of the host's CPU time just before and just after each of two looks at it.

    However long it takes between them, what a sampler finds between its looks is at least what was counted between
    the two inner ones and at most what was counted between the two outer ones.
    """

    def __init__(self) -> None:
        self._whole: list[Any] = []
        self._each: list[list[Any]] = []

    def look(self, take: Callable[[], object]) -> None:
        for _ in range(2):
            self._whole.append(psutil.cpu_times())
            self._each.append(psutil.cpu_times(percpu=True))
            if len(self._whole) % 2:
                take()

    def says(self, percent: float, user: bool = False) -> bool:
        return _between(percent, self._whole, user)

    def says_of_each(self, percents: tuple[float, ...]) -> bool:
        each = zip(percents, zip(*self._each, strict=True), strict=True)
        return all(_between(percent, times, user=False) for percent, times in each)


def _between(percent: float, times: Any, user: bool) -> bool:
    """Within what one tick (10 ms) more or less would make of it."""
    (outer_from, inner_from, inner_to, outer_to) = ((_part(one, user), _busy(one) + _idle(one)) for one in times)
    # Waiting for a disk that turns out to have been idleness goes back, and counts as no time: then idleness has twice.
    back = max(0.0, max(map(_waiting, times[:2])) - min(map(_waiting, times[2:])))
    least, of_all = inner_to[0] - inner_from[0] - 0.02, outer_to[1] - outer_from[1] + 0.02 + back
    most, of_few = outer_to[0] - outer_from[0] + 0.02, inner_to[1] - inner_from[1] - 0.02
    return bool(100 * least / of_all - 1 <= percent <= (100 * most / of_few if of_few > 0 else 100) + 1)


def _idle(times: Any) -> float:
    return float(times.idle + getattr(times, "iowait", 0.0))


def _waiting(times: Any) -> float:
    return float(getattr(times, "iowait", 0.0))


def _busy(times: Any) -> float:
    counted_twice = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times)) - counted_twice - _idle(times)


def _part(times: Any, user: bool) -> float:
    return float(times.user + times.nice) if user else _busy(times)


def test_cpu_is_psutil_s(sampler: Sampler) -> None:
    peer, samples = Peer(), []
    peer.look(lambda: samples.append(sampler.take()[0]))
    burn(0.3)
    peer.look(lambda: samples.append(sampler.take()[0]))
    cpu = samples[-1].cpu
    assert samples[-1].interval_s is not None
    if cpu.source == "host":
        assert peer.says(cpu.percent)
        assert cpu.cores == psutil.cpu_count()
    assert peer.says_of_each(cpu.per_core)


def test_memory_and_swap_are_psutil_s(sampler: Sampler) -> None:
    before, swap_before = psutil.virtual_memory(), psutil.swap_memory()
    sample, _ = sampler.take()
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    if sample.memory.source == "host":
        assert sample.memory.total == memory.total
        assert near(sample.memory.available, before.available, memory.available, 512 << 20)
        assert near(sample.memory.cached, before.cached, memory.cached, 512 << 20)
    assert sample.swap.total == swap.total
    assert near(sample.swap.used, swap_before.used, swap.used, 256 << 20)


def near(value: float, before: float, after: float, by: float) -> bool:
    """Between what it was just before and just after, or off by so much: others change it meanwhile."""
    return min(before, after) - by <= value <= max(before, after) + by


def images(device: str) -> bool:
    """Other tests mount such ones, fill them, and take them away."""
    return device.removeprefix("/dev/").startswith("loop")


def test_load_uptime_and_counts_are_psutil_s(sampler: Sampler) -> None:
    before, up_before = psutil.getloadavg(), time.time() - psutil.boot_time()
    sample, processes = sampler.take()
    after, up_after = psutil.getloadavg(), time.time() - psutil.boot_time()
    assert all(near(*looks, 1.0) for looks in zip(sample.load, before, after, strict=True))
    assert near(sample.uptime_s, up_before, up_after, 2.0)
    assert sample.processes == len(processes)
    assert os.getpid() in {process.pid for process in processes}


def test_the_root_is_as_full_as_psutil_says(sampler: Sampler) -> None:
    before = psutil.disk_usage("/")
    sample, _ = sampler.take()
    root = next(disk for disk in sample.disks if disk.mount == "/")
    usage = psutil.disk_usage("/")
    assert root.total == usage.total
    assert near(root.percent, before.percent, usage.percent, 1.0)


def test_traffic_on_loopback_is_counted(sampler: Sampler) -> None:
    sampler.take()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as ours:
        theirs, _ = server.accept()
        with theirs:
            sent = 0
            while sent < 1 << 20:
                ours.sendall(b"x" * 65536)
                left = 65536
                while left:
                    left -= len(theirs.recv(left))
                sent += 65536
    sample, _ = sampler.take()
    assert sample.interval_s is not None
    loopback = next(card for card in sample.interfaces if card.name == "lo")
    assert loopback.rx_bps is not None
    assert loopback.rx_bps * sample.interval_s >= 1 << 20


def test_both_ways_tell_the_same_of_one_interval() -> None:
    native, portable = Sampler(MonitorSettings()), Sampler(MonitorSettings(), portable=True)
    peer, samples = Peer(), []
    peer.look(lambda: samples.append((native.take()[0], portable.take()[0])))
    burn(0.3)
    peer.look(lambda: samples.append((native.take()[0], portable.take()[0])))
    one, other = samples[-1]
    native.close()
    portable.close()
    if one.cpu.source == "host":
        assert all(peer.says(sample.cpu.percent) for sample in (one, other))
        assert all(peer.says(sample.cpu.user, user=True) for sample in (one, other))
    disks = {disk.device: disk for disk in other.disks}
    for disk in one.disks:
        if disk.device in disks and not images(disk.device):
            assert disk.total == disks[disk.device].total
            after = psutil.disk_usage(disk.mount)
            assert near(disk.percent, disks[disk.device].percent, after.percent, 1.0)
    cards = {card.name: card for card in other.interfaces}
    for card in one.interfaces:
        if card.name in cards:
            assert card.rx_bytes <= cards[card.name].rx_bytes
    assert "lo" in cards
    drives = {drive.name for drive in other.drives}
    assert {drive.name for drive in one.drives if not images(drive.name)} <= drives
    assert any("psutil" in note for note in other.notes)
    assert other.pressure is None


def test_new_processes_are_forks_and_open_files_are_counted() -> None:
    sampler = Sampler(MonitorSettings())
    sampler.take()
    for _ in range(20):
        subprocess.run(["true"], check=True)
    sample, _ = sampler.take()
    sampler.close()
    assert sample.forks_per_s is not None
    assert sample.interval_s is not None
    assert round(sample.forks_per_s * sample.interval_s) >= 20
    assert sample.open_files is not None
    assert sample.open_files > 0


def test_a_sampler_gives_back_every_descriptor() -> None:
    before = set(os.listdir("/proc/self/fd"))
    sampler = Sampler(MonitorSettings())
    sampler.take()
    sampler.take()
    assert set(os.listdir("/proc/self/fd")) - before
    sampler.close()
    assert not set(os.listdir("/proc/self/fd")) - before
