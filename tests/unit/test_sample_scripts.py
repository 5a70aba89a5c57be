"""The sample scripts: each is documented, parses, and works for an ordinary user."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import ssl
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_server

import pytest

FOLDER = Path(__file__).parents[2] / "sample_scripts"
SCRIPTS = sorted(path for path in FOLDER.iterdir() if path.suffix in {".sh", ".py", ".ps1", ".applescript"})
SHEBANGS = {
    ".sh": {"#!/bin/sh", "#!/usr/bin/env bash"},
    ".py": {"#!/usr/bin/env python3"},
    ".ps1": {"#!/usr/bin/env pwsh"},
    ".applescript": {"#!/usr/bin/osascript"},
}
NOBODY = 65534
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
ESCAPE = "\x1b"
HOSTILE = f"evil{ESCAPE}[31m\nline"

every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
shell_script = pytest.mark.parametrize(
    "script", [path for path in SCRIPTS if path.suffix == ".sh"], ids=lambda path: path.name
)


class Ground:
    """A directory of an ordinary user, and the means to run a script as that user."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        self.environment = {"PATH": SYSTEM_PATH, "HOME": str(home), "LC_ALL": "C.UTF-8"}

    def own(self) -> None:
        """Give everything here to the user the scripts run as."""
        if os.geteuid() == 0:
            for path in [self.home, *self.home.rglob("*")]:
                os.lchown(path, NOBODY, NOBODY)

    def make(self, relative: str, content: str = "", days_old: float = 0) -> Path:
        path = self.home / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        then = time.time() - days_old * 86400
        os.utime(path, (then, then))
        return path

    def start(self, name: str, *arguments: object) -> subprocess.Popen[str]:
        if name.endswith(".py") and not shutil.which("python3", path=SYSTEM_PATH):
            pytest.skip("no python3 that every user of this host may run")
        program = self.home / ".scripts" / name  # a copy: the checkout may be closed to other users
        program.parent.mkdir(exist_ok=True)
        if not program.exists():
            shutil.copy(FOLDER / name, program)
        self.own()
        return self.spawn([str(program), *map(str, arguments)])

    def spawn(self, command: list[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.home,
            env=self.environment,
            **self.identity,
        )

    def run(self, name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        process = self.start(name, *arguments)
        out, err = process.communicate(timeout=50)
        assert ESCAPE not in out + err, "control characters must not reach a terminal"
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture
def ground() -> Iterator[Ground]:
    # Not tmp_path: pytest closes its parents to other users.
    home = Path(tempfile.mkdtemp(prefix="sample_scripts_", dir="/tmp"))
    yield Ground(home)
    for folder, folders, _ in os.walk(home):
        for name in folders:
            if not os.path.islink(os.path.join(folder, name)):
                os.chmod(os.path.join(folder, name), 0o700)
    shutil.rmtree(home)


# What every script must have


@every_script
def test_script_has_the_shebang_of_its_language(script: Path) -> None:
    assert script.read_text().splitlines()[0] in SHEBANGS[script.suffix]


@every_script
def test_script_says_what_it_does_and_how_to_call_it(script: Path) -> None:
    purpose, usage = script.read_text().splitlines()[1:3]
    assert re.fullmatch(r"# [A-Z].+\.", purpose)
    assert re.match(rf"# Usage: (osascript )?{re.escape(script.name)}\b", usage)


@every_script
def test_script_may_be_executed_and_is_short(script: Path) -> None:
    assert stat.S_IMODE(script.stat().st_mode) & 0o555 == 0o555
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", script.stem)
    assert len(script.read_text().splitlines()) <= 150


def test_readme_table_lists_exactly_the_scripts() -> None:
    listed = re.findall(r"^\| `([^`]+)` \|", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == [script.name for script in SCRIPTS]


@shell_script
def test_shell_script_parses_in_its_own_shell(script: Path) -> None:
    shell = "bash" if "bash" in script.read_text().splitlines()[0] else "sh"
    checked = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")


@shell_script
def test_shell_script_stops_on_errors_and_unset_names(script: Path) -> None:
    text = script.read_text()
    assert ("set -euo pipefail" if "bash" in text.splitlines()[0] else "set -eu\n") in text


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_has_nothing_to_say() -> None:
    files = [str(path) for path in SCRIPTS if path.suffix == ".sh"]
    checked = subprocess.run(["shellcheck", *files], capture_output=True, text=True)
    assert checked.stdout == ""


@pytest.mark.parametrize("name", [path.name for path in SCRIPTS if path.suffix in {".sh", ".py"}])
def test_help_explains_usage_and_exit_codes(ground: Ground, name: str) -> None:
    shown = ground.run(name, "--help")
    assert shown.returncode == 0
    assert "usage: " in shown.stdout.lower()
    assert "Exit: 0" in shown.stdout


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("system_health.sh", ["--unknown"]),
        ("largest_directories.sh", ["/tmp", "0"]),
        ("largest_directories.sh", ["/nonexistent"]),
        ("log_errors.sh", ["soon"]),
        ("long_job.sh", ["1", "1.2.3"]),
        ("long_job.sh", ["-1"]),
        ("clean_old_files.sh", ["--force"]),
        ("clean_old_files.sh", ["/tmp", "0"]),
        ("open_deleted_files.sh", ["many"]),
        ("listening_ports.py", ["--proc", "/nonexistent"]),
        ("top_consumers.py", ["0"]),
    ],
)
def test_wrong_arguments_end_with_2_and_a_reason(ground: Ground, name: str, arguments: list[str]) -> None:
    refused = ground.run(name, *arguments)
    assert refused.returncode == 2
    assert refused.stdout + refused.stderr


# system_health.sh


def test_system_health_ends_with_a_verdict_and_exit_0(ground: Ground) -> None:
    seen = ground.run("system_health.sh")
    assert (seen.returncode, seen.stderr) == (0, "")
    assert re.match(r"(OK|WARN|CRIT): \S", seen.stdout.splitlines()[-1])


def test_system_health_names_every_reason_the_worst_first(ground: Ground) -> None:
    ground.make("proc/loadavg", "9999.00 9999.00 9999.00 1/2 3\n")
    ground.make("proc/uptime", "90061.5 1.0\n")
    ground.make("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 20 kB\nSwapTotal: 100 kB\nSwapFree: 10 kB\n")
    ground.make("proc/pressure/memory", "full avg10=0.00 avg60=12.34 avg300=0.00 total=1\n")
    ground.make("proc/vmstat", "oom_kill 3\n")
    for pid in range(100, 112):
        ground.make(f"proc/{pid}/status", "Name:\tx\nState:\tZ (zombie)\n")
    ground.environment["PROC_ROOT"] = str(ground.home / "proc")
    seen = ground.run("system_health.sh")
    verdict = seen.stdout.splitlines()[-1]
    assert seen.returncode == 0
    assert verdict.startswith("CRIT: load 9999.00 over 5 min on ")
    assert "uptime     1 d 1 h 1 min" in seen.stdout
    for reason in ("memory 98 % used", "swap 90 % used", "memory pressure 12 %", "12 zombies", "3 OOM kills"):
        assert reason in verdict


def test_system_health_says_2_when_it_could_not_look(ground: Ground) -> None:
    ground.environment["PROC_ROOT"] = str(ground.home)
    blind = ground.run("system_health.sh")
    assert (blind.returncode, blind.stdout) == (2, "")


# largest_directories.sh


def test_largest_directories_are_sorted_and_hostile_names_made_visible(ground: Ground) -> None:
    ground.make(f"tree/{HOSTILE}/data", "x" * 300_000)
    ground.make("tree/small/data", "x" * 20_000)
    (ground.home / "tree" / "link").symlink_to("/usr")
    shown = ground.run("largest_directories.sh", ground.home / "tree", 2)
    assert shown.returncode == 0
    assert [line.split("/")[-1] for line in shown.stdout.splitlines()[1:]] == ["tree", "evil^[[31m?line"]


def test_largest_directories_takes_a_name_that_looks_like_an_option(ground: Ground) -> None:
    ground.make("-rf/data", "x")
    shown = ground.run("largest_directories.sh", "-rf")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "./-rf" in shown.stdout


def test_largest_directories_counts_what_it_could_not_read(ground: Ground) -> None:
    ground.make("tree/closed/data").parent.chmod(0)
    shown = ground.run("largest_directories.sh", "tree")
    assert shown.returncode == 0
    assert "incomplete: 1 places" in shown.stderr


# log_errors.sh


@pytest.fixture
def logs(ground: Ground) -> Ground:
    """Ground with an empty log directory and a journal that is closed."""
    (ground.home / "log").mkdir()
    ground.environment["LOG_DIR"] = str(ground.home / "log")
    ground.environment["PATH"] = f"{ground.home}/bin:{SYSTEM_PATH}"
    ground.make("bin/journalctl", "#!/bin/sh\nexit 1\n").chmod(0o755)
    return ground


def test_log_errors_reads_what_it_may_and_names_the_rest(logs: Ground) -> None:
    failed = "Nov 21 03:00:00 host sshd[1]: Failed password for root from 203.0.113.5 port 22 ssh2\n"
    logs.make("log/auth.log", failed * 3 + "Nov 21 03:00:01 host cron: session opened\n")
    logs.make("log/syslog", f"Nov 21 03:00:00 host app: {ESCAPE}]0;title\x07 I/O error\n")
    logs.make("log/kern.log", "").chmod(0)
    steps = [("half-configured", "good"), ("installed", "good"), ("half-configured", "broken")]
    logs.make("log/dpkg.log", "".join(f"2026-01-01 00:00:00 status {s} {p}:amd64 1\n" for s, p in steps))
    seen = logs.run("log_errors.sh")
    assert (seen.returncode, seen.stderr) == (0, "")
    assert "failed logins: 3 lines" in seen.stdout
    assert "origin, times: 3 203.0.113.5" in seen.stdout
    assert "errors: 1 lines" in seen.stdout
    assert "^[]0;title^G I/O error" in seen.stdout
    assert "left half-way: 1 lines\n    2026-01-01 00:00:00 broken:amd64 half-configured" in seen.stdout
    assert re.search(r"could not read journal: .*closed to", seen.stdout)
    assert re.search(r"could not read .*/kern.log: not readable by", seen.stdout)


def test_log_errors_reads_the_journal_when_it_is_open(logs: Ground) -> None:
    logs.make("bin/journalctl", "#!/bin/sh\necho 'sshd: Invalid user x from 2001:db8::1 port 1'\n").chmod(0o755)
    seen = logs.run("log_errors.sh", 1, 1)
    assert seen.returncode == 0
    assert "journal, last 1 h\n  failed logins: 1 lines\n    origin, times: 1 2001:db8::1" in seen.stdout


def test_log_errors_ends_with_1_when_nothing_could_be_read(logs: Ground) -> None:
    blind = logs.run("log_errors.sh")
    assert blind.returncode == 1
    assert "nothing is known" in blind.stderr


# listening_ports.py


def test_listening_ports_shows_a_port_that_is_open_now(ground: Ground) -> None:
    with create_server(("127.0.0.1", 0)) as server:
        shown = ground.run("listening_ports.py")
        port = server.getsockname()[1]
    assert shown.returncode == 0
    assert re.search(rf"^tcp +127\.0\.0\.1 +{port} +this host ", shown.stdout, re.MULTILINE)


def test_listening_ports_decodes_addresses_and_names_the_process(ground: Ground) -> None:
    rest = "00000000:0000 {} 00000000:00000000 00:00000000 00000000 0 0 {} 1\n"
    any_v6, local_v6 = "0" * 32, "0" * 24 + "01000000"
    ground.make("proc/net/tcp", "header\n 0: 0100007F:1F90 " + rest.format("0A", 77))
    ground.make("proc/net/tcp6", "header\n 0: " + local_v6 + ":0016 " + rest.format("01", 78))
    ground.make("proc/net/udp6", "header\n 0: " + any_v6 + ":0035 " + rest.format("07", 79))
    ground.make("proc/42/comm", HOSTILE + "\n")
    (ground.home / "proc/42/fd").mkdir()
    (ground.home / "proc/42/fd/3").symlink_to("socket:[77]")
    shown = ground.run("listening_ports.py", "--proc", ground.home / "proc")
    rows = [re.split(r" {2,}", line) for line in shown.stdout.splitlines()[1:-1]]
    assert shown.returncode == 0
    assert [row[1:3] for row in rows] == [["127.0.0.1", "8080"], ["::", "53"]]
    assert rows[0][-1] == r"42/evil\x1b[31m\nline"
    assert rows[1][-1] == "not visible to this user"
    assert "net/udp: No such file" in shown.stderr


# certificate_expiry.py


def der(tag: int, *content: bytes) -> bytes:
    body = b"".join(content)
    size = len(body).to_bytes(2, "big")
    return bytes([tag]) + (size[1:] if len(body) < 128 else b"\x82" + size) + body


def certificate(days: int, name: str = "host.example", generalised: bool = False) -> str:
    """A certificate in PEM that ends in so many days; nobody looks at its key and signature."""
    form, tag = ("%Y%m%d%H%M%SZ", 0x18) if generalised else ("%y%m%d%H%M%SZ", 0x17)
    moment = datetime.now(UTC) + timedelta(days=days, hours=1)
    times = der(0x30, der(tag, b"20200101000000Z"[-13:]), der(tag, moment.strftime(form).encode()))
    common_name = der(0x31, der(0x30, bytes.fromhex("0603550403"), der(0x0C, name.encode())))
    algorithm = der(0x30, bytes.fromhex("06082a8648ce3d040302"))
    body = der(0x30, der(0xA0, der(2, b"\2")), der(2, b"\1"), algorithm, der(0x30), times, der(0x30, common_name))
    encoded = base64.encodebytes(der(0x30, body, algorithm, der(3, b"\0" * 120))).decode()
    return f"-----BEGIN CERTIFICATE-----\n{encoded}-----END CERTIFICATE-----\n"


def test_certificate_expiry_ends_with_1_when_one_ends_soon(ground: Ground) -> None:
    ground.make("certs/good.pem", certificate(400) + certificate(9000, generalised=True))
    ground.make("certs/deep/soon.crt", certificate(12, HOSTILE))
    ground.make("certs/old.pem", certificate(-3))
    ground.make("certs/key.pem", "-----BEGIN PRIVATE KEY-----\n")
    found = ground.run("certificate_expiry.py", "certs")
    assert (found.returncode, found.stderr) == (1, "")
    expired, soon, *_ = found.stdout.splitlines()
    assert re.search(r" -3 days  EXPIRED  host.example .*/old.pem$", expired)
    assert re.search(r" 12 days  SOON +evil\\x1b\[31m\\nline .*/soon.crt$", soon)
    assert found.stdout.endswith("total: 4 certificates, 2 end within 30 days, 0 not checked\n")


def test_certificate_expiry_ends_with_0_when_none_ends_within_the_days_asked_for(ground: Ground) -> None:
    ground.make("certs/soon.pem", certificate(12))
    assert ground.run("certificate_expiry.py", "--days", 10, "certs").returncode == 0


def test_certificate_expiry_leaves_superseded_lets_encrypt_copies_out(ground: Ground) -> None:
    ground.make("letsencrypt/archive/site/cert1.pem", certificate(-100))
    ground.make("letsencrypt/archive/site/cert2.pem", certificate(60))
    live = ground.home / "letsencrypt/live/site"
    live.mkdir(parents=True)
    (live / "cert.pem").symlink_to("../../archive/site/cert2.pem")
    found = ground.run("certificate_expiry.py", "letsencrypt")
    assert (found.returncode, found.stdout.splitlines()[-1][:8]) == (0, "total: 1")


@pytest.mark.parametrize(
    "content",
    ["no certificate", certificate(100)[:-200] + "\n-----END", None],
    ids=["other text", "cut short", "absent"],
)
def test_certificate_expiry_ends_with_2_when_a_named_file_cannot_be_checked(
    ground: Ground, content: str | None
) -> None:
    if content is not None:
        ground.make("file.pem", content)
    found = ground.run("certificate_expiry.py", "file.pem")
    assert found.returncode == 2
    assert "cannot check" in found.stderr


def test_certificate_expiry_does_not_wait_for_a_fifo(ground: Ground) -> None:
    ground.make("certs/good.pem", certificate(400))
    os.mkfifo(ground.home / "certs/pipe.pem")
    found = ground.run("certificate_expiry.py", "certs")
    assert (found.returncode, found.stdout[-14:]) == (2, "1 not checked\n")


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl, which makes the server's key, is not installed")
def test_certificate_expiry_asks_a_server(ground: Ground) -> None:
    key, chain = ground.home / "key.pem", ground.home / "chain.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    request = ["openssl", "req", "-x509", *curve, "-subj", "/CN=served.example", "-days", "20"]
    subprocess.run([*request, "-keyout", key, "-out", chain], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)

    def serve() -> None:
        connection, _ = server.accept()
        with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=True) as secure:
            secure.recv(1)

    with create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        thread = threading.Thread(target=serve)
        thread.start()
        found = ground.run("certificate_expiry.py", f"127.0.0.1:{server.getsockname()[1]}")
        thread.join()
    assert found.returncode == 1
    assert re.search(r" (19|20) days  SOON +served.example  127.0.0.1:\d+\n", found.stdout)


