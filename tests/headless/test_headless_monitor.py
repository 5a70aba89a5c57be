"""`opsconsole monitor` as a user starts it: in the foreground, in the background, stopped, killed, served."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from headless_console import Console, ndjson, read_line_with, wait_until

from opsconsole.monitoring import control, live

QUICK = "[monitor]\ninterval_s = 0.1\nidle_interval_s = 0.1\nmax_share = 1.0\nlearning = false\nsmart = false\n"
QUICK += 'ignore_mounts = ["*/pytest-*"]\n'  # what other tests fill
ALWAYS = QUICK + "[monitor.thresholds.memory_high]\nlow = 0.001\nfor_s = 0\nclear = 0.0005\n"
CONTRACT = {"time", "cpu", "load", "memory", "swap", "disks", "network", "pressure"}


@pytest.fixture
def quick(console: Console) -> Iterator[Console]:
    (console.folder / "config.toml").write_text(QUICK)
    yield console
    if (found := control.holder(control.Files(console.state))) and found.pid:
        os.kill(found.pid, signal.SIGKILL)


def test_one_look_has_the_fields_of_the_contract(quick: Console) -> None:
    [sample] = ndjson(quick.run("monitor", "--once", "--json").stdout)
    assert set(sample) >= CONTRACT
    assert isinstance(sample["cpu"]["per_core"], list) and sample["cpu"]["percent"] is not None
    assert sample["memory"]["total_bytes"] > sample["memory"]["used_bytes"] > 0
    assert all({"mount", "percent"} <= set(disk) for disk in sample["disks"])
    assert sample["interval_s"] == pytest.approx(0.1, abs=5)
    with_processes = ndjson(quick.run("monitor", "--once", "--json", "--top", "3").stdout)[0]
    assert len(with_processes["top"]) == 3


def test_one_look_does_not_stay_and_is_not_recorded_as_stopped(quick: Console) -> None:
    quick.run("monitor", "--once")
    assert ndjson(quick.run("monitor", "status", "--json").stdout)[0]["state"] == "off"


def test_lines_for_people(quick: Console) -> None:
    done = quick.run("monitor", "--once")
    head, line = done.stdout.decode().splitlines()
    assert head.split()[:4] == ["TIME", "CPU%", "LOAD", "MEM%"]
    assert line.count(":") == 2 and "\x1b" not in line
    assert (done.returncode, done.stderr) == (0, b"")


def test_prometheus_text(quick: Console) -> None:
    text = quick.run("monitor", "--once", "--prometheus").stdout.decode()
    assert "# TYPE opsconsole_build_info gauge" in text
    assert all(line.startswith(("#", "opsconsole_", "node_")) for line in text.splitlines() if line)


def test_a_second_console_shows_the_view_of_the_first(quick: Console) -> None:
    assert quick.run("monitor", "start").returncode == 0
    status = ndjson(quick.run("monitor", "status", "--json").stdout)[0]
    assert status["state"] == "elsewhere" and status["pid"] != os.getpid()
    assert b"already watching" in quick.run("monitor", "start").stdout
    shown = quick.run("monitor", "--once", "--json")
    assert b"another console watches this host" in shown.stderr
    assert len(ndjson(shown.stdout)) == 1
    assert quick.run("monitor", "stop").stdout == b"stopped\n"
    assert quick.run("monitor", "stop").stdout == b"no monitor was running\n"
    assert ndjson(quick.run("monitor", "status", "--json").stdout)[0]["state"] == "stopped"


def test_an_anomaly_is_a_line_of_its_own_and_in_the_record(quick: Console) -> None:
    (quick.folder / "config.toml").write_text(ALWAYS)
    with quick.start("monitor") as process:
        line = read_line_with(process.stdout, b"memory_high opened").decode()
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=50)
    assert b"memory_high opened" not in rest and process.returncode == 128 + signal.SIGTERM
    assert "memory" in line.lower()
    [stored] = quick.objects("anomalies", "--kind", "memory_high")
    assert {"id", "kind", "subject", "severity", "state", "opened_at", "closed_at", "value", "peak", "threshold"} <= (
        set(stored)
    )
    assert (stored["state"], stored["closed_at"]) == ("open", None)


def test_a_killed_monitor_leaves_its_place_and_its_record(quick: Console) -> None:
    (quick.folder / "config.toml").write_text(ALWAYS)
    quick.run("monitor", "start")
    files = control.Files(quick.state)
    first = control.holder(files)
    assert first is not None
    wait_until(lambda: quick.objects("anomalies", "--kind", "memory_high"), "the episode in the record")
    before = quick.objects("anomalies", "--kind", "memory_high")
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: control.holder(files) is None, "the end of the first")
    assert ndjson(quick.run("monitor", "status", "--json").stdout)[0]["state"] == "off"
    quick.run("monitor", "start")
    second = control.holder(files)
    assert second is not None and second.pid != first.pid
    quick.run("monitor", "--once")
    after = quick.objects("anomalies", "--kind", "memory_high")
    assert [one["id"] for one in after] == [one["id"] for one in before], "the episode goes on, no second one begins"
    quick.run("monitor", "stop")


def test_metrics_are_served_on_loopback_and_nothing_else(quick: Console) -> None:
    with socket.socket() as held:  # nobody else is given the port; the server, which may share it, listens alone
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        quick.run("monitor", "start", "--listen", f"127.0.0.1:{port}")
        quick.run("monitor", "--once")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=50) as answer:
            assert b"opsconsole_build_info" in answer.read()
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/etc/passwd", timeout=50)
        quick.run("monitor", "stop")


def test_a_port_in_use_is_a_clear_error(quick: Console) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = quick.run("monitor", "--duration", "1", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr and done.stderr.count(b"\n") <= 3


def test_wrong_thresholds_are_named(quick: Console) -> None:
    (quick.folder / "config.toml").write_text("[monitor.thresholds.cpu_hihg]\nhigh = 3\n")
    done = quick.run("monitor", "--duration", "1")
    assert done.returncode != 0
    assert b"cpu_hihg" in done.stderr and b"cpu_high" in done.stderr


def test_a_dashboard_and_alert_rules_are_printed(quick: Console) -> None:
    assert json.loads(quick.run("monitor", "grafana").stdout)["panels"]
    assert b"alert:" in quick.run("monitor", "rules").stdout


def test_the_reader_of_the_lines_may_leave(quick: Console) -> None:
    done = quick.shell("$OC monitor | head -n 3")
    assert done.stdout.count(b"\n") == 3
    assert b"Traceback" not in done.stderr


def test_a_signal_ends_it_and_gives_the_lock_back(quick: Console, tmp_path: Path) -> None:
    process = quick.start("monitor", "--json")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert control.holder(control.Files(quick.state)) is None
    assert live.read(control.Files(quick.state).live) is not None


def test_what_was_recorded_can_be_asked_for(quick: Console) -> None:
    wanted, names = {"cpu", "memory", "load1"}, set[str]()
    for seconds in ("3", "9", "27"):  # on a busy host the second look, which tells the CPU, may come late
        quick.run("monitor", "--duration", seconds)
        names = set(quick.run("monitor", "history").stdout.decode().split())
        if wanted <= names:
            break
    assert wanted <= names
    points = ndjson(quick.run("monitor", "history", "memory", "--since", "10m", "--json").stdout)
    assert points and all(0 < point["min"] <= point["mean"] <= point["max"] <= 100 for point in points)
    wrong = quick.run("monitor", "history", "no such thing")
    assert wrong.returncode == 2 and b"lists them" in wrong.stderr
    assert quick.run("monitor", "status", "cpu").returncode == 2


def test_one_process_closely(quick: Console) -> None:
    secret = "hunter2-hunter2"  # noqa: S105
    process = quick.start("monitor", "--json", DEPLOY_TOKEN=secret)
    assert process.stdout is not None
    process.stdout.readline()
    done = quick.run("monitor", "process", str(process.pid), "--json")
    process.kill()
    process.communicate()
    [found] = ndjson(done.stdout)
    assert found["pid"] == process.pid and found["open_files"] > 3 and found["threads"] > 1
    assert "DEPLOY_TOKEN" in found["environment"] and secret.encode() not in done.stdout
    gone = quick.run("monitor", "process", str(process.pid))
    assert gone.returncode == 2 and b"may have ended" in gone.stderr
    assert quick.run("monitor", "process").returncode == 2


def test_a_secret_in_a_command_line_is_shown_nowhere(quick: Console) -> None:
    secret = "hunter3-secret"  # noqa: S105
    holder = subprocess.Popen(
        [sys.executable, "-c", "import sys; print('there', flush=True); sys.stdin.read()", f"--password={secret}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None and holder.stdout.readline() == b"there\n"
    try:
        many = ("--top", "5000")
        for form in (("--json",), ()):
            done = quick.run("monitor", "--once", *many, *form)
            assert str(holder.pid).encode() in done.stdout and b"--password=" in done.stdout
            assert secret.encode() not in done.stdout
        assert secret.encode() not in (quick.state / "monitor.live").read_bytes()
    finally:
        holder.communicate()


def test_a_start_that_fails_says_why_and_does_not_claim_to_watch(quick: Console) -> None:
    wrong = quick.run("monitor", "start", "--listen", "nowhere")
    assert wrong.returncode != 0 and b"nowhere" in wrong.stderr and wrong.stdout == b""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = quick.run("monitor", "start", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 125 and b"Address already in use" in done.stderr
    assert ndjson(quick.run("monitor", "status", "--json").stdout)[0]["state"] != "elsewhere"


def test_a_running_monitor_is_not_given_other_options_silently(quick: Console) -> None:
    [started] = ndjson(quick.run("monitor", "start", "--json").stdout)
    assert started["state"] == "elsewhere"
    done = quick.run("monitor", "start", "--interval", "5")
    assert done.returncode == 125 and b"monitor stop" in done.stderr
    assert ndjson(quick.run("monitor", "stop", "--json").stdout)[0]["state"] == "stopped"


def test_who_follows_goes_on_when_the_watching_console_leaves(quick: Console) -> None:
    first = quick.start("monitor", "--json")
    assert first.stdout is not None
    first.stdout.readline()
    second = quick.start("monitor", "--json")
    assert second.stdout is not None
    second.stdout.readline()
    assert control.holder(control.Files(quick.state)).pid == first.pid  # type: ignore[union-attr]
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=30)
    while (found := control.holder(control.Files(quick.state))) is None or found.pid != second.pid:
        second.stdout.readline()
    second.send_signal(signal.SIGTERM)
    _, said = second.communicate(timeout=30)
    assert second.returncode == 128 + signal.SIGTERM
    assert b"watching from here" in said


@pytest.mark.parametrize("words", [("--top", "-1"), ("--once", "--listen", "127.0.0.1:0"), ("start", "cpu")])
def test_options_that_make_no_sense_are_usage_errors(quick: Console, words: tuple[str, ...]) -> None:
    assert quick.run("monitor", *words).returncode == 2
