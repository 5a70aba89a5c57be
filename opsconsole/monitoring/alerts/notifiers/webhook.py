"""A webhook with the JSON of Alertmanager (version 4), which most receivers of alerts understand.

The signature is HMAC-SHA256 of `TIMESTAMP.BODY` in hexadecimal; X-Opsconsole-Timestamp has the timestamp, in seconds.
A redirect is not followed: a receiver that was checked would hand the facts on to one that was not. Proxies of the
environment are not used either.
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opsconsole.clock import SYSTEM
from opsconsole.models import rfc3339
from opsconsole.monitoring.alerts.messages import Facts, is_over, length_s
from opsconsole.monitoring.alerts.notifiers.errors import DeliveryError
from opsconsole.wording import long_duration, quantity

if TYPE_CHECKING:
    import socket

    from opsconsole.alert_settings import AlertSettings
    from opsconsole.monitoring.alerts.messages import Message
    from opsconsole.monitoring.alerts.notifiers import Line, Means

NOT_OVER = "0001-01-01T00:00:00Z"
"""Alertmanager's end of what has none."""
_READ = 512
_AGAIN = frozenset({408, 421, 425, 429})


class Webhook:
    """Posts to one URL."""

    def __init__(self, settings: AlertSettings, means: Means) -> None:
        from opsconsole.monitoring.alerts.notifiers import read_secret

        self._settings = chosen = settings.webhook
        if not chosen.url:
            raise DeliveryError("webhook: no URL is set", hint="alerts.webhook.url", permanent=True)
        self.timeout_s = self.total_s = chosen.timeout_s
        parts = urlsplit(chosen.url)
        self._host, self._encrypted = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self._encrypted else 80)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        allowed = [pattern.lower() for pattern in chosen.allow_hosts]
        if parts.scheme not in ("http", "https") or not self._host:
            raise DeliveryError("webhook: the URL must be http:// or https://", permanent=True)
        if allowed and not any(fnmatchcase(self._host.lower(), pattern) for pattern in allowed):
            raise DeliveryError(f"webhook: {self._host} is not in allow_hosts", permanent=True)
        self._secret = read_secret("webhook secret", chosen.secret_file, chosen.secret_env)
        self._token = read_secret("webhook token", chosen.token_file, chosen.token_env)
        if not (self._token.isascii() and self._token.isprintable() and " " not in self._token):
            raise DeliveryError("webhook token: it has characters that no header can hold", hint="ASCII without spaces")
        self._now = means.now or SYSTEM.now

    def send(self, message: Message, line: Line) -> str:
        """Raises DeliveryError."""
        data = json.dumps(payload(message)).encode()
        connection = _Connection(self._host, self._port, line, self._tls())
        try:
            connection.request("POST", self._path, data, self._headers(message, data))
            with connection.getresponse() as answer:
                if line.expired and not 200 <= answer.status < 300:
                    raise TimeoutError  # what was read of it ends where the time did
                return self._without_secrets(self._judged(answer))
        except DeliveryError as error:  # a receiver may repeat what it was sent
            raise DeliveryError(
                self._without_secrets(error.message), hint=error.hint, permanent=error.permanent,
                retry_after_s=error.retry_after_s,
            ) from None  # fmt: skip
        except TimeoutError as error:
            raise DeliveryError(f"webhook: no answer within {self.timeout_s:g} s") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            if line.expired:
                raise DeliveryError(f"webhook: no answer within {self.total_s:g} s") from error
            raise DeliveryError(self._without_secrets(f"webhook: {type(error).__name__}: {error}")) from None
        finally:
            connection.close()

    def _without_secrets(self, text: str) -> str:
        for secret in (self._token, self._secret):
            text = text.replace(secret, "[redacted]") if secret else text
        return text

    def _headers(self, message: Message, data: bytes) -> dict[str, str]:
        from opsconsole import __version__

        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"opsconsole/{__version__}",
            "Idempotency-Key": message.key,
        }
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if self._secret:
            timestamp = str(self._now() // 1_000_000)
            headers["X-Opsconsole-Timestamp"] = timestamp
            headers["X-Opsconsole-Signature"] = "sha256=" + signature(self._secret, timestamp, data)
        return headers

    def _tls(self) -> ssl.SSLContext | None:
        if not self._encrypted:
            return None
        return ssl.create_default_context(cafile=self._settings.ca_file or None)

    def _judged(self, answer: http.client.HTTPResponse) -> str:
        said = f"{answer.status} {answer.reason}".strip()[:100]
        if 200 <= answer.status < 300:
            return said
        if 300 <= answer.status < 400:
            raise DeliveryError(f"webhook: {said}: redirects are not followed", permanent=True)
        if answer.status in _AGAIN or answer.status >= 500:
            raise DeliveryError(f"webhook: {said}", retry_after_s=self._retry_after(answer.getheader("Retry-After")))
        raise DeliveryError(f"webhook: {said}: {_beginning(answer)}", permanent=True)

    def _retry_after(self, value: str | None) -> float | None:
        """Seconds, of a number or a date."""
        if value is None:
            return None
        if value.strip().isascii() and value.strip().isdigit():
            return float(value.strip()[:9])
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - self._now() / 1e6)
        except (ValueError, OverflowError, OSError):
            return None