# top_consumers.py


def test_top_consumers_keeps_a_private_history_and_compares_with_it(ground: Ground) -> None:
    first = ground.run("top_consumers.py", 2, 0.01)
    again = ground.run("top_consumers.py", 1, 0.01)
    history = ground.home / ".local/state/opsconsole-samples/top_consumers.jsonl"
    records = [json.loads(line) for line in history.read_text().splitlines()]
    assert (first.returncode, first.stderr, again.returncode, again.stderr) == (0, "", 0, "")
    assert "of which there is none" in first.stdout
    assert "since the last run, 0 min ago" in again.stdout
    assert [set(record) for record in records] == [{"time", "cpu", "memory"}] * 3
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.parent.stat().st_mode) == 0o700


def test_top_consumers_shows_and_says_so_when_the_history_cannot_be_kept(ground: Ground) -> None:
    ground.environment["XDG_STATE_HOME"] = "/proc/no-such-place"
    shown = ground.run("top_consumers.py", 1, 0.01)
    assert shown.returncode == 0
    assert "most memory" in shown.stdout
    assert "history not kept" in shown.stderr


def test_top_consumers_starts_a_large_history_anew_and_survives_a_damaged_one(ground: Ground) -> None:
    state = "opsconsole-samples/top_consumers.jsonl"
    ground.environment["XDG_STATE_HOME"] = str(ground.home)
    ground.make(state, "damaged\n" * 200_000)
    assert ground.run("top_consumers.py", 1, 0.01).returncode == 0
    assert len((ground.home / state).read_text().splitlines()) == 1
    assert (ground.home / (state + ".1")).exists()


