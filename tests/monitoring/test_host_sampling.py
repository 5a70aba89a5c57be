"""The figures of the host, from files written as the kernel writes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring.sampling.sampler import Sampler
from opsconsole.samples import Drive, Interface, ProcessSample, series
from tests.monitoring.fake_host import FakeHost, MonotonicClock

PAGE = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def fake(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def test_the_first_look_has_levels_and_no_rates(fake: FakeHost) -> None:
    look = fake.open().at(0.0)
    assert (look.cpu.percent, look.cpu.per_core, look.cpu.cores) == (None, (), 2.0)
    assert look.load == (0.5, 1.25, 2.0)
    assert (look.runnable, look.blocked) == (3, 1)
    assert (look.open_files, look.open_files_max) == (1480, 100000)
    assert look.uptime_s == 12345.67
    assert (look.forks_per_s, look.oom_kills, look.swap.in_bps, look.busy_s) == (None, None, None, None)
    assert look.pressure is not None
    assert look.pressure.cpu_some is None
    assert look.notes == ["1 host ends of containers' interfaces are left out"]


def test_cpu_is_shares_of_what_passed_and_waiting_is_not_busy(fake: FakeHost) -> None:
    looker = fake.open()
    looker.at(0.0)
    fake.change("proc/stat", "cpu  1000 50 500 8000 200 10 40 200", "cpu  1030 60 520 8100 220 15 45 210")
    fake.change("proc/stat", "cpu0 600 25 250 4000 100", "cpu0 690 25 250 4010 100")
    cpu = looker.at(1.0).cpu
    # 200 ticks: 30 user, 10 nice, 20 system, 100 idle, 20 iowait, 5 irq, 5 softirq, 10 steal
    assert (cpu.percent, cpu.user, cpu.system, cpu.iowait, cpu.steal) == (40.0, 20.0, 15.0, 10.0, 5.0)
    assert cpu.per_core == (90.0, 0.0)
    assert cpu.source == "host"


def test_busy_seconds_leave_out_interrupts_and_steal(fake: FakeHost) -> None:
    looker = fake.open()
    looker.at(0.0)
    fake.change("proc/stat", "cpu  1000 50 500 8000 200 10 40 200", "cpu  1030 60 520 8100 220 15 45 210")
    assert looker.at(1.0).busy_s == pytest.approx(0.6)


def test_no_tick_in_between_is_no_share_and_not_zero(fake: FakeHost) -> None:
    looker = fake.open()
    looker.at(0.0)
    assert looker.at(0.001).cpu.percent is None


def test_iowait_that_goes_back_never_makes_a_share_negative(fake: FakeHost) -> None:
    looker = fake.open()
    looker.at(0.0)
    fake.change("proc/stat", "cpu  1000 50 500 8000 200", "cpu  1050 50 500 8050 190")
    cpu = looker.at(1.0).cpu
    assert cpu.iowait == 0.0
    assert cpu.percent == 50.0, "it is no time at all, rather than time that was not waited"


def test_a_core_that_goes_off_keeps_the_numbers_of_the_others(fake: FakeHost) -> None:
    fake.change("proc/stat", "intr", "cpu2 100 0 0 900 0 0 0 0 0 0\nintr")
    looker = fake.open()
    looker.at(0.0)
    fake.change("proc/stat", "cpu1 400 25 250 4000 100 5 20 100 0 0\n", "")
    fake.change("proc/stat", "cpu2 100 0 0 900", "cpu2 150 0 0 950")
    fake.change("proc/stat", "cpu  1000", "cpu  1050")
    cpu = looker.at(1.0).cpu
    assert cpu.per_core == (0.0, 0.0, 50.0)
    assert cpu.cores == 2.0


def test_memory_in_use_is_what_is_not_available(fake: FakeHost) -> None:
    memory = fake.open().at(0.0).memory
    assert (memory.total, memory.available, memory.used) == (8_192_000_000, 6_144_000_000, 2_048_000_000)
    assert (memory.percent, memory.cached) == (25.0, 4_500_000 * 1024)


def test_memory_of_a_kernel_without_memavailable_is_estimated(fake: FakeHost) -> None:
    fake.change("proc/meminfo", "MemAvailable:    6000000 kB\n", "")
    assert fake.open().at(0.0).memory.available == (1_000_000 + 100_000 + 4_000_000 + 500_000) * 1024


def test_swap_and_events_are_rates_of_vmstat(fake: FakeHost) -> None:
    looker = fake.open()
    assert looker.at(0.0).swap.percent == 25.0
    fake.write("proc/vmstat", "pswpin 110\npswpout 240\noom_kill 9\n")
    fake.change("proc/stat", "processes 50000", "processes 50030")
    look = looker.at(2.0)
    assert look.swap.in_bps == pytest.approx(5 * PAGE)
    assert look.swap.out_bps == pytest.approx(20 * PAGE)
    assert look.oom_kills == 2
    assert look.forks_per_s == 15.0


def vmstat(killed: int, *searches: int) -> str:
    zones = zip(("normal", "movable"), searches, strict=False)
    return (
        "pswpin 1\npswpout 1\n"
        + "".join(f"allocstall_{zone} {each}\n" for zone, each in zones)
        + (f"oom_kill {killed}\n")
    )


def test_what_is_killed_at_the_limit_of_a_group_does_not_want_for_the_hosts_memory(fake: FakeHost) -> None:
    """Nobody had to search for a page of the host's before it was killed."""
    fake.write("proc/vmstat", vmstat(7, 3, 4))
    looker = fake.open()
    looker.at(0.0)
    fake.write("proc/vmstat", vmstat(9, 3, 4))
    look = looker.at(1.0)
    assert (look.oom_kills, look.limit_kills) == (0, 2)
    fake.write("proc/vmstat", vmstat(9, 3, 5))  # a search begins, and ends in a kill some seconds later
    looker.at(2.0)
    fake.write("proc/vmstat", vmstat(10, 3, 5))
    look = looker.at(6.0)
    assert (look.oom_kills, look.limit_kills) == (1, 0)
    looker.at(30.0)
    fake.write("proc/vmstat", vmstat(11, 3, 5))
    look = looker.at(31.0)
    assert (look.oom_kills, look.limit_kills) == (0, 1), "that search is long over"


