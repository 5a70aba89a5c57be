"""The other ways: bell, desktop, command and Apprise, and what every way has in common."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsconsole.alert_settings import (
    AlertRule,
    AlertSettings,
    AppriseSettings,
    CommandSettings,
    MailSettings,
    WebhookSettings,
)
from opsconsole.anomalies import AnomalyState
from opsconsole.monitoring.alerts import messages
from opsconsole.monitoring.alerts.messages import Message
from opsconsole.monitoring.alerts.notifiers import DeliveryError, Line, Means, configured, make
from opsconsole.monitoring.alerts.notifiers.command import environment
from opsconsole.monitoring.alerts.notifiers.desktop import Desktop
from tests.monitoring.alert_support import HOST, NO_WAIT, START_US, anomaly, desk, process
from tests.monitoring.receivers import HttpReceiver, status
from tests.monitoring.test_webhook import LONG_S, message


def send(name: str, settings: AlertSettings, what: Message | None = None, **means: Any) -> str:
    notifier = make(name, settings, Means(HOST, means.get("tell", print), means.get("submit")))
    with Line(notifier.timeout_s, notifier.total_s) as line:
        return notifier.send(what or message(), line)


# -- bell


def test_the_bell_is_a_notice() -> None:
    said: list[str] = []
    assert send("bell", AlertSettings(), tell=said.append) == "shown"
    assert said == ["[HIGH] db1: cpu_high  at 97.5 %"]


def test_a_bell_that_breaks_is_a_failed_delivery_and_no_more(tmp_path: Path) -> None:
    def broken(words: str) -> None:
        if words.startswith("["):
            raise RuntimeError("the screen is gone")

    with desk(tmp_path / "opsconsole.db") as here:
        here.alerts._sender._means.tell = broken
        here.opens(anomaly())
        here.alerts.send_due()
        assert [(row.state, row.answer) for row in here.rows()] == [
            ("queued", "bell: RuntimeError: the screen is gone")
        ]  # fmt: skip


# -- desktop


@pytest.fixture
def notify_send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real program of that name, which writes down its arguments."""
    program = tmp_path / "bin" / "notify-send"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport json, sys\njson.dump(sys.argv[1:], open({str(tmp_path / 'shown')!r}, 'w'))\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(Desktop, "timeout_s", LONG_S)  # it is a Python, which takes its time to begin
    monkeypatch.setattr(Desktop, "total_s", LONG_S)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    return tmp_path / "shown"


def test_the_desktop_shows_text_that_is_no_markup_and_no_option(notify_send: Path) -> None:
    hostile = "--icon=<b>x</b>&"
    assert send("desktop", AlertSettings(), message(anomaly(1, "disk_full", hostile, message=hostile))) == "shown"
    words = json.loads(notify_send.read_text())
    assert words[:3] == ["--app-name=opsconsole", "--urgency=critical", "--"]
    assert "&lt;b&gt;x&lt;/b&gt;&amp;" in words[4]


def test_a_desktop_that_fails_is_said(notify_send: Path, tmp_path: Path) -> None:
    (tmp_path / "bin" / "notify-send").write_text("#!/bin/sh\necho no bus >&2\nexit 3\n")
    with pytest.raises(DeliveryError, match="ended with 3: no bus"):
        send("desktop", AlertSettings())


def test_without_notify_send_or_a_session_there_is_no_desktop(
    notify_send: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nonexistent")
    with pytest.raises(DeliveryError, match="session bus"):
        send("desktop", AlertSettings())
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(DeliveryError, match="notify-send is not here"):
        send("desktop", AlertSettings())


# -- command


def command(script: Path) -> AlertSettings:
    return AlertSettings(command=CommandSettings(script=str(script), policy="safe"))


def test_the_script_gets_the_facts_as_variables_and_its_text_stays_as_it_is(tmp_path: Path) -> None:
    script = tmp_path / "tell.sh"
    script.write_text('printf "%s|" "$OPS_ALERT_STATUS" "$OPS_ALERT_KIND" "$OPS_ALERT_SUBJECT" "$OPS_ALERT_PEAK"\n')
    submitted: list[tuple[str, str, Mapping[str, str]]] = []

    def submit(*words: Any) -> int:
        submitted.append(words)
        return 17

    hostile = "$(touch owned); `id` \n'\""
    assert send("command", command(script), message(anomaly(1, "disk_full", hostile)), submit=submit) == "submitted 17"
    ((path, policy, variables),) = submitted
    assert (path, policy) == (str(script), "safe")
    ran = subprocess.run(["sh", path], env=dict(variables), capture_output=True, text=True, check=True, cwd=tmp_path)
    assert ran.stdout == "firing|disk_full|$(touch owned); `id` \u240a'\"|97.5|"
    assert not (tmp_path / "owned").exists()
    assert json.loads(variables["OPS_ALERT_JSON"])["alerts"][0]["kind"] == "disk_full"


def test_a_recovery_tells_the_script_how_long_it_lasted() -> None:
    variables = environment(message(anomaly(state=AnomalyState.CLOSED, closed_at=START_US), transition="resolved"))
    assert (variables["OPS_ALERT_STATUS"], variables["OPS_ALERT_DURATION_S"]) == ("resolved", "60.0")
    assert variables["OPS_ALERT_ENDED_AT"] == "2026-09-21T14:13:20.000000Z"


def test_even_a_large_digest_fits_into_the_environment() -> None:
    many = message(*(anomaly(n, "disk_full", "x" * 400, message="y" * 400, runs=("r" * 400,) * 5) for n in range(50)))
    variables = environment(many)
    assert len(variables["OPS_ALERT_JSON"]) <= 64 * 1024
    assert variables["OPS_ALERT_COUNT"] == "50"
    subprocess.run(["true"], env=variables, check=True)


def test_a_script_that_is_not_there_or_nobody_to_run_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="is not there"):
        send("command", command(tmp_path / "gone.sh"), submit=lambda *_: 1)
    with pytest.raises(DeliveryError, match="nothing can be run from here"):
        send("command", command(tmp_path / "gone.sh"))
    with pytest.raises(DeliveryError, match="no script is set"):
        send("command", AlertSettings(), submit=lambda *_: 1)