# long_job.sh


def test_long_job_prints_a_line_a_step_and_one_warning(ground: Ground) -> None:
    done = ground.run("long_job.sh", 3, 0.01)
    assert done.returncode == 0
    steps = [line for line in done.stdout.splitlines() if line.startswith("step ")]
    assert steps == ["step 1 of 3 done (33 %)", "step 2 of 3 done (66 %)", "step 3 of 3 done (100 %)"]
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_long_job_stops_at_once_and_says_how_far_it_came(ground: Ground, number: signal.Signals, status: int) -> None:
    job = ground.start("long_job.sh", 5, 1000)
    assert job.stdout is not None
    assert job.stdout.readline().startswith("starting")
    job.send_signal(number)
    out, _ = job.communicate(timeout=20)  # also waits for its sleep, which holds the pipe
    assert job.returncode == status
    assert out == f"stopped by {number.name[3:]} after 0 of 5 steps; nothing left behind\n"


# clean_old_files.sh


@pytest.fixture
def old_files(ground: Ground) -> Ground:
    for name in ("a.tmp", "deep/b.log", "deep/c.log.2.gz", f"{HOSTILE}.temp", "-rf.tmp"):
        ground.make(f"tree/{name}", "x" * 5000, days_old=30)
    ground.make("tree/young.tmp", "x", days_old=10)
    ground.make("tree/precious.db", "x", days_old=900)
    ground.make("outside/far.tmp", "x", days_old=900)
    (ground.home / "tree/folder_link").symlink_to("../outside")
    link = ground.home / "tree/link.tmp"
    link.symlink_to("../outside/far.tmp")
    os.utime(link, (0, 0), follow_symlinks=False)
    return ground


