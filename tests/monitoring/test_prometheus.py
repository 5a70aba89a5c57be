"""The text that Prometheus reads, and the server for it: valid by its specification, whatever the host is called."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
import subprocess
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.errors import UsageError
from opsconsole.models import Status
from opsconsole.monitoring.export import server as serving
from opsconsole.monitoring.export.families import FAMILIES
from opsconsole.monitoring.export.prometheus import exposition
from opsconsole.monitoring.export.server import Server, serve
from opsconsole.samples import (
    Cpu,
    Disk,
    Drive,
    Interface,
    Memory,
    Pressure,
    ProcessSample,
    Sample,
    Swap,
)  # fmt: skip
from tests.monitoring.exposition import read

GIB = 1024**3

SAMPLE = Sample(
    time_us=1_790_000_000_250_000, monotonic_s=50.0, interval_s=1.0,
    cpu=Cpu(42.5, (40.0, 45.0), 20.0, 10.0, 5.0, 0.5, 2.0, "host", 3.0),
    load=(0.5, 0.75, 1.0), memory=Memory(25.0, 16 * GIB, 4 * GIB, 12 * GIB, 2 * GIB),
    swap=Swap(50.0, 2 * GIB, GIB, 4096.0, 0.0), pressure=Pressure(1.0, 2.0, 3.0, 4.0, 5.0),
    disks=(Disk("/", "/dev/sda1", "ext4", 100, 60, 30, 66.7, 1000, 250, 25.0, False, "sda"),),
    drives=(Drive("sda", 1e6, 2e6, 10.0, 20.0, 30.0, 4.0),),
    interfaces=(Interface("eth0", 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 123456789012, 987),),
    open_files=2048, open_files_max=9223372036854775807, forks_per_s=3.5, runnable=2, blocked=1, oom_kills=0,
    temperatures=(("Package id 0", 55.0),), uptime_s=1000.25, processes=200, threads=800, zombies=1,
    short_lived_percent=7.0,
)  # fmt: skip

ANOMALY = Anomaly(
    7, "cpu_high", "", "web-01", Severity.HIGH, AnomalyState.OPEN, 1, 2, 3, None, 96.0, 97.0, 95.0, 5, 85.0, "%", "busy"
)


def process(name: str, cpu: float = 1.0, rss: int = 1000, pid: int = 1) -> ProcessSample:
    return ProcessSample(pid, 0, 1.0, name, "R", 0, cpu, rss)


def test_every_family_is_written_and_valid() -> None:
    text = exposition(SAMPLE, [process("bash")], [ANOMALY], {"running": 2})
    assert set(read(text)) == set(FAMILIES)


def test_figures_are_in_base_units() -> None:
    found = read(exposition(SAMPLE))
    root = {"device": "/dev/sda1", "fstype": "ext4", "mountpoint": "/"}
    assert found["opsconsole_sample_timestamp_seconds"].value() == 1_790_000_000.25
    assert found["opsconsole_cpu_usage_ratio"].value() == 0.425
    assert found["opsconsole_cpu_mode_ratio"].value(mode="iowait") == 0.05
    assert found["opsconsole_cpu_core_usage_ratio"].value(cpu="1") == 0.45
    assert found["opsconsole_pressure_ratio"].value(resource="io", kind="full") == 0.05
    assert found["node_memory_MemAvailable_bytes"].value() == 12 * GIB
    assert found["node_memory_SwapFree_bytes"].value() == GIB
    assert found["node_filesystem_free_bytes"].value(**root) == 40
    assert found["node_filesystem_avail_bytes"].value(**root) == 30
    assert found["node_filesystem_files_free"].value(**root) == 750
    assert found["opsconsole_drive_latency_seconds"].value(device="sda") == 0.004
    assert found["node_network_receive_bytes_total"].value(device="eth0") == 123456789012
    assert found["node_network_receive_bytes_total"].type == "counter"
    assert found["node_boot_time_seconds"].value() == 1_789_999_000


def test_what_is_not_known_is_left_out_and_not_nought() -> None:
    first = replace(
        SAMPLE, interval_s=None, cpu=Cpu(), pressure=None, drives=(), interfaces=(), disks=(), open_files=None,
        temperatures=(), uptime_s=None, processes=None,
    )  # fmt: skip
    found = read(exposition(first))
    assert not {"opsconsole_cpu_usage_ratio", "opsconsole_pressure_ratio", "node_filefd_allocated"} & set(found)
    assert "opsconsole_tasks" not in found, "nobody counted"
    assert set(read(exposition(None))) == {"opsconsole_build_info", "opsconsole_anomalies_open"}


def test_a_containers_memory_is_not_called_as_the_hosts() -> None:
    found = read(exposition(replace(SAMPLE, memory=replace(SAMPLE.memory, source="cgroup"))))
    assert "node_memory_MemTotal_bytes" not in found
    assert found["opsconsole_memory_total_bytes"].value() == 16 * GIB


def test_processes_are_the_top_few_by_name_and_never_by_pid() -> None:
    many = [process(f"job-{n}", cpu=float(n), rss=1000 - n, pid=n) for n in range(100)]
    many += [process("nginx", cpu=60.0, rss=10, pid=200 + n) for n in range(4)]
    found = read(exposition(SAMPLE, many, top=3))
    names = set(found["opsconsole_process_cpu_ratio"].samples)
    assert names == {(("name", name),) for name in ("nginx", "job-99", "job-98", "job-1", "job-2", "job-0")}
    assert found["opsconsole_process_cpu_ratio"].value(name="nginx") == 2.4
    assert found["opsconsole_process_count"].value(name="nginx") == 4
    assert found["opsconsole_process_resident_memory_bytes"].value(name="nginx") == 40


def test_anomalies_by_kind_and_severity_and_only_open_ones() -> None:
    closed = replace(ANOMALY, state=AnomalyState.CLOSED, closed_at=9)
    flapping = replace(ANOMALY, state=AnomalyState.FLAPPING)
    found = read(exposition(SAMPLE, (), [ANOMALY, closed, flapping]))
    assert found["opsconsole_anomalies"].samples == {(("kind", "cpu_high"), ("severity", "high")): 2.0}
    assert found["opsconsole_anomalies_open"].value() == 2
    assert read(exposition(SAMPLE))["opsconsole_anomalies_open"].value() == 0


def test_tasks_by_status_open_ones_always_ended_ones_when_counted() -> None:
    found = read(exposition(SAMPLE, tasks={Status.RUNNING: 3, Status.FAILED: 1}))["opsconsole_tasks"]
    assert {labels[0][1]: value for labels, value in found.samples.items()} == {
        "queued": 0, "preparing": 0, "running": 3, "paused": 0, "waiting": 0, "failed": 1,
    }  # fmt: skip


def test_two_file_systems_on_one_mount_point_are_one_series() -> None:
    disk = SAMPLE.disks[0]
    found = read(exposition(replace(SAMPLE, disks=(disk, replace(disk, total=5)))))
    assert list(found["node_filesystem_size_bytes"].samples.values()) == [100.0]


HOSTILE = 'a"} 1\nnode_load1 9\\ \x1b]0;x\x07 \u202e\udc80 \t\r é 漢'


@pytest.mark.unmeasured
@given(st.text(max_size=40))
def test_no_name_breaks_the_text(name: str) -> None:
    sample = replace(
        SAMPLE, disks=(replace(SAMPLE.disks[0], mount=name, device=name),), temperatures=((name, 1.0),),
        drives=(replace(SAMPLE.drives[0], name=name),), interfaces=(replace(SAMPLE.interfaces[0], name=name),),
    )  # fmt: skip
    text = exposition(sample, [process(name)])
    assert set(read(text)) <= set(FAMILIES)
    assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cs") and char != "\n"]


def test_a_name_that_looks_like_a_sample_stays_a_label() -> None:
    found = read(exposition(SAMPLE, [process(HOSTILE)]))
    assert found["node_load1"].samples == {(): 0.5}
    [((_, name),)] = found["opsconsole_process_cpu_ratio"].samples
    assert name.startswith('a"} 1') and "\x1b" not in name and "\n" not in name


def test_promtool_agrees() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool was not found: the strict reader of these tests stands in for it")
    text = exposition(SAMPLE, [process("bash"), process(HOSTILE)], [ANOMALY], {"running": 2})
    done = subprocess.run([promtool, "check", "metrics"], input=text.encode(), capture_output=True)
    assert done.returncode in (0, 3), done.stderr.decode()  # 3: advice about style


# -- the server

Start = Callable[..., Server]
LONG_S = 50.0
"""The time for a request that comes; no test waits so long."""


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Server] = []

    def begin(text: Callable[[], str] = lambda: "up 1\n", request_s: float = LONG_S) -> Server:
        running.append(serve("127.0.0.1:0", text, request_s=request_s))
        return running[-1]

    yield begin
    for server in running:
        server.close()


def ask(
    server: Server, path: str, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, str, bytes, str]:
    """Status, content type, body, length."""
    host, _, port = server.address.rpartition(":")
    with closing(http.client.HTTPConnection(host.strip("[]"), int(port))) as connection:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        kind, length = answer.headers["Content-Type"], answer.headers["Content-Length"]
        return answer.status, kind, answer.read(), length


def raw(server: Server) -> socket.socket:
    host, _, port = server.address.rpartition(":")
    return socket.create_connection((host, int(port)))


def test_metrics_are_served_as_they_are_then(start: Start) -> None:
    values = iter(("up 1\n", "up 2 é\n"))
    server = start(lambda: next(values))
    assert ask(server, "/metrics") == (200, "text/plain; version=0.0.4; charset=utf-8", b"up 1\n", "5")
    assert ask(server, "/metrics?x=1")[2] == "up 2 é\n".encode()


def test_head_has_the_length_and_no_body(start: Start) -> None:
    status, _, body, length = ask(start(), "/metrics", "HEAD")
    assert (status, body, length) == (200, b"", "5")


def test_other_paths_and_methods_are_refused(start: Start) -> None:
    server = start()
    status, kind, body, _ = ask(server, "/")
    assert (status, kind) == (200, "text/html; charset=utf-8") and b'href="/metrics"' in body
    assert [ask(server, path)[0] for path in ("/x", "/metrics/", "/../etc/passwd")] == [404] * 3
    assert ask(server, "/metrics", "POST")[0] == 501


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil", ""])
def test_a_strangers_name_for_this_host_is_refused(start: Start, host: str) -> None:
    status, _, body, _ = ask(start(), "/metrics", headers={"Host": host})
    assert (status, body) == (421, b"unknown host\n")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9101", "127.0.0.1", "127.0.0.1:1", "[::1]:9101", "10.1.2.3"])
def test_addresses_and_own_names_are_served(start: Start, host: str) -> None:
    assert ask(start(), "/metrics", headers={"Host": host})[0] == 200


def test_a_failure_is_an_answer_and_the_next_scrape_works(start: Start) -> None:
    results: list[str | Exception] = [RuntimeError("secret detail"), "up 1\n"]

    def text() -> str:
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    server = start(text)
    status, _, body, _ = ask(server, "/metrics")
    assert status == 500 and b"secret" not in body
    assert ask(server, "/metrics")[0] == 200


def test_a_request_has_a_size_and_a_time(start: Start) -> None:
    hasty, patient = start(request_s=0.2), start()
    for server, request in (
        (hasty, b"GET /metrics HTTP/1.1\r\nHost: local"),
        (patient, b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 10 * serving.REQUEST_BYTES),
    ):
        with raw(server) as each, contextlib.suppress(ConnectionError):
            each.sendall(request)
            assert each.recv(100) == b""  # cut off, unanswered
    assert ask(patient, "/metrics")[0] == 200


def test_only_so_many_at_once(start: Start) -> None:
    entered, go_on = threading.Semaphore(0), threading.Event()

    def text() -> str:
        entered.release()
        go_on.wait()
        return "up 1\n"

    server = start(text)
    waiting = [raw(server) for _ in range(serving.AT_ONCE)]
    try:
        for each in waiting:
            each.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        for _ in waiting:
            entered.acquire()
        with raw(server) as one_more:
            assert one_more.recv(100) == b""
        go_on.set()
        for each in waiting:
            assert each.recv(100).startswith(b"HTTP/1.0 200")
    finally:
        go_on.set()
        for each in waiting:
            each.close()


def test_close_ends_at_once_and_frees_the_port(start: Start) -> None:
    server = start(request_s=3600.0)
    with raw(server) as idle:
        idle.sendall(b"GET /metrics HTTP/1.0\r\nX-Unfinished: ")
        assert ask(server, "/metrics")[0] == 200  # so the one before has been accepted too
        server.close()
        server.close()
        assert idle.recv(100) == b""
    again = serve(server.address, lambda: "")
    again.close()


def test_a_port_in_use_and_a_wrong_address_are_said(start: Start) -> None:
    server = start()
    with pytest.raises(UsageError, match="in use"):
        serve(server.address, lambda: "")
    for address in ("9101", "127.0.0.1", ":9101", "127.0.0.1:x", "127.0.0.1:70000", "::1:9101", "256.1.1.1:0"):
        with pytest.raises(UsageError):
            serve(address, lambda: "")


def test_another_than_a_loopback_address_is_said() -> None:
    told: list[str] = []
    server = serve("0.0.0.0:0", lambda: "", told.append)
    server.close()
    assert len(told) == 1 and "not a loopback" in told[0]
    quiet = serve("localhost:0", lambda: "", told.append)
    quiet.close()
    assert len(told) == 1