def test_events_that_went_back_are_not_known(fake: FakeHost) -> None:
    looker = fake.open()
    looker.at(0.0)
    fake.write("proc/vmstat", "pswpin 10\npswpout 240\noom_kill 1\n")
    fake.change("proc/stat", "processes 50000", "processes 10")
    look = looker.at(1.0)
    assert (look.swap.in_bps, look.swap.out_bps) == (None, 40 * PAGE)
    assert (look.oom_kills, look.forks_per_s) == (None, None)


def test_a_vmstat_longer_than_a_page_is_read_to_its_end(fake: FakeHost) -> None:
    fake.write("proc/vmstat", "".join(f"nr_{n} 1\n" for n in range(2000)) + "oom_kill 7\n")
    looker = fake.open()
    looker.at(0.0)
    fake.change("proc/vmstat", "oom_kill 7", "oom_kill 8")
    assert looker.at(1.0).oom_kills == 1


def test_a_kernel_without_oom_counter_has_none(fake: FakeHost) -> None:
    fake.write("proc/vmstat", "pswpin 1\npswpout 1\n")
    looker = fake.open()
    looker.at(0.0)
    assert looker.at(1.0).oom_kills is None


def test_pressure_is_the_growth_of_the_totals_over_the_real_interval(fake: FakeHost) -> None:
    looker = fake.open()
    looker.at(0.0)
    fake.pressure("cpu", 200_000, 0)
    fake.pressure("memory", 100_000, 50_000)
    fake.pressure("io", 4_000_000, 20_000)
    pressure = looker.at(2.0).pressure
    assert pressure is not None
    assert (pressure.cpu_some, pressure.memory_some, pressure.memory_full) == (10.0, 5.0, 2.5)
    assert (pressure.io_some, pressure.io_full) == (100.0, 1.0)


def test_a_kernel_without_psi_says_so(fake: FakeHost) -> None:
    for resource in ("cpu", "memory", "io"):
        (fake.proc / "pressure" / resource).unlink()
    look = fake.open().at(0.0)
    assert look.pressure is None
    assert any("PSI" in note for note in look.notes)


def drive(name: str, drives: tuple[Drive, ...]) -> Drive:
    return next(drive for drive in drives if drive.name == name)


