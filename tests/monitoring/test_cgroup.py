"""A container's limits are its 100 %: cgroup v1, v2 and hybrid hosts, from files written as the kernel writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.monitoring.fake_host import FakeHost

V2 = "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"
MIB = 1 << 20


@pytest.fixture
def fake(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def in_groups(fake: FakeHost, ours: str, first: str | None = None) -> None:
    fake.write("proc/self/cgroup", f"{ours}\n")
    fake.write("proc/1/cgroup", f"{ours if first is None else first}\n")


def write_v2(
    fake: FakeHost, folder: str = "sys/fs/cgroup", *, cpu: str = "50000 100000", memory: str = "104857600"
) -> None:
    fake.write(f"{folder}/cpu.max", f"{cpu}\n")
    fake.write(f"{folder}/cpu.stat", "usage_usec 5000000\nuser_usec 1\nsystem_usec 1\nnr_periods 10\nnr_throttled 2\n")
    fake.write(f"{folder}/memory.max", f"{memory}\n")
    fake.write(f"{folder}/memory.current", f"{80 * MIB}\n")
    fake.write(f"{folder}/memory.stat", f"anon 1\nfile {40 * MIB}\nactive_file {10 * MIB}\ninactive_file {30 * MIB}\n")
    fake.write(f"{folder}/memory.events", "low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\n")
    for resource in ("cpu", "memory", "io"):
        fake.pressure(resource, 1000, 1000, folder)


def test_v2_limits_are_the_hundred_percent(fake: FakeHost) -> None:
    fake.mounts(V2)
    in_groups(fake, "0::/")
    write_v2(fake)
    looker = fake.open()
    first = looker.at(0.0)
    assert (first.cpu.percent, first.cpu.cores, first.cpu.source) == (None, 0.5, "cgroup")
    memory = first.memory
    assert (memory.total, memory.used, memory.percent) == (100 * MIB, 50 * MIB, 50.0), "inactive file pages are free"
    assert (memory.cached, memory.source) == (40 * MIB, "cgroup")
    fake.write("sys/fs/cgroup/cpu.stat", "usage_usec 5400000\nnr_periods 20\nnr_throttled 7\n")
    fake.write("sys/fs/cgroup/memory.events", "low 0\noom 3\noom_kill 3\n")
    fake.pressure("memory", 101_000, 51_000, "sys/fs/cgroup")
    second = looker.at(1.0)
    assert second.cpu.percent == pytest.approx(80.0)
    assert second.cpu.throttled_percent == pytest.approx(50.0)
    assert second.oom_kills == 2
    assert second.pressure is not None
    assert (second.pressure.source, second.pressure.memory_some) == ("cgroup", 10.0)
    assert (second.pressure.memory_full, second.pressure.cpu_some) == (5.0, 0.0)
    assert second.notes == first.notes


def test_v2_without_limits_is_the_host(fake: FakeHost) -> None:
    fake.mounts(V2)
    in_groups(fake, "0::/")
    write_v2(fake, cpu="max 100000", memory="max")
    look = fake.open().at(0.0)
    assert (look.cpu.source, look.cpu.cores, look.memory.source) == ("host", 2.0, "host")
    assert look.pressure is not None
    assert look.pressure.source == "host"


def test_limits_above_what_the_host_has_are_none(fake: FakeHost) -> None:
    fake.mounts(V2)
    in_groups(fake, "0::/")
    write_v2(fake, cpu="200000 100000", memory=str(64 << 30))
    look = fake.open().at(0.0)
    assert (look.cpu.source, look.memory.source) == ("host", "host")


def test_one_limit_leaves_the_other_figures_to_the_host(fake: FakeHost) -> None:
    fake.mounts(V2)
    in_groups(fake, "0::/")
    write_v2(fake, cpu="max 100000")
    look = fake.open().at(0.0)
    assert (look.cpu.source, look.memory.source) == ("host", "cgroup")


def test_an_ancestor_s_tighter_limit_counts_with_its_own_usage(fake: FakeHost) -> None:
    fake.mounts(V2)
    in_groups(fake, "0::/outer/inner")
    write_v2(fake, "sys/fs/cgroup/outer", cpu="max 100000", memory=str(100 * MIB))
    write_v2(fake, "sys/fs/cgroup/outer/inner", cpu="max 100000", memory=str(200 * MIB))
    fake.write("sys/fs/cgroup/outer/memory.current", f"{95 * MIB}\n")
    fake.write("sys/fs/cgroup/outer/cpu.max", "50000 100000\n")
    fake.write("sys/fs/cgroup/outer/inner/cpu.max", "150000 100000\n")
    looker = fake.open()
    assert looker.at(0.0).memory.percent == 65.0
    fake.change("sys/fs/cgroup/outer/cpu.stat", "usage_usec 5000000", "usage_usec 5100000")
    cpu = looker.at(1.0).cpu
    assert (cpu.cores, cpu.percent) == (0.5, pytest.approx(20.0))


def test_a_set_of_cpus_is_a_limit_of_cores(fake: FakeHost) -> None:
    fake.mounts(V2)
    in_groups(fake, "0::/")
    write_v2(fake, cpu="max 100000", memory="max")
    fake.write("sys/fs/cgroup/cpuset.cpus.effective", "1\n")
    looker = fake.open()
    looker.at(0.0)
    fake.change("sys/fs/cgroup/cpu.stat", "usage_usec 5000000", "usage_usec 5250000")
    cpu = looker.at(1.0).cpu
    assert (cpu.cores, cpu.percent, cpu.throttled_percent) == (1.0, pytest.approx(25.0), None)


def test_the_limits_of_our_own_service_are_not_the_host_s(fake: FakeHost) -> None:
    """Process 1 is outside: this is a plain host, and the limit binds us, not what we look at."""
    fake.mounts(V2)
    in_groups(fake, "0::/system.slice/opsconsole.service", "0::/init.scope")
    write_v2(fake, "sys/fs/cgroup/system.slice/opsconsole.service")
    look = fake.open().at(0.0)
    assert (look.cpu.source, look.memory.source) == ("host", "host")


def test_a_container_that_sees_the_host_s_processes_sees_the_host(fake: FakeHost) -> None:
    fake.mounts(V2)
    in_groups(fake, "0::/", "0::/../../init.scope")
    write_v2(fake)
    look = fake.open().at(0.0)
    assert (look.cpu.source, look.memory.source) == ("host", "host")


V1_MOUNTS = (
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw",
    "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct",
    "33 31 0:30 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
    "34 31 0:31 /docker/abc /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset",
)
V1_GROUPS = "4:memory:/docker/abc\n3:cpuset:/docker/abc\n2:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc"


def write_v1(fake: FakeHost, cpu: str = "sys/fs/cgroup/cpu,cpuacct", memory: str = "sys/fs/cgroup/memory") -> None:
    fake.write(f"{cpu}/cpu.cfs_quota_us", "150000\n")
    fake.write(f"{cpu}/cpu.cfs_period_us", "100000\n")
    fake.write(f"{cpu}/cpu.stat", "nr_periods 10\nnr_throttled 2\nthrottled_time 9\n")
    fake.write(f"{cpu}/cpuacct.usage", "5000000000\n")
    fake.write(f"{memory}/memory.limit_in_bytes", f"{200 * MIB}\n")
    fake.write(f"{memory}/memory.usage_in_bytes", f"{150 * MIB}\n")
    fake.write(
        f"{memory}/memory.stat",
        f"cache 1\ninactive_file 2\ntotal_cache {80 * MIB}\ntotal_inactive_file {50 * MIB}\n",
    )
    fake.write(f"{memory}/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")


def test_what_is_killed_at_a_limit_within_a_container_does_not_want_for_the_containers_memory(fake: FakeHost) -> None:
    """v2 counts all that is below a group; which group had reached its limit is told apart."""
    fake.mounts(V2)
    in_groups(fake, "0::/")
    write_v2(fake)

    def events(oom: int, killed: int, own: int) -> None:
        fake.write("sys/fs/cgroup/memory.events", f"low 0\noom {oom}\noom_kill {killed}\n")
        fake.write("sys/fs/cgroup/memory.events.local", f"low 0\noom {own}\noom_kill 0\n")

    events(1, 1, 0)
    looker = fake.open()
    looker.at(0.0)
    found = []
    for second, told in enumerate([(3, 3, 0), (4, 4, 1), (4, 5, 1)], 1):  # within; the container's; the host's
        events(*told)
        look = looker.at(float(second))
        found.append((look.oom_kills, look.limit_kills))
    assert found == [(0, 2), (1, 0), (1, 0)]


def test_v1_limits_are_the_hundred_percent(fake: FakeHost) -> None:
    fake.mounts(*V1_MOUNTS)
    in_groups(fake, V1_GROUPS)
    write_v1(fake)
    fake.write("sys/fs/cgroup/cpuset/cpuset.cpus", "0-1\n")
    looker = fake.open()
    first = looker.at(0.0)
    assert (first.memory.total, first.memory.percent, first.memory.cached) == (200 * MIB, 50.0, 80 * MIB)
    assert (first.memory.source, first.cpu.cores) == ("cgroup", 1.5)
    fake.write("sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "5600000000\n")
    fake.write("sys/fs/cgroup/cpu,cpuacct/cpu.stat", "nr_periods 20\nnr_throttled 4\nthrottled_time 9\n")
    fake.change("sys/fs/cgroup/memory/memory.oom_control", "oom_kill 4", "oom_kill 5")
    second = looker.at(1.0)
    assert second.cpu.percent == pytest.approx(40.0)
    assert second.cpu.throttled_percent == pytest.approx(20.0)
    assert second.oom_kills == 1
    assert second.pressure is not None
    assert second.pressure.source == "host", "v1 has no pressure of its own"


def test_v1_without_limits_is_the_host(fake: FakeHost) -> None:
    fake.mounts(*V1_MOUNTS)
    in_groups(fake, V1_GROUPS)
    write_v1(fake)
    fake.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n")
    fake.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    look = fake.open().at(0.0)
    assert (look.cpu.source, look.memory.source) == ("host", "host")


HYBRID_MOUNTS = (
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw",
    "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu",
    "33 31 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct",
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
)


def test_a_hybrid_host_has_its_limits_in_v1(fake: FakeHost) -> None:
    fake.mounts(*HYBRID_MOUNTS)
    in_groups(fake, "4:memory:/box\n2:cpuacct:/box\n1:cpu:/box\n0::/box")
    fake.write("sys/fs/cgroup/unified/box/cgroup.procs", "")
    write_v1(fake, "sys/fs/cgroup/cpu/box", "sys/fs/cgroup/memory/box")
    (fake.sys / "fs/cgroup/cpu/box/cpuacct.usage").unlink()
    fake.write("sys/fs/cgroup/cpuacct/box/cpuacct.usage", "1000000000\n")
    looker = fake.open()
    looker.at(0.0)
    fake.write("sys/fs/cgroup/cpuacct/box/cpuacct.usage", "1750000000\n")
    look = looker.at(1.0)
    assert (look.cpu.percent, look.cpu.source) == (pytest.approx(50.0), "cgroup")
    assert (look.memory.percent, look.memory.source) == (50.0, "cgroup")


def test_a_hybrid_host_that_limits_only_us_is_the_host(fake: FakeHost) -> None:
    fake.mounts(*HYBRID_MOUNTS)
    in_groups(fake, "4:memory:/box\n2:cpuacct:/\n1:cpu:/\n0::/", "4:memory:/\n2:cpuacct:/\n1:cpu:/\n0::/")
    write_v1(fake, "sys/fs/cgroup/cpu/box", "sys/fs/cgroup/memory/box")
    look = fake.open().at(0.0)
    assert (look.cpu.source, look.memory.source) == ("host", "host")


def test_a_limit_that_changes_is_seen_within_ten_seconds(fake: FakeHost) -> None:
    fake.mounts(V2)
    in_groups(fake, "0::/")
    write_v2(fake)
    looker = fake.open()
    looker.at(0.0)
    fake.write("sys/fs/cgroup/cpu.max", "100000 100000\n")
    fake.write("sys/fs/cgroup/memory.max", "max\n")
    assert looker.at(9.0).cpu.cores == 0.5
    look = looker.at(10.0)
    assert (look.cpu.cores, look.memory.source) == (1.0, "host")


def test_a_group_that_loses_its_files_is_a_note(fake: FakeHost) -> None:
    fake.mounts(V2)
    in_groups(fake, "0::/")
    write_v2(fake)
    (fake.sys / "fs/cgroup/memory.current").unlink()
    look = fake.open().at(0.0)
    assert look.memory.source == "host"
    assert "memory of the cgroup: No such file or directory" in look.notes
