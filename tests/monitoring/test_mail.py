"""Mail against a real SMTP server that accepts, refuses, hangs, drops the line and drips."""

from __future__ import annotations

import email
import email.policy
import logging
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from opsconsole.alert_settings import AlertSettings, MailSettings
from opsconsole.anomalies import AnomalyState
from opsconsole.monitoring.alerts.messages import Message
from opsconsole.monitoring.alerts.notifiers import DeliveryError, Line, Means
from opsconsole.monitoring.alerts.notifiers.mail import Mail
from tests.monitoring.alert_support import HOST, START_US, anomaly, process
from tests.monitoring.receivers import SmtpReceiver, refusing_port
from tests.monitoring.test_webhook import LONG_S, message, tls

PASSWORD = "p4ss-of-the-mailer"  # noqa: S105


def mailer(port: int, **settings: Any) -> Mail:
    given = {"host": "127.0.0.1", "port": port, "security": "none", "to": ("ops@corp.test",), "timeout_s": LONG_S}
    return Mail(AlertSettings(mail=MailSettings(**(given | settings))), Means(HOST, print, None))


def send(server: SmtpReceiver, what: Message | None = None, total_s: float | None = None, **settings: Any) -> str:
    mail = mailer(server.port, **settings)
    with Line(mail.timeout_s, total_s or mail.total_s) as line:
        return mail.send(what or message(), line)


def failure(answers: dict[str, list[str]], **settings: Any) -> DeliveryError:
    with SmtpReceiver(answers) as server, pytest.raises(DeliveryError) as caught:
        send(server, **settings)
    return caught.value


def read(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.default)  # type: ignore[return-value]


def test_a_mail_says_what_happened_its_peak_its_causes_and_what_to_do() -> None:
    with SmtpReceiver() as server:
        assert send(server) == "250 accepted for 1"
        mail = server.got()
    assert (mail.sender, mail.to) == (f"opsconsole@{HOST}", ["ops@corp.test"])
    parsed = read(mail.data)
    assert parsed["Subject"] == "[HIGH] db1: cpu_high at 97.5 %"
    assert parsed["Message-ID"] == f"<{'k' * 32}@{HOST}>"
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsed.get_content_type() == "text/plain"
    text = parsed.get_content()
    assert "peak       97.5 %, limit 85 %" in text
    assert "cause      burner[41], 99 % of a core, 1 GiB" in text
    assert "what to do Look." in text


def test_the_recovery_is_in_the_same_thread_under_its_own_id() -> None:
    over = anomaly(state=AnomalyState.CLOSED, closed_at=START_US)
    mail = mailer(25)
    first = mail.written(message(anomaly()))
    second = mail.written(Message.of("r" * 32, message(over, transition="resolved").alerts, START_US))
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]
    assert "1 min in all" in second.get_content()


@pytest.mark.parametrize(
    "hostile",
    [
        "x\r\nBcc: thief@evil.test\r\n\r\nbody",
        "x\nSubject: other",
        "x\u2028Bcc: y",
        "\x1b[2Jx",
        "=?utf-8?q?=0ABcc?=",
        "é" * 400,
    ],
)
def test_no_hostile_text_gets_a_header_of_its_own(hostile: str) -> None:
    with SmtpReceiver() as server:
        what = message(anomaly(1, "disk_full", hostile, message=f"{hostile} is full", processes=(process(hostile),)))
        send(server, what)
        mail = server.got()
    assert mail.to == ["ops@corp.test"]
    parsed = read(mail.data)
    assert parsed["Bcc"] is None
    assert len(parsed.get_all("Subject")) == 1
    assert "\n" not in parsed["Subject"]
    assert b"\x1b" not in mail.data
    assert max(map(len, mail.data.split(b"\r\n"))) <= 998


