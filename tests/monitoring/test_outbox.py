"""The outbox: nothing is lost, nothing is sent by two, a storm is one message, and a dead receiver holds up nobody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsconsole.alert_settings import AlertSettings, MailSettings, OutboxSettings, WebhookSettings
from opsconsole.anomalies import Change, Transition
from opsconsole.monitoring.alerts.dispatch import LEASE_US, Dispatch, Parcel
from opsconsole.monitoring.alerts.messages import public_key
from opsconsole.storage import outbox
from tests.monitoring.alert_support import (
    NO_WAIT,
    START_US,
    AlertClock,
    Desk,
    anomaly,
    desk,
    quick_retries,
)  # fmt: skip
from tests.monitoring.receivers import WAIT_S, HttpReceiver, SmtpReceiver, hang, hang_up, refusing_port, status
from tests.monitoring.test_webhook import LONG_S


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "opsconsole.db"


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """`stop` is back when the sender has ended, however long its thread and the writer's are kept from running."""
    monkeypatch.setattr("opsconsole.monitoring.alerts.sender._STOP_S", WAIT_S)


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver() as found:
        yield found


def to(url: str, **changes: Any) -> AlertSettings:
    webhook = WebhookSettings(url=url, timeout_s=changes.pop("timeout_s", LONG_S))
    return replace(NO_WAIT, **({"notify": ("webhook",), "webhook": webhook, "outbox": quick_retries()} | changes))


# -- sent once, or again with the same key


def test_a_message_is_marked_with_what_the_receiver_answered(database: Path, receiver: HttpReceiver) -> None:
    with desk(database, to(receiver.url)) as here:
        here.opens(anomaly())
        assert here.alerts.send_due() is None
        assert [(row.state, row.answer, row.attempts) for row in here.rows()] == [("sent", "200 OK", 1)]
        here.alerts.send_due()
    receiver.got()
    assert receiver.silent