def test_drives_are_whole_devices_that_had_io(fake: FakeHost) -> None:
    assert [drive.name for drive in fake.open().at(0.0).drives] == ["sda"]


def test_a_drive_has_throughput_operations_share_and_latency(fake: FakeHost) -> None:
    looker = fake.open()
    assert drive("sda", looker.at(0.0).drives) == Drive("sda")
    fake.change(
        "proc/diskstats",
        "sda 1000 5 80000 2000 500 5 40000 3000 0 4000 5000",
        "sda 1020 5 80400 2100 530 5 40800 3300 2 5000 5400",
    )
    assert drive("sda", looker.at(2.0).drives) == Drive(
        "sda",
        read_bps=400 * 512 / 2,
        write_bps=800 * 512 / 2,
        read_iops=10.0,
        write_iops=15.0,
        busy=50.0,
        latency_ms=8.0,
    )
    assert drive("sda", looker.at(3.0).drives) == Drive("sda", 0.0, 0.0, 0.0, 0.0, 0.0, None)


def test_a_drive_whose_counters_went_back_has_no_rates(fake: FakeHost) -> None:
    looker = fake.open()
    looker.at(0.0)
    fake.change("proc/diskstats", "sda 1000 5 80000", "sda 10 5 800")
    assert drive("sda", looker.at(1.0).drives) == Drive("sda")


def card(name: str, interfaces: tuple[Interface, ...]) -> Interface:
    return next(interface for interface in interfaces if interface.name == name)


def test_interfaces_that_carried_something_are_listed(fake: FakeHost) -> None:
    assert [interface.name for interface in fake.open().at(0.0).interfaces] == ["lo", "eth0"]


def test_an_interface_has_rates_errors_and_drops(fake: FakeHost) -> None:
    looker = fake.open()
    looker.at(0.0)
    fake.change(
        "proc/net/dev",
        "500000    1000    3    4    0     0          0         0   200000     800    1    2",
        "501000    1010    5    5    0     0          0         0   202000     820    2    5",
    )
    assert card("eth0", looker.at(2.0).interfaces) == Interface(
        "eth0", 500.0, 1000.0, 5.0, 10.0, 1.5, 2.0, rx_bytes=501000, tx_bytes=202000
    )


@pytest.mark.parametrize("wrapped", ["     900    1000", "  600000     999"])
def test_a_counter_that_went_back_leaves_no_rate_and_never_a_negative_one(fake: FakeHost, wrapped: str) -> None:
    looker = fake.open()
    looker.at(0.0)
    fake.change("proc/net/dev", "  500000    1000", wrapped)
    found = card("eth0", looker.at(1.0).interfaces)
    assert (found.rx_bps, found.tx_bps, found.errors_ps, found.drops_ps) == (None, None, None, None)
    assert card("eth0", looker.at(2.0).interfaces).rx_bps == 0.0


def test_an_interface_that_comes_back_starts_anew(fake: FakeHost) -> None:
    whole = (fake.proc / "net/dev").read_text()
    looker = fake.open()
    looker.at(0.0)
    fake.write("proc/net/dev", "\n".join(line for line in whole.splitlines() if "eth0" not in line) + "\n")
    assert [interface.name for interface in looker.at(1.0).interfaces] == ["lo"]
    fake.write("proc/net/dev", whole.replace("500000", "990000"))
    assert card("eth0", looker.at(2.0).interfaces).rx_bps is None


def test_a_name_glued_to_its_first_counter_is_understood(fake: FakeHost) -> None:
    fake.change("proc/net/dev", "  eth0:  500000", "eth0.7:500000")
    assert card("eth0.7", fake.open().at(0.0).interfaces).rx_bytes == 500000


def test_temperatures_are_of_chips_and_of_zones_that_are_no_chip(fake: FakeHost) -> None:
    for number, (name, label, value) in enumerate(
        (("coretemp", "Core 0", "45000"), ("nvme", None, "38850"), ("nvme", "Composite", "-5000"), ("bad", None, "x"))
    ):
        fake.write(f"sys/class/hwmon/hwmon{number}/name", f"{name}\n")
        fake.write(f"sys/class/hwmon/hwmon{number}/temp1_input", f"{value}\n")
        if label:
            fake.write(f"sys/class/hwmon/hwmon{number}/temp1_label", f"{label}\n")
    fake.write("sys/class/thermal/thermal_zone0/type", "x86_pkg_temp\n")
    fake.write("sys/class/thermal/thermal_zone0/temp", "51000\n")
    fake.write("sys/class/thermal/thermal_zone1/type", "coretemp\n")
    fake.write("sys/class/thermal/thermal_zone1/temp", "45000\n")
    assert fake.open().at(0.0).temperatures == (
        ("coretemp Core 0", 45.0), ("nvme1 temp1", 38.85), ("nvme2 Composite", -5.0), ("x86_pkg_temp", 51.0),
    )  # fmt: skip