def names_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_clean_old_files_changes_nothing_unless_told_to(old_files: Ground) -> None:
    before = names_below(old_files.home / "tree")
    report = old_files.run("clean_old_files.sh", "tree")
    assert (report.returncode, report.stderr) == (0, "")
    assert report.stdout.count("\n") == 6
    assert "total: 5 files older than 14 days" in report.stdout
    assert r"evil\E[31m\nline.temp" in report.stdout
    assert names_below(old_files.home / "tree") == before


def test_clean_old_files_deletes_exactly_what_it_reports(old_files: Ground) -> None:
    applied = old_files.run("clean_old_files.sh", "--apply", "tree", 14)
    assert (applied.returncode, applied.stderr) == (0, "")
    assert "total: 5 files" in applied.stdout
    left = {"deep", "folder_link", "link.tmp", "precious.db", "young.tmp"}
    assert names_below(old_files.home / "tree") - {"folder_link/far.tmp"} == left
    assert (old_files.home / "outside/far.tmp").exists()


def test_clean_old_files_ends_with_1_when_a_file_could_not_be_deleted(ground: Ground) -> None:
    ground.make("tree/closed/a.tmp", days_old=30).parent.chmod(0o555)
    failed = ground.run("clean_old_files.sh", "--apply", "tree")
    assert failed.returncode == 1
    assert "not deleted" in failed.stderr
    assert "total: 0 files" in failed.stdout