def test_the_same_transition_seen_by_two_consoles_is_one_message(database: Path, receiver: HttpReceiver) -> None:
    clock = AlertClock()
    with desk(database, to(receiver.url), clock) as one, desk(database, to(receiver.url), clock) as other:
        one.opens(anomaly())
        other.alerts.on_transition(Transition(Change.OPENED, anomaly()))
        other.settle()
        threads = [threading.Thread(target=console.alerts.send_due) for console in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(one.rows()) == 1
    receiver.got()
    assert receiver.silent


def test_what_one_sender_has_claimed_no_other_takes_before_the_claim_runs_out(database: Path) -> None:
    with desk(database) as here:
        here.opens(anomaly())
        mine, other = (Dispatch(OutboxSettings(), here.alerts._grouping, name) for name in ("mine", "other"))
        now = here.clock.now()
        first = here.do(lambda c: mine.take(c, now))
        assert isinstance(first, Parcel)
        assert here.do(lambda c: other.take(c, now)) == now + LEASE_US
        later = here.do(lambda c: other.take(c, now + LEASE_US))
        assert isinstance(later, Parcel)
        assert later.message.key == first.message.key
        here.do(lambda c: mine.failed(c, first, now, "too late", 5.0))
        assert here.rows()[0].state == "sending", "a claim that ran out is not the first one's to give back"


_CHILD = """
import sys
from pathlib import Path
from tests.monitoring.alert_support import anomaly, desk
from tests.monitoring.test_outbox import to
with desk(Path(sys.argv[1]), to(sys.argv[2])) as here:
    here.opens(anomaly())
    here.alerts.send_due()
"""


def test_a_console_killed_between_sending_and_marking_is_followed_by_the_same_key(
    database: Path, tmp_path: Path
) -> None:
    child: list[subprocess.Popen[bytes]] = []
    started = threading.Event()

    def kill(handler: Any) -> None:
        started.wait(WAIT_S)
        os.kill(child[0].pid, signal.SIGKILL)
        child[0].wait()

    with HttpReceiver(kill, status(200)) as receiver:
        child.append(subprocess.Popen([sys.executable, "-c", _CHILD, str(database), receiver.url]))
        started.set()
        first = receiver.got()
        assert child[0].wait(WAIT_S) == -signal.SIGKILL
        with desk(database, to(receiver.url)) as here:
            assert here.rows()[0].state == "sending"
            here.alerts.send_due()
            assert receiver.silent, "its claim has not run out yet"
            here.clock.advance(LEASE_US / 1e6)
            here.alerts.send_due()
            second = receiver.got()
            assert here.rows()[0].state == "sent"
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.body == second.body


def test_a_digest_whose_sender_died_is_sent_again_whole_with_the_same_key(
    database: Path, receiver: HttpReceiver
) -> None:
    with desk(database, to(receiver.url)) as here:
        for number in range(8):
            here.opens(anomaly(number + 1, "disk_full", f"/data{number}"))
        dying = Dispatch(OutboxSettings(), here.alerts._grouping, "dying")
        taken = here.do(lambda c: dying.take(c, here.clock.now()))
        here.opens(anomaly(20, "disk_full", "/later"))
        here.clock.advance(LEASE_US / 1e6)
        here.alerts.send_due()
        again = receiver.got()
        assert again.headers["idempotency-key"] == taken.message.key
        assert len(json.loads(again.body)["alerts"]) == 8


# -- a receiver that fails


def test_a_receiver_that_fails_is_tried_again_with_growing_delays_and_the_same_key(database: Path) -> None:
    with (
        HttpReceiver(status(500), status(503), hang_up, status(204)) as receiver,
        desk(database, to(receiver.url)) as here,
    ):
        here.opens(anomaly())
        waits = []
        while (wait := here.alerts.send_due()) is not None:
            waits.append(wait)
            here.clock.advance(wait)
        assert waits == [10.0, 20.0, 40.0]
        keys = {receiver.got().headers["idempotency-key"] for _ in range(4)}
        assert len(keys) == 1
        assert [(row.state, row.attempts, row.answer) for row in here.rows()] == [("sent", 4, "204 No Content")]
    assert [line for line in here.said if "delayed" in line] == [
        "alerts by webhook are delayed: webhook: 500 Internal Server Error"
    ]
    assert here.said[-1] == "alerts by webhook go out again"


def test_jitter_only_shortens_the_delay() -> None:
    dispatch = Dispatch(OutboxSettings(retry_base_s=10, retry_jitter=0.25), None, "me", chance=lambda: 1.0)  # type: ignore[arg-type]
    assert dispatch.delay_s(1) == 7.5
    assert dispatch.delay_s(40) == 0.75 * 1800
    assert dispatch.delay_s(1, wished_s=90) == 90
    assert dispatch.delay_s(1, wished_s=1e9) == 3600


def test_after_so_many_tries_it_is_given_up_and_said(database: Path) -> None:
    with refusing_port() as port:
        settings = to(f"http://127.0.0.1:{port}/", outbox=quick_retries(attempts=3))
        with desk(database, settings) as here:
            here.opens(anomaly())
            for _ in range(3):
                here.alerts.send_due()
                here.clock.advance(60)
            assert here.alerts.send_due() is None
            assert [(row.state, row.attempts) for row in here.rows()] == [("failed", 3)]
            assert "was given up: webhook: ConnectionRefusedError" in here.said[-1]


def test_a_message_too_old_is_given_up(database: Path) -> None:
    with refusing_port() as port:
        settings = to(f"http://127.0.0.1:{port}/", outbox=quick_retries(give_up_s=100))
        with desk(database, settings) as here:
            here.opens(anomaly())
            here.alerts.send_due()
            here.clock.advance(101)
            here.alerts.send_due()
            assert here.rows()[0].state == "failed"


def test_a_dead_receiver_holds_up_no_other_and_gets_one_try_at_a_time(database: Path) -> None:
    with refusing_port() as port:
        settings = to(f"http://127.0.0.1:{port}/", notify=("webhook", "bell"))
        with desk(database, settings) as here:
            for number in range(4):
                here.opens(anomaly(number + 1, "disk_full", f"/data{number}"))
            here.alerts.send_due()
            assert sum(row.attempts for row in here.rows() if row.notifier == "webhook") == 1
            assert {row.state for row in here.rows() if row.notifier == "bell"} == {"sent"}


def test_what_piled_up_behind_a_dead_receiver_goes_out_as_a_digest(database: Path) -> None:
    with HttpReceiver(status(500), status(500), status(500), status(200)) as receiver:
        with desk(database, to(receiver.url)) as here:
            for number in range(20):
                here.opens(anomaly(number + 1, "disk_full", f"/data{number}", at=here.clock.now()))
                here.passes(10, step_s=5)
            here.passes(120)
        sizes = [len(json.loads(request.body)["alerts"]) for request in iter(lambda: _or_none(receiver), None)]
        assert sum(sizes[3:]) == 20
        assert len(sizes[3:]) <= 12, sizes


def _or_none(receiver: HttpReceiver) -> Any:
    return None if receiver.silent else receiver.got()


def test_a_notifier_that_is_not_set_up_gives_up_at_once_and_says_why(database: Path) -> None:
    with desk(database, replace(NO_WAIT, notify=("mail",))) as here:
        here.opens(anomaly())
        here.alerts.send_due()
        assert here.rows()[0].state == "failed"
        assert "mail: no server or no address is set" in here.said[-1]


# -- a storm


def test_a_storm_is_one_message_that_lists_them(database: Path, receiver: HttpReceiver) -> None:
    with desk(database, to(receiver.url, group_wait_s=10.0)) as here:
        for number in range(60):
            here.opens(anomaly(number + 1, "disk_full", f"/data{number}"))
        here.passes(20, step_s=10)
        body = json.loads(receiver.got().body)
        assert receiver.silent
        assert (len(body["alerts"]), body["truncatedAlerts"]) == (50, 10)
        assert {row.state for row in here.rows()} == {"sent"}
        assert len({row.batch for row in here.rows()}) == 1


@pytest.mark.unmeasured
def test_a_slow_storm_gets_five_messages_a_minute_at_the_most(database: Path, receiver: HttpReceiver) -> None:
    with desk(database, to(receiver.url)) as here:
        for number in range(120):
            here.opens(anomaly(number + 1, "disk_full", f"/data{number}", at=here.clock.now()))
            here.passes(1)
        here.passes(120)
        bodies = [json.loads(request.body) for request in iter(lambda: _or_none(receiver), None)]
        assert sum(len(body["alerts"]) + body["truncatedAlerts"] for body in bodies) == 120
        assert len(bodies) <= 5 * 3


def test_when_the_outbox_is_full_what_comes_then_is_told_when_there_is_room(
    database: Path, receiver: HttpReceiver
) -> None:
    with desk(database, to(receiver.url, outbox=quick_retries(capacity=3))) as here:
        for number in range(5):
            here.opens(anomaly(number + 1, "disk_full", f"/data{number}"))
        assert len(here.rows()) == 3
        here.passes(120)
        subjects = [alert["labels"]["subject"] for request in iter(lambda: _or_none(receiver), None)
                    for alert in json.loads(request.body)["alerts"]]  # fmt: skip
        assert sorted(subjects) == [f"/data{number}" for number in range(5)]


# -- the thread


def test_a_transition_wakes_the_sender(database: Path, receiver: HttpReceiver) -> None:
    with desk(database, to(receiver.url)) as here:
        here.alerts.start()
        here.settle()
        here.opens(anomaly())
        assert json.loads(receiver.got().body)["alerts"][0]["labels"]["alertname"] == "cpu_high"


@pytest.mark.usefixtures("ends")
def test_stop_in_the_midst_of_a_hanging_receiver_is_quick_and_leaves_the_message_queued(database: Path) -> None:
    with HttpReceiver(hang) as receiver, desk(database, to(receiver.url)) as here:
        here.alerts.start()
        here.opens(anomaly())
        receiver.got()
        begun = time.monotonic()
        here.opens(anomaly(2, "disk_full", "/var"))  # nobody waits for the receiver
        here.alerts.tick()
        here.alerts.stop()
        assert time.monotonic() - begun < 25, "it waited for the receiver"
        assert [(row.state, row.attempts) for row in here.rows()] == [("queued", 0), ("queued", 0)]
        assert not any(thread.name == "opsconsole-alerts" for thread in threading.enumerate())


@pytest.mark.usefixtures("ends")
@pytest.mark.parametrize("verb", ["CONNECT", "DATA"])
def test_stop_does_not_wait_for_a_mail_server_that_hangs_either(database: Path, verb: str) -> None:
    with SmtpReceiver({verb: ["hang"]}) as server:
        to = ("ops@corp.test",)
        mail = MailSettings(host="127.0.0.1", port=server.port, security="none", to=to, timeout_s=LONG_S)
        with desk(database, replace(NO_WAIT, notify=("mail",), mail=mail)) as here:
            here.alerts.start()
            here.opens(anomaly())
            while server.heard.get(timeout=WAIT_S) != f"hangs at {verb}":
                pass
            begun = time.monotonic()
            here.alerts.stop()
            assert time.monotonic() - begun < 25, "it waited for the receiver"
            assert [(row.state, row.attempts) for row in here.rows()] == [("queued", 0)]


def test_an_earlier_consoles_messages_are_sent_at_the_start(database: Path, receiver: HttpReceiver) -> None:
    with desk(database, to(receiver.url)) as here:
        here.opens(anomaly())
    with desk(database, to(receiver.url)) as here:
        here.alerts.start()
        receiver.got()


def test_a_writer_that_is_closed_breaks_neither_caller_nor_thread(database: Path) -> None:
    here = Desk(database, NO_WAIT, AlertClock())
    here.alerts.start()
    here.writer.close()
    here.alerts.on_transition(Transition(Change.OPENED, anomaly()))
    here.alerts.tick()
    here.alerts.stop()
    assert sum("could not be recorded" in line for line in here.said) == 1


def test_a_clock_that_is_set_back_by_a_year_does_not_hold_a_message_for_a_year(
    database: Path, receiver: HttpReceiver
) -> None:
    with desk(database, to(receiver.url, group_wait_s=10.0)) as here:
        here.opens(anomaly())
        here.clock.advance(-365 * 24 * 3600)
        here.alerts.send_due()
        receiver.got()


@pytest.mark.parametrize("only", [False, True])
def test_a_claim_of_a_crashed_sender_does_not_hold_when_the_clock_is_set_back(
    database: Path, receiver: HttpReceiver, only: bool
) -> None:
    with desk(database, to(receiver.url)) as here:
        here.opens(anomaly())
        dead = Dispatch(quick_retries(), here.alerts._grouping, "a sender that died")
        parcel = here.do(lambda c: dead.take(c, here.clock.now()))
        assert isinstance(parcel, Parcel)
        here.clock.advance(-24 * 3600)
        here.alerts.send_due(parcel.ids if only else None)
        receiver.got()
        assert [row.state for row in here.rows()] == ["sent"]


def test_a_claim_that_is_held_is_respected_when_the_clock_goes_back_a_little(
    database: Path, receiver: HttpReceiver
) -> None:
    with desk(database, to(receiver.url)) as here:
        here.opens(anomaly())
        other = Dispatch(quick_retries(), here.alerts._grouping, "another sender")
        assert isinstance(here.do(lambda c: other.take(c, here.clock.now())), Parcel)
        here.clock.advance(-10)
        here.alerts.send_due()
        assert receiver.silent


def test_repeats_go_on_after_the_clock_was_set_back_by_a_day(database: Path) -> None:
    with desk(database, replace(NO_WAIT, repeat_s=3600.0)) as here:
        here.opens(anomaly())
        here.passes(3600)
        assert len(here.said) == 2
        here.clock.now_us -= 24 * 3600 * 1_000_000
        here.alerts._reviewed = float("-inf")  # the monotonic clock of these tests goes with it
        here.passes(3600 - 60)
        assert len(here.said) == 2, "not at once either"
        here.passes(120)
        assert len(here.said) == 3


# -- keeping


def test_old_messages_go_but_not_those_of_what_is_still_open(database: Path) -> None:
    with desk(database, replace(NO_WAIT, repeat_s=0.0)) as here:
        here.opens(anomaly(1))
        over = here.opens(anomaly(2, "disk_full", "/var"))
        here.goes_out()
        here.closes(over)
        here.goes_out()
        here.clock.advance(40 * 24 * 3600)
        here.goes_out()
        here.settle()
        assert [row.facts["kind"] for row in here.rows()] == ["cpu_high"]


def test_a_message_can_be_queued_again(database: Path, receiver: HttpReceiver) -> None:
    with desk(database, to(receiver.url, notify=("mail",))) as here:
        here.opens(anomaly())
        here.alerts.send_due()
        (failed,) = here.rows("failed")
        entry = here.do(lambda c: outbox.again(c, failed.id, here.clock.now()))
        assert (entry.state, entry.attempts) == ("queued", 0)
        assert entry.created_at == START_US


def test_the_public_key_tells_nothing_and_is_stable() -> None:
    assert public_key("db1/cpu_high/ anomaly:1 firing mail") == public_key("db1/cpu_high/ anomaly:1 firing mail")
    assert len(public_key("x")) == 32