def test_sensors_are_read_each_ten_seconds_at_most(fake: FakeHost) -> None:
    fake.write("sys/class/thermal/thermal_zone0/type", "soc\n")
    fake.write("sys/class/thermal/thermal_zone0/temp", "51000\n")
    looker = fake.open()
    looker.at(0.0)
    fake.write("sys/class/thermal/thermal_zone0/temp", "60000\n")
    assert looker.at(9.0).temperatures == (("soc", 51.0),)
    assert looker.at(10.0).temperatures == (("soc", 60.0),)


@pytest.mark.parametrize(
    "lost", ["stat", "meminfo", "vmstat", "loadavg", "diskstats", "net/dev", "uptime", "sys/fs/file-nr"]
)
def test_a_file_that_is_missing_costs_its_own_figures_only(fake: FakeHost, lost: str) -> None:
    (fake.proc / lost).unlink()
    look = fake.open().at(0.0)
    assert look.memory.total == (0 if lost == "meminfo" else 8_192_000_000)
    assert (look.runnable is None) == (lost == "stat")
    assert (look.interfaces == ()) == (lost == "net/dev")
    if lost != "vmstat":  # it has only figures that may be missing
        assert any("No such file" in note for note in look.notes)


@pytest.mark.parametrize("broken", ["stat", "meminfo", "loadavg", "diskstats", "net/dev", "uptime", "self/mountinfo"])
def test_a_text_that_is_not_understood_costs_its_own_figures_only(fake: FakeHost, broken: str) -> None:
    fake.write(f"proc/{broken}", "header\nheader\nMemTotal: many kB : what\nis - this\n")
    look = fake.open().at(0.0)
    assert any("not understood" in note for note in look.notes)
    assert (look.open_files, look.runnable) == (1480, None if broken == "stat" else 3)


class NoProcesses:
    """Two processes, one of them a zombie, that used half of what the host did."""

    threads, zombies = 5, 1

    def __init__(self) -> None:
        self.busy: list[tuple[float, float | None]] = []
        self.closed = False

    def sample(self) -> list[ProcessSample]:
        return [
            ProcessSample(7, 1, 0.0, "a", "S", 0, 0.0, 1, threads=4),
            ProcessSample(8, 7, 0.0, "b", "Z", 0, 0.0, 0, threads=1),
        ]

    def short_lived_percent(self, system_busy_delta_s: float, interval_s: float | None) -> float | None:
        self.busy.append((system_busy_delta_s, interval_s))
        return 12.5

    def close(self) -> None:
        self.closed = True


def test_a_sample_puts_host_processes_and_clock_together(fake: FakeHost) -> None:
    hands, source = MonotonicClock(), NoProcesses()
    sampler = Sampler(
        MonitorSettings(), hands, proc=str(fake.proc), sys=str(fake.sys), processes=source, suspended=lambda: 0.0
    )
    first, processes = sampler.take(1.0)
    assert (first.interval_s, first.gap, first.cpu.percent, first.short_lived_percent) == (None, None, None, None)
    assert [process.pid for process in processes] == [7, 8]
    assert (first.processes, first.threads, first.zombies) == (2, 5, 1)
    hands.advance(10.0)
    fake.change("proc/stat", "cpu  1000 50 500 8000", "cpu  1500 50 500 9500")
    late, _ = sampler.take(1.0)
    assert (late.gap, late.interval_s, late.time_us) == ("late", None, hands.now_us)
    assert late.cpu.percent == 25.0, "rates over the real interval are right"
    assert source.busy == [(pytest.approx(5.0), pytest.approx(10.0))]
    assert late.short_lived_percent == 12.5
    assert series(late)["short_lived"] == 12.5
    sampler.close()
    assert source.closed