@pytest.mark.parametrize(
    "place",
    ["", "/", "//", "/tmp/..", "/etc", "/usr/share", "/nonexistent", "link", "link/", ".", f"{HOSTILE}"],
)
def test_clean_old_files_refuses_dangerous_places(ground: Ground, place: str) -> None:
    ground.make("real/a.tmp", days_old=30)
    (ground.home / "link").symlink_to("real")
    refused = ground.run("clean_old_files.sh", "--apply", place)
    assert refused.returncode == 2
    assert "refused" in refused.stderr
    assert (ground.home / "real/a.tmp").exists()


# open_deleted_files.sh


def test_open_deleted_files_names_the_file_and_its_holder(ground: Ground) -> None:
    ground.own()
    hold = 'exec 3>"$0"; head -c 1000000 /dev/zero >&3; rm -- "$0"; echo ready; read -r _'
    holder = ground.spawn(["sh", "-c", hold, HOSTILE])
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    seen = ground.run("open_deleted_files.sh", 100)
    holder.communicate("\n", timeout=20)
    assert (seen.returncode, seen.stderr) == (0, "")
    pattern = rf"^ +(\d+) +{holder.pid}  sh +{ground.home}/evil\^\[\[31m\?line$"
    row = re.search(pattern, seen.stdout, re.MULTILINE)
    assert row
    assert int(row[1]) >= 900


def test_open_deleted_files_leaves_out_a_file_that_has_another_name(ground: Ground) -> None:
    ground.own()
    hold = "exec 3>one; ln one two; head -c 1000000 /dev/zero >&3; rm one; echo ready; read -r _"
    holder = ground.spawn(["sh", "-c", hold])
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    seen = ground.run("open_deleted_files.sh")
    holder.communicate("\n", timeout=20)
    assert seen.returncode == 0
    assert str(ground.home) not in seen.stdout
