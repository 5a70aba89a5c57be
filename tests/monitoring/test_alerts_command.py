"""`opsconsole alerts`, on a real state directory and real receivers."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsconsole.cli.main import main
from opsconsole.clock import SYSTEM
from opsconsole.storage import database, outbox, silences
from tests.monitoring.alert_support import NO_WAIT, anomaly, desk, quick_retries
from tests.monitoring.receivers import HttpReceiver, SmtpReceiver, refusing_port, status
from tests.monitoring.test_outbox import to
from tests.monitoring.test_webhook import LONG_S

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ops(state_dir: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    monkeypatch.setenv("OPSCONSOLE_STATE_DIR", str(state_dir))

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["alerts", *words])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    monkeypatch.setattr("opsconsole.alert_settings.LONGEST_TIMEOUT_S", LONG_S)

    def write(text: str) -> None:
        file = tmp_path / "config.toml"
        file.write_text(text)
        monkeypatch.setenv("OPSCONSOLE_CONFIG", str(file))

    return write


def failed_message(ops: Run, state_dir: Path) -> int:
    """One that was given up, in the database of the state directory."""
    ops("list")
    with (
        refusing_port() as port,
        desk(state_dir / "opsconsole.db", to(f"http://127.0.0.1:{port}/", outbox=quick_retries(attempts=1))) as here,
    ):
        here.opens(anomaly(message="CPU \x1b[31mat 97 %"))
        here.alerts.send_due()
        (row,) = here.rows("failed")
    return row.id


def test_nothing_told_is_an_empty_list(ops: Run) -> None:
    code, out, err = ops()
    assert (code, err) == (0, "")
    assert out.split() == ["ID", "STATE", "TO", "WHEN", "TRIES", "WHAT", "ANSWER"]
    assert ops("--json") == (0, "", "")


def test_what_was_told_is_listed_with_its_answer(ops: Run, state_dir: Path) -> None:
    number = failed_message(ops, state_dir)
    code, out, _ = ops("list", "--state", "failed,sent")
    assert code == 0
    assert "ConnectionRefusedError" in out
    assert "\x1b" not in out
    found = json.loads(ops("--json")[1])
    assert (found["id"], found["state"], found["notifier"], found["attempts"]) == (number, "failed", "webhook", 1)
    assert ops("--state", "sent", "--json")[1] == ""


def test_a_test_message_says_what_the_receiver_answered(ops: Run, configured: Callable[[str], None]) -> None:
    with HttpReceiver(status(202)) as hook, SmtpReceiver() as server:
        configured(
            f"""[alerts.webhook]
            url = "{hook.url}"
            timeout_s = {LONG_S}
            [alerts.mail]
            timeout_s = {LONG_S}
            host = "127.0.0.1"
            port = {server.port}
            security = "none"
            to = ["ops@corp.test"]
            """
        )
        assert ops("test", "webhook") == (0, "webhook delivered: 202 Accepted\n", "")
        assert json.loads(hook.got().body)["alerts"][0]["labels"]["alertname"] == "test"
        code, out, _ = ops("test", "--json")
        assert code == 0
        assert {line["notifier"] for line in map(json.loads, out.splitlines())} == {"bell", "mail", "webhook"}
        assert b"a test message" in server.got().data


def test_a_test_that_fails_says_why_and_leaves_with_1(ops: Run, configured: Callable[[str], None]) -> None:
    with HttpReceiver(status(403, b"wrong token")) as hook:
        configured(f'[alerts.webhook]\nurl = "{hook.url}"\ntimeout_s = {LONG_S}\n')
        assert ops("test", "webhook") == (1, "webhook failed: webhook: 403 Forbidden: wrong token\n", "")
    code, out, _ = ops("test", "mail")
    assert (code, out) == (1, "mail failed: mail: no server or no address is set (alerts.mail)\n")


def test_the_script_of_the_notifier_command_is_queued_with_the_facts(
    ops: Run, configured: Callable[[str], None], tmp_path: Path, state_dir: Path
) -> None:
    script = tmp_path / "tell.sh"
    script.write_text("echo told\n")
    configured(f'[alerts.command]\nscript = "{script}"\npolicy = "standard"\n[execution]\nconcurrency = 1\n')
    code, out, _ = ops("test", "command")
    assert (code, out[:29]) == (0, "command delivered: submitted ")
    with closing(database.connect(state_dir / "opsconsole.db", read_only=True)) as c:
        policy, labels = c.execute("SELECT policy, labels FROM task").fetchone()
    assert (policy, json.loads(labels)) == ("standard", {"alert": "command"})


def test_a_message_that_was_given_up_is_sent_once_more(
    ops: Run, state_dir: Path, configured: Callable[[str], None]
) -> None:
    number = failed_message(ops, state_dir)
    with HttpReceiver(status(500), status(200)) as hook:
        configured(f'[alerts.webhook]\nurl = "{hook.url}"\ntimeout_s = {LONG_S}\n')
        assert ops("retry", str(number))[:2] == (1, f"{number} queued: webhook: 500 Internal Server Error\n")
        assert ops("retry", str(number))[:2] == (0, f"{number} sent: 200 OK\n")
        keys = {hook.got().headers["idempotency-key"] for _ in range(2)}
    assert len(keys) == 1
    code, _, err = ops("retry", str(number))
    assert (code, "has been sent" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("retry",), "retry which one?"),
        (("retry", "x"), "is no id"),
        (("retry", "99"), "no message 99"),
        (("test", "pager"), "no notifier 'pager'"),
        (("--state", "lost"), "unknown state 'lost'"),
        (("maintenance", "start"), "for how long"),
        (("maintenance", "start", "--for", "-1h"), "--for"),
        (("maintenance", "start", "--for", "9999d"), "at most a year"),
        (("maintenance", "pause"), "what is that?"),
        (("silences", "3"), "what is that?"),
        (("silences", "--remove", "3"), "no silence 3"),
        (("--limit", "0"), "must be at least 1"),
        (("open", "--limit", "-1"), "must be at least 1"),
        (("--limit", "x"), "is no whole number"),
        (("--before", "1.5"), "is no whole number"),
    ],
)
def test_what_makes_no_sense_is_refused(ops: Run, words: tuple[str, ...], says: str) -> None:
    code, out, err = ops(*words)
    assert (code, out) == (2, "")
    assert says in err


def test_pages_larger_than_any_database_are_what_there_is(ops: Run, state_dir: Path) -> None:
    number = failed_message(ops, state_dir)
    code, out, _ = ops("--json", "--limit", str(10**40), "--before", str(10**40))
    assert (code, json.loads(out)["id"]) == (0, number)


def test_with_json_every_action_prints_objects_and_nothing_else(
    ops: Run, state_dir: Path, configured: Callable[[str], None]
) -> None:
    number = failed_message(ops, state_dir)
    configured('[alerts]\nnotify = ["bell"]\nmaintenance = ["Sun 02:00-04:00"]\n')
    now = SYSTEM.now()
    with closing(database.open_database(state_dir / "opsconsole.db", print)) as c:
        silence = silences.add(c, "disk_full", "/mnt\x1b[31m\n", now + 10**9, by="ann", now=now)
    for words, keys in (
        (("list",), {"id", "key"}), (("open",), {"episode"}), (("silences",), {"until"}),
        (("silences", "--remove", str(silence)), {"removed"}), (("test",), {"notifier", "delivered"}),
        (("maintenance", "start", "--for", "1h"), {"until"}), (("maintenance",), {"until"}),
        (("maintenance", "stop"), {"ended"}), (("retry", str(number)), {"id", "state"}),
    ):  # fmt: skip
        lines = [json.loads(line) for line in ops(*words, "--json")[1].splitlines()]
        assert lines and all(keys <= set(line) for line in lines), words


def test_maintenance_is_begun_shown_and_ended(ops: Run, configured: Callable[[str], None]) -> None:
    configured('[alerts]\nmaintenance = ["Sun 02:00-04:00"]\n')
    code, out, _ = ops("maintenance", "start", "--for", "2h", "--reason", "new \x1b[2Jdisks")
    assert code == 0
    assert "\x1b" not in out
    (found,) = (json.loads(line) for line in ops("maintenance", "--json")[1].splitlines())
    assert found["stopped_at"] is None
    assert "window Sun 02:00-04:00" in ops("maintenance")[1]
    assert ops("maintenance", "stop")[1].startswith("maintenance ended")
    assert ops("maintenance", "stop")[1] == "there was none\n"
    assert ops("maintenance", "list", "--json")[1] == ""


def test_what_is_open_says_why_nobody_was_told(ops: Run, state_dir: Path) -> None:
    ops("list")
    with desk(state_dir / "opsconsole.db", replace(NO_WAIT, maintenance=("00:00-24:00",))) as here:
        here.opens(anomaly(message="CPU at 97 %"))
    _, out, _ = ops("open")
    assert "suppressed" in out
    assert "maintenance 00:00-24:00" in out
    found = json.loads(ops("open", "--json")[1])
    assert (found["state"], found["told_at"], found["suppressed_by"]) == ("suppressed", None, "maintenance 00:00-24:00")


def test_silences_are_listed_and_removed(ops: Run, state_dir: Path) -> None:
    ops("silences")
    now = SYSTEM.now()
    with closing(database.open_database(state_dir / "opsconsole.db", print)) as c:
        number = silences.add(c, "disk_full", "/mnt\x1b[31m", now + 10**9, by="ann", reason="moving", now=now)
        silences.add(c, None, "", now + 10**10, by="ann", now=now)
    _, out, _ = ops("silences")
    assert "\x1b" not in out
    assert "(the host)" in out
    assert [json.loads(line)["kind"] for line in ops("silences", "--json")[1].splitlines()] == ["disk_full", None]
    assert ops("silences", "--remove", str(number)) == (0, f"silence {number} removed\n", "")
    assert len(ops("silences", "--json")[1].splitlines()) == 1


def test_a_message_another_console_is_sending_is_left_to_it(ops: Run, state_dir: Path) -> None:
    number = failed_message(ops, state_dir)

    def hold(c: Any) -> None:
        outbox.again(c, number, 1)
        outbox.claim(c, [number], "another", SYSTEM.now() + 10**9, None)

    with closing(database.open_database(state_dir / "opsconsole.db", print)) as c:
        hold(c)
    code, _, err = ops("retry", str(number))
    assert (code, "just being sent" in err) == (2, True)