def test_starttls_with_login(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    context, trusted = tls(tmp_path)
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    secure = {"host": "localhost", "security": "starttls", "ca_file": str(trusted)}
    with SmtpReceiver(tls=context, password=PASSWORD) as server:
        send(server, user="me", password_file=str(secret), **secure)
        mail = server.got()
    assert (mail.encrypted, mail.user) == (True, "me")
    assert PASSWORD not in caplog.text


def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    context, trusted = tls(tmp_path)
    with SmtpReceiver(tls=context, encrypted_at_once=True) as server:
        send(server, host="localhost", security="tls", ca_file=str(trusted))
        assert server.got().encrypted


def test_a_certificate_that_is_not_trusted_gets_no_mail(tmp_path: Path) -> None:
    context, _ = tls(tmp_path)
    with SmtpReceiver(tls=context) as server:
        with pytest.raises(DeliveryError, match="SSLCertVerificationError"):
            send(server, host="localhost", security="starttls")
        assert server.mails.empty()


def test_a_server_without_starttls_gets_neither_password_nor_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    with SmtpReceiver(password=PASSWORD) as server:
        with pytest.raises(DeliveryError, match="STARTTLS"):
            send(server, security="starttls", user="me", password_env="MAIL_PASSWORD")  # noqa: S106
        assert server.mails.empty()
        assert not any(line.startswith("AUTH") for line in list(server.heard.queue))


def test_a_wrong_password_is_said_without_it_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "wr0ng-password")
    with SmtpReceiver(password=PASSWORD) as server, pytest.raises(DeliveryError) as caught:
        send(server, user="me", password_env="MAIL_PASSWORD")  # noqa: S106
    assert caught.value.message == "mail: login refused: 535"
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("answers", "permanent"),
    [
        ({"CONNECT": ["421 too busy"]}, False),
        ({"CONNECT": ["554 not here"]}, False),
        ({"MAIL": ["451 later"]}, False),
        ({"MAIL": ["550 never"]}, True),
        ({"RCPT": ["450 greylisted"]}, False),
        ({"RCPT": ["550 no such user"]}, True),
        ({"DATA": ["451 disk full"]}, False),
        ({"DATA": ["554 no"]}, True),
        ({"END": ["452 out of space"]}, False),
        ({"END": ["552 too large"]}, True),
        ({"CONNECT": ["drop"]}, False),
        ({"END": ["drop"]}, False),
        ({"EHLO": ["502 what", "502 what"], "HELO": ["550 go away"]}, False),
    ],
)
def test_4xx_is_tried_again_and_5xx_about_this_mail_is_not(answers: dict[str, list[str]], permanent: bool) -> None:
    assert failure(answers).permanent is permanent


def test_one_of_two_addresses_that_is_refused_is_said() -> None:
    with SmtpReceiver({"RCPT": ["550 gone"]}) as server:
        assert send(server, to=("old@corp.test", "new@corp.test")) == "250 accepted for 1, 1 of 2 addresses refused"
        assert server.got().to == ["new@corp.test"]


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "RCPT", "DATA", "END"])
def test_a_server_that_hangs_costs_the_timeout_and_no_more(verb: str) -> None:
    begun = time.monotonic()
    error = failure({verb: ["hang"]}, timeout_s=0.4, total_s=LONG_S)
    assert "no answer within 0.4 s" in error.message
    assert not error.permanent
    assert time.monotonic() - begun < 30


def test_a_greeting_that_never_ends_costs_the_whole_time_and_no_more() -> None:
    begun = time.monotonic()
    assert "not done within" in failure({"CONNECT": ["drip"]}, total_s=0.6).message
    assert time.monotonic() - begun < 30


def test_a_server_that_is_not_there_is_tried_again() -> None:
    with refusing_port() as port:
        mail = mailer(port)
        with Line(LONG_S) as line, pytest.raises(DeliveryError, match="ConnectionRefusedError") as caught:
            mail.send(message(), line)
    assert not caught.value.permanent


def test_the_hosts_name_cannot_spoil_an_address() -> None:
    mail = Mail(
        AlertSettings(mail=MailSettings(host="mx", to=("ops@corp.test",))), Means("ho st>\r\nBcc: x", print, None)
    )
    assert mail.written(message())["From"] == "opsconsole@ho-st---Bcc--x"


def test_a_digest_is_one_mail() -> None:
    with SmtpReceiver() as server:
        send(server, message(anomaly(1), anomaly(2, "disk_full", "/var")))
        parsed = read(server.got().data)
    assert parsed["Subject"] == "[HIGH] db1: 2 alerts (2 open)"
    assert parsed.get_content().count("[HIGH] db1:") == 2
