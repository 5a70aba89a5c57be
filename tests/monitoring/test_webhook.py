"""The webhook against a real receiver that answers, fails, hangs, redirects and never ends."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
import traceback
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from opsconsole.alert_settings import AlertSettings, WebhookSettings
from opsconsole.anomalies import AnomalyState, Severity
from opsconsole.errors import SettingsError
from opsconsole.monitoring.alerts import messages
from opsconsole.monitoring.alerts.messages import Message
from opsconsole.monitoring.alerts.notifiers import DeliveryError, Line, Means
from opsconsole.monitoring.alerts.notifiers.webhook import NOT_OVER, Webhook, payload
from opsconsole.safety.redact import Redaction
from tests.monitoring.alert_support import HOST, START_US, anomaly, process
from tests.monitoring.receivers import (
    Answer,
    HttpReceiver,
    certificate,
    drip,
    drip_body,
    hang,
    hang_up,
    huge,
    refusing_port,
    status,
)

SECRET = "k3y-of-the-receiver"  # noqa: S105
LONG_S = 50.0
"""The time for an answer that comes; no test waits so long."""


def message(*anomalies: Any, transition: str = "firing") -> Message:
    facts = [
        messages.of_anomaly(one, Redaction(), heading="CPU busy", action="Look.")
        | {"transition": transition, "group": messages.public_key(one.fingerprint), "episode": f"anomaly:{one.id}"}
        for one in anomalies or (anomaly(processes=(process("burner"),)),)
    ]
    return Message.of("k" * 32, facts, START_US)


def post(url: str, what: Message | None = None, **settings: Any) -> str:
    given = {"timeout_s": LONG_S, **settings}
    webhook = Webhook(
        AlertSettings(webhook=WebhookSettings(url=url, **given)), Means(HOST, print, None, lambda: START_US)
    )
    with Line(webhook.timeout_s, webhook.total_s) as line:
        return webhook.send(what or message(), line)


def failure(*answers: Answer, **settings: Any) -> DeliveryError:
    with HttpReceiver(*answers) as receiver, pytest.raises(DeliveryError) as caught:
        post(receiver.url, **settings)
    return caught.value


def test_it_posts_alertmanagers_json() -> None:
    with HttpReceiver() as receiver:
        assert post(receiver.url) == "200 OK"
        request = receiver.got()
    assert request.path == "/hook?a=1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == "k" * 32
    body = json.loads(request.body)
    assert set(body) == {
        "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels",
        "commonAnnotations", "externalURL", "alerts",
    }  # fmt: skip
    assert (body["version"], body["status"], body["receiver"]) == ("4", "firing", "opsconsole")
    (alert,) = body["alerts"]
    assert set(alert) == {"status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"}
    assert alert["labels"] == {"alertname": "cpu_high", "instance": HOST, "severity": "high"}
    assert alert["endsAt"] == NOT_OVER
    assert alert["startsAt"] == "2026-09-21T14:12:20.000000Z"
    assert alert["annotations"]["peak"] == "97.5 %"
    assert alert["annotations"]["causes"] == "burner[41]"
    assert int(alert["fingerprint"], 16) >= 0


def test_a_recovery_has_an_end_and_the_same_group_and_fingerprint() -> None:
    over = anomaly(state=AnomalyState.CLOSED, closed_at=START_US)
    opened, closed = payload(message(anomaly())), payload(message(over, transition="resolved"))
    assert closed["status"] == closed["alerts"][0]["status"] == "resolved"
    assert closed["alerts"][0]["endsAt"] == "2026-09-21T14:13:20.000000Z"
    assert closed["alerts"][0]["annotations"]["duration"] == "1 min"
    assert closed["groupKey"] == opened["groupKey"]
    assert closed["alerts"][0]["fingerprint"] == opened["alerts"][0]["fingerprint"]


def test_a_digest_has_what_its_alerts_have_in_common() -> None:
    many = payload(message(anomaly(1), anomaly(2, "disk_full", "/var", severity=Severity.CRITICAL)))
    assert many["commonLabels"] == {"instance": HOST}
    assert many["status"] == "firing"
    assert [alert["labels"]["severity"] for alert in many["alerts"]] == ["high", "critical"]


def test_the_signature_covers_timestamp_and_body(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    with HttpReceiver() as receiver:
        post(receiver.url, secret_file=str(secret))
        request = receiver.got()
    stamp = request.headers["x-opsconsole-timestamp"]
    expected = hmac.new(SECRET.encode(), stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-opsconsole-signature"] == f"sha256={expected}"
    assert int(stamp) == START_US // 1_000_000
    assert SECRET.encode() not in request.body


def test_a_token_goes_into_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "t0ken-value")
    with HttpReceiver() as receiver:
        post(receiver.url, token_env="HOOK_TOKEN")  # noqa: S106
        assert receiver.got().headers["authorization"] == "Bearer t0ken-value"


def test_a_secret_that_cannot_be_read_is_said_and_nothing_is_sent_unsigned() -> None:
    with HttpReceiver() as receiver:
        with pytest.raises(DeliveryError, match="HOOK_SECRET is not set"):
            post(receiver.url, secret_env="HOOK_SECRET")  # noqa: S106
        with pytest.raises(DeliveryError, match="cannot be read"):
            post(receiver.url, secret_file="/nonexistent/secret")  # noqa: S106
        assert receiver.silent


@pytest.mark.parametrize(
    "content",
    ["t0ken\nsecond-line\n", "t0ken\x00x", "t0ken\rX-Evil: 1", "t0ken\n\n", "t0ken\u2028x", "t0k\u00ebn", "t0 ken"],
)
@pytest.mark.parametrize("way", ["file", "env"])
def test_a_token_that_no_header_can_hold_is_never_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, way: str
) -> None:
    given: dict[str, Any] = {"token_file": str(tmp_path / "hook")} if way == "file" else {"token_env": "HOOK_TOKEN"}
    (tmp_path / "hook").write_text(content, encoding="utf-8", newline="")
    if way == "env":
        monkeypatch.setenv("HOOK_TOKEN", content.replace("\x00", "\x1b"))
    with HttpReceiver() as receiver:
        with pytest.raises(DeliveryError) as caught:
            post(receiver.url, **given)
        assert receiver.silent
    logged = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__)
    assert not any(part in logged for part in ("t0k", "t0 k", "second-line", "\u00eb"))


@pytest.mark.parametrize("content", ["", "\n", "  \n"])
def test_an_empty_secret_is_said_and_nothing_is_sent_unsigned(tmp_path: Path, content: str) -> None:
    (tmp_path / "hook").write_text(content)
    with HttpReceiver() as receiver:
        with pytest.raises(DeliveryError, match="is empty"):
            post(receiver.url, secret_file=str(tmp_path / "hook"))
        assert receiver.silent


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_newline_at_a_files_end_is_none_of_a_token(tmp_path: Path, end: str) -> None:
    (tmp_path / "hook").write_text("t0ken" + end, newline="")
    with HttpReceiver() as receiver:
        post(receiver.url, token_file=str(tmp_path / "hook"))
        assert receiver.got().headers["authorization"] == "Bearer t0ken"


def test_a_receiver_that_repeats_the_token_does_not_get_it_into_the_outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "t0ken-value")
    error = failure(status(403, b"Bearer t0ken-value is no good"), token_env="HOOK_TOKEN")  # noqa: S106
    assert "403" in str(error) and "[redacted] is no good" in str(error) and "t0ken" not in str(error)


@pytest.mark.parametrize("named", ["token_file", "token_env", "secret_file", "secret_env"])
@pytest.mark.parametrize(
    ("url", "good"),
    [("http://hooks.corp/x", False), ("http://127.0.0.1.evil.test/x", False), ("http://10.0.0.1/", False),
     ("http://localhost:80/x", True), ("http://127.0.0.1/", True), ("http://[::1]:80/", True),
     ("https://hooks.corp/x", True)],
)  # fmt: skip
def test_no_secret_goes_over_the_network_unencrypted(url: str, named: str, good: bool) -> None:
    AlertSettings(webhook=WebhookSettings(url=url)).check()
    settings = AlertSettings(webhook=replace(WebhookSettings(url=url), **{named: "X"}))  # type: ignore[arg-type]
    if good:
        settings.check()
    else:
        with pytest.raises(SettingsError, match=r"alerts\.webhook\.url: no token or secret is used over http"):
            settings.check()


@pytest.mark.parametrize("code", [200, 201, 202, 204])
def test_every_2xx_is_delivered(code: int) -> None:
    with HttpReceiver(status(code)) as receiver:
        assert post(receiver.url).startswith(str(code))


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(code: int) -> None:
    assert not failure(status(code)).permanent


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 413, 422])
def test_what_will_not_pass_is_not_tried_again(code: int) -> None:
    error = failure(status(code, b"no such\r\n hook"))
    assert error.permanent
    assert "no such hook" in error.message


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(code: int) -> None:
    with HttpReceiver() as elsewhere:
        error = failure(status(code, Location=elsewhere.url))
        assert error.permanent
        assert "redirects are not followed" in error.message
        assert elsewhere.silent


def test_retry_after_is_heard_in_seconds_and_as_a_date() -> None:
    assert failure(status(429, Retry_After="120")).retry_after_s == 120
    assert failure(status(503, Retry_After=formatdate(START_US / 1e6 + 90, usegmt=True))).retry_after_s == 90
    assert failure(status(503, Retry_After="soon")).retry_after_s is None
    assert failure(status(503)).retry_after_s is None


def test_a_receiver_that_hangs_costs_the_timeout_and_no_more() -> None:
    begun = time.monotonic()
    error = failure(hang, timeout_s=0.4)
    assert "no answer within 0.4 s" in error.message
    assert not error.permanent
    assert time.monotonic() - begun < 30


def test_a_receiver_that_drips_its_headers_costs_the_timeout_and_no_more() -> None:
    begun = time.monotonic()
    assert "no answer within 0.4 s" in failure(drip, timeout_s=0.4).message
    assert time.monotonic() - begun < 30


def test_a_time_that_is_over_before_there_is_a_connection_is_the_timeout() -> None:
    with HttpReceiver() as receiver:
        webhook = Webhook(AlertSettings(webhook=WebhookSettings(url=receiver.url)), Means(HOST, print, None))
        with Line(LONG_S, 0.0) as line:
            line._timer.join()
            with pytest.raises(DeliveryError, match="no answer within"):
                webhook.send(message(), line)
        assert receiver.silent


def test_an_explanation_that_never_ends_is_not_waited_for() -> None:
    begun = time.monotonic()
    assert failure(drip_body).permanent
    assert time.monotonic() - begun < 30


def test_a_huge_answer_is_not_read() -> None:
    error = failure(huge)
    assert error.permanent
    assert len(error.message) < 300


def test_one_that_hangs_up_or_refuses_is_tried_again() -> None:
    assert not failure(hang_up).permanent
    with refusing_port() as port, pytest.raises(DeliveryError, match="ConnectionRefusedError") as caught:
        post(f"http://127.0.0.1:{port}/")
    assert not caught.value.permanent


def test_a_delivery_can_be_broken_off_from_another_thread() -> None:
    with HttpReceiver(hang) as receiver:
        webhook = Webhook(AlertSettings(webhook=WebhookSettings(url=receiver.url)), Means(HOST, print, None))
        line = Line(LONG_S)
        caught: list[DeliveryError] = []

        def deliver() -> None:
            try:
                with line:
                    webhook.send(message(), line)
            except DeliveryError as error:
                caught.append(error)

        thread = threading.Thread(target=deliver)
        thread.start()
        receiver.got()
        begun = time.monotonic()
        line.cancel()
        thread.join()
        assert time.monotonic() - begun < 30
        assert caught


def test_only_hosts_that_are_allowed() -> None:
    with HttpReceiver() as receiver:
        with pytest.raises(DeliveryError, match="allow_hosts"):
            post(receiver.url, allow_hosts=("hooks.corp", "10.*"))
        assert receiver.silent
        assert post(receiver.url, allow_hosts=("127.0.0.*",)) == "200 OK"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "file:///etc/passwd", "gopher://x/", "http:///path"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(DeliveryError, match="http"):
        post(url)


def test_https_with_a_certificate_of_ones_own(tmp_path: Path) -> None:
    context, trusted = tls(tmp_path)
    with HttpReceiver(tls=context) as receiver:
        url = receiver.url.replace("http://127.0.0.1", "https://localhost")
        assert post(url, ca_file=str(trusted)) == "200 OK"
        with pytest.raises(DeliveryError, match="SSLCertVerificationError"):
            post(url)


def tls(folder: Path) -> Any:
    try:
        return certificate(folder)
    except FileNotFoundError:
        pytest.skip("openssl is not here")


def test_a_signature_changes_with_every_byte() -> None:
    from opsconsole.monitoring.alerts.notifiers.webhook import signature

    assert len({signature(SECRET, "1", b"a"), signature(SECRET, "1", b"b"), signature(SECRET, "2", b"a")}) == 3
    assert replace(message(), created_at=0).key == "k" * 32