class _Connection(http.client.HTTPConnection):
    """On a line that can be broken off."""

    def __init__(self, host: str, port: int, line: Line, context: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=line.timeout_s)
        self.default_port = 80 if context is None else 443
        self._line = line
        self._context = context

    def connect(self) -> None:
        sock: socket.socket = self._line.connect(self.host, self.port)
        try:
            self.sock = sock if self._context is None else self._context.wrap_socket(sock, server_hostname=self.host)
        except BaseException:
            sock.close()
            raise


def signature(secret: str, timestamp: str, data: bytes) -> str:
    """HMAC-SHA256 in hexadecimal; the timestamp is in it, so that an old message cannot be sent again as a new one."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + data, hashlib.sha256).hexdigest()


def payload(message: Message) -> dict[str, Any]:
    """The object that is posted."""
    alerts = [_alert(facts) for facts in message.alerts]
    common = _common(alert["labels"] for alert in alerts)
    return {
        "version": "4",
        "groupKey": f"opsconsole/{message.alerts[0].get('group', message.key) if len(alerts) == 1 else message.key}",
        "truncatedAlerts": message.total - len(alerts),
        "status": message.status,
        "receiver": "opsconsole",
        "groupLabels": {name: common[name] for name in ("alertname", "instance", "subject") if name in common},
        "commonLabels": common,
        "commonAnnotations": _common(alert["annotations"] for alert in alerts),
        "externalURL": "",
        "alerts": alerts,
    }


def _alert(facts: Facts) -> dict[str, Any]:
    labels = {"alertname": facts["kind"], "instance": facts["host"], "severity": facts["severity"]}
    if facts["subject"]:
        labels["subject"] = facts["subject"]
    notes = {"summary": facts["title"], "description": facts["message"], "transition": facts["transition"]}
    for name in ("value", "peak", "threshold"):
        if facts[name] is not None:
            notes[name] = quantity(facts[name], facts["unit"])
    causes = ", ".join(f"{one['name']}[{one['pid']}]" for one in facts["processes"])
    notes |= {"causes": causes} if causes else {}
    notes |= {"runs": ", ".join(facts["runs"])} if facts["runs"] else {}
    notes |= {"action": facts["action"]} if facts["action"] else {}
    notes |= {"duration": long_duration(length_s(facts), whole=True)} if is_over(facts) else {}
    return {
        "status": "resolved" if is_over(facts) else "firing",
        "labels": labels,
        "annotations": notes,
        "startsAt": rfc3339(facts["opened_at"]),
        "endsAt": rfc3339(facts["closed_at"]) or NOT_OVER,
        "generatorURL": "",
        "fingerprint": str(facts.get("group") or "0" * 16)[:16],
    }


def _common(many: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """What all of them have alike."""
    first, *others = many
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in others)}


def _beginning(answer: http.client.HTTPResponse) -> str:
    """What it says, as far as one line of it goes; it may be endless, and come a byte at a time."""
    try:
        return " ".join(answer.read1(_READ).decode("utf-8", "replace").split())[:200]
    except (OSError, http.client.HTTPException, ValueError):
        return ""
