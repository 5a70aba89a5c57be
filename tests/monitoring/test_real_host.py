"""This host's own figures, native and through psutil, against what psutil and the kernel say of the same moment."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator

import psutil
import pytest

from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring.sampling.sampler import Sampler
from opsconsole.samples import Sample


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


def around(sampler: Sampler) -> tuple[Sample, Sample]:
    first, _ = sampler.take()
    burn(0.3)
    second, _ = sampler.take()
    return first, second


def test_cpu_is_psutil_s(sampler: Sampler) -> None:
    psutil.cpu_percent()
    psutil.cpu_percent(percpu=True)
    _, sample = around(sampler)
    percent, each = psutil.cpu_percent(), psutil.cpu_percent(percpu=True)
    assert sample.interval_s is not None
    if sample.cpu.source == "host":
        assert sample.cpu.percent == pytest.approx(percent, abs=10)
        assert sample.cpu.cores == psutil.cpu_count()
    assert len(sample.cpu.per_core) == len(each)
    for core, peer in zip(sample.cpu.per_core, each, strict=True):
        assert core == pytest.approx(peer, abs=20)


def test_memory_and_swap_are_psutil_s(sampler: Sampler) -> None:
    sample, _ = sampler.take()
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    if sample.memory.source == "host":
        assert sample.memory.total == memory.total
        assert sample.memory.available == pytest.approx(memory.available, abs=512 << 20)
        assert sample.memory.cached == pytest.approx(memory.cached, abs=512 << 20)
    assert sample.swap.total == swap.total
    assert sample.swap.used == pytest.approx(swap.used, abs=256 << 20)


def test_load_uptime_and_counts_are_psutil_s(sampler: Sampler) -> None:
    sample, processes = sampler.take()
    assert sample.load == pytest.approx(psutil.getloadavg(), abs=1.0)
    assert sample.uptime_s == pytest.approx(time.time() - psutil.boot_time(), abs=5)
    assert sample.processes == len(processes)
    assert os.getpid() in {process.pid for process in processes}


def test_the_root_is_as_full_as_psutil_says(sampler: Sampler) -> None:
    sample, _ = sampler.take()
    root = next(disk for disk in sample.disks if disk.mount == "/")
    usage = psutil.disk_usage("/")
    assert root.total == usage.total
    assert root.percent == pytest.approx(usage.percent, abs=1.0)


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
    native.take()
    portable.take()
    burn(0.3)
    one, _ = native.take()
    other, _ = portable.take()
    native.close()
    portable.close()
    if one.cpu.source == "host":
        assert one.cpu.percent == pytest.approx(other.cpu.percent, abs=10)
        assert one.cpu.user == pytest.approx(other.cpu.user, abs=10)
    disks = {disk.device: disk for disk in other.disks}
    for disk in one.disks:
        if disk.device in disks:
            assert disk.total == disks[disk.device].total
            assert disk.percent == pytest.approx(disks[disk.device].percent, abs=1.0)
    cards = {card.name: card for card in other.interfaces}
    for card in one.interfaces:
        assert card.rx_bytes <= cards[card.name].rx_bytes
    drives = {drive.name for drive in other.drives}
    assert {drive.name for drive in one.drives} <= drives
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