# -- Apprise


def urls(tmp_path: Path, *lines: str) -> AlertSettings:
    file = tmp_path / "urls"
    file.write_text("\n".join(lines))
    return AlertSettings(apprise=AppriseSettings(urls_file=str(file)))


def test_without_the_extra_the_error_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(DeliveryError, match=r"not installed .*opsconsole\[notify\]") as caught:
        send("apprise", urls(tmp_path, "json://127.0.0.1/"))
    assert caught.value.permanent


@pytest.mark.filterwarnings("default")  # its imports warn on some Pythons
def test_apprise_delivers_and_says_when_it_did_not(tmp_path: Path) -> None:
    pytest.importorskip("apprise", reason="apprise is an optional extra")
    with HttpReceiver(status(200), status(500)) as receiver:
        settings = urls(tmp_path, f"json://127.0.0.1:{receiver.port}/?cto={LONG_S:g}&rto={LONG_S:g}")
        assert send("apprise", settings) == "1 services took it"
        assert json.loads(receiver.got().body)["title"] == "[HIGH] db1: cpu_high  at 97.5 %"
        with pytest.raises(DeliveryError, match="not all of 1 services"):
            send("apprise", settings)
    with pytest.raises(DeliveryError, match="URL 1 is none that it knows") as caught:
        send("apprise", urls(tmp_path, "nothing://s3cret"))
    assert "s3cret" not in caught.value.message


# -- in common


def test_what_is_set_up() -> None:
    settings = AlertSettings(
        rules={"a": AlertRule(notify=("desktop",))}, mail=MailSettings(host="mx", to=("a@b",)),
        webhook=WebhookSettings(url="http://x/"),
    )  # fmt: skip
    assert configured(settings) == ["bell", "desktop", "mail", "webhook"]


def test_nothing_of_the_ways_is_loaded_before_it_is_used() -> None:
    code = textwrap.dedent(
        """
        import sys
        import opsconsole.monitoring.alerts
        loaded = {"smtplib", "http.client", "ssl", "apprise", "textual", "psutil"} & set(sys.modules)
        sys.exit(f"loaded: {loaded}" if loaded else 0)
        """
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_text_says_all_that_is_known() -> None:
    one = anomaly(
        1, "disk_fill_rate", "/var", unit="s", peak=5400.0, threshold=28800.0, details={"eta_s": 5400.0},
        processes=(process("rsync", 7, 3.0),), runs=("17.1",), unknown_since=START_US, state=AnomalyState.FLAPPING,
        links=({"at": 1, "kind": "fix", "ref": "12", "note": "log rotated"},),
    )  # fmt: skip
    facts = message(one).alerts[0]
    assert messages.body(facts).splitlines() == [
        "what       disk_fill_rate /var at 97.5 %",
        "severity   high",
        f"host       {HOST}",
        "about      /var",
        "since      2026-09-21 14:12:20 UTC",
        "peak       1 h 30 min, limit 8 h",
        "full in    1 h 30 min",
        "no data    since 2026-09-21 14:13:20 UTC: whether it is over is not known",
        "flapping   it comes and goes; that is told once",
        "cause      rsync[7], 3 % of a core, 1 GiB",
        "ran then   17.1",
        "done       fix 12 log rotated",
        "what to do Look.",
    ]


def test_settings_can_be_changed_while_it_runs(tmp_path: Path) -> None:
    with desk(tmp_path / "opsconsole.db", replace(NO_WAIT, enabled=False)) as here:
        here.opens(anomaly(1))
        here.goes_out()
        assert here.said == []
        here.alerts.reload(NO_WAIT)
        here.alerts.stop()
        here.alerts.reload(replace(NO_WAIT, min_severity="critical"))
        here.opens(anomaly(2, "disk_full", "/var"))
        here.goes_out()
        assert not any("disk_full" in line for line in here.said)
