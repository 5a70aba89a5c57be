"""Mail by SMTP: plain text, one message for each address list, threaded by episode.

No text gets into a header but as one sanitised line, which the e-mail package encodes. A server that cannot encrypt
where encryption is asked for gets nothing, above all no password.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from opsconsole.monitoring.alerts.messages import public_key
from opsconsole.monitoring.alerts.notifiers.errors import DeliveryError

if TYPE_CHECKING:
    from opsconsole.alert_settings import AlertSettings
    from opsconsole.monitoring.alerts.messages import Message
    from opsconsole.monitoring.alerts.notifiers import Line, Means

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_SUBJECT = 150


class Mail:
    """Sends through one server."""

    def __init__(self, settings: AlertSettings, means: Means) -> None:
        from opsconsole.monitoring.alerts.notifiers import read_secret

        self._settings = chosen = settings.mail
        if not chosen.host or not chosen.to:
            raise DeliveryError("mail: no server or no address is set", hint="alerts.mail", permanent=True)
        self.timeout_s, self.total_s = chosen.timeout_s, 3 * chosen.timeout_s
        self._password = read_secret("mail password", chosen.password_file, chosen.password_env)
        self._domain = re.sub(r"[^A-Za-z0-9.-]", "-", means.host).strip(".-") or "localhost"
        self._sender = chosen.sender or f"opsconsole@{self._domain}"

    def send(self, message: Message, line: Line) -> str:
        """Raises DeliveryError."""
        chosen = self._settings
        mail = self.written(message)
        smtp = _Smtp(line, self._domain, self._tls() if chosen.security == "tls" else None)
        try:
            _expect(smtp.connect(chosen.host, chosen.port or _PORTS[chosen.security]), 220)
            if chosen.security == "starttls":
                smtp.ehlo_or_helo_if_needed()
                if not smtp.has_extn("starttls"):
                    raise DeliveryError("mail: the server offers no STARTTLS", hint="alerts.mail.security")
                _expect(smtp.starttls(context=self._tls()), 220)
            smtp.ehlo_or_helo_if_needed()
            if chosen.user:
                smtp.login(chosen.user, self._password)
            refused = smtp.send_message(mail, self._sender, list(chosen.to))
        except smtplib.SMTPRecipientsRefused as error:
            answers = list(error.recipients.values())
            raise self._failed(min(answers, key=lambda one: one[0])) from error
        except smtplib.SMTPAuthenticationError as error:  # somebody will correct the password: worth a later try
            raise DeliveryError(f"mail: login refused: {error.smtp_code}", hint="alerts.mail.user") from error
        except smtplib.SMTPResponseException as error:
            about_this_mail = isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError)
            raise self._failed((error.smtp_code, error.smtp_error), final=about_this_mail) from error
        except (OSError, smtplib.SMTPException, ValueError) as error:
            if line.expired:
                raise DeliveryError(f"mail: not done within {self.total_s:g} s") from error
            if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
                raise DeliveryError(f"mail: no answer within {self.timeout_s:g} s") from error
            raise DeliveryError(f"mail: {type(error).__name__}: {error}") from error
        finally:
            smtp.leave()
        left_out = f", {len(refused)} of {len(chosen.to)} addresses refused" if refused else ""
        return f"250 accepted for {len(chosen.to) - len(refused)}{left_out}"

    def written(self, message: Message) -> EmailMessage:
        """The mail. The Message-ID comes of the idempotency key; what is about one episode refers to one id."""
        mail = EmailMessage(policy=SMTP)
        mail["Subject"] = " ".join(message.title.split())[:_SUBJECT]
        mail["From"] = self._sender
        mail["To"] = ", ".join(self._settings.to)
        mail["Date"] = format_datetime(datetime.fromtimestamp(message.created_at / 1e6, UTC))
        mail["Message-ID"] = f"<{message.key}@{self._domain}>"
        if not message.is_digest and "episode" in (facts := message.alerts[0]):
            thread = public_key(f"{facts['group']} {facts['episode']}")
            mail["References"] = f"<{thread}.episode@{self._domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Opsconsole-Key"] = message.key
        mail["X-Opsconsole-Status"] = message.status
        mail.set_content(message.text, cte="quoted-printable")
        return mail

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._settings.ca_file or None)

    def _failed(self, answer: tuple[int, Any], *, final: bool = True) -> DeliveryError:
        code, text = answer
        said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        if self._password:
            said = said.replace(self._password, "[redacted]")
        return DeliveryError(f"mail: {code} {' '.join(said.split())[:200]}", permanent=final and 500 <= code < 600)


def _expect(answer: tuple[int, bytes], code: int) -> None:
    if answer[0] != code:
        raise smtplib.SMTPResponseException(*answer)


class _Smtp(smtplib.SMTP):
    """On a line that can be broken off; encrypted from the first byte with a `context`."""

    def __init__(self, line: Line, name: str, context: ssl.SSLContext | None) -> None:
        super().__init__(local_hostname=name, timeout=line.timeout_s)  # asking the resolver for a name could hang
        self._line = line
        self._context_at_once = context

    def connect(self, host: str = "localhost", port: int = 0, source_address: Any = None) -> tuple[int, bytes]:
        self._host = host  # what STARTTLS verifies the certificate against
        return super().connect(host, port, source_address)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = self._line.connect(host, port)
        if self._context_at_once is None:
            return sock
        try:
            return self._context_at_once.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise

    def leave(self) -> None:
        """Without waiting for an answer to QUIT."""
        try:
            if self.sock is not None:
                self.sock.sendall(b"QUIT\r\n")
        except OSError:
            pass
        self.close()
