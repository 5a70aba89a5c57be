"""The section `[alerts]`: who is told of what, by which way.

The text under a field is its documentation. Loaded only where somebody is told. No secret is ever a setting: it is read
from a file or a variable that a setting names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any, ClassVar, Literal

from opsconsole.errors import SettingsError

NOTIFIERS = ("bell", "desktop", "mail", "webhook", "command", "apprise")
LONGEST_TIMEOUT_S = 5.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

SeverityName = Literal["low", "medium", "high", "critical"]


@dataclass(frozen=True)
class AlertRule:
    """What one rule, `[alerts.rules.NAME]`, has tell whom. Empty means any."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    min_severity: SeverityName = "high"
    """From which severity on."""
    kinds: tuple[str, ...] = ()
    """Patterns of kinds ("disk_*"). A kind that does not notify by itself is told when a pattern here names it."""
    subjects: tuple[str, ...] = ()
    """Patterns of subjects: mounts, devices, processes, scripts ("/var*", "postgres*"); "" is the host itself."""
    hosts: tuple[str, ...] = ()
    """Patterns of hosts."""
    notify: tuple[str, ...] = ()
    """Notifiers; none listed: those of alerts.notify."""


@dataclass(frozen=True)
class RunRules:
    critical_failed: bool = True
    """Tell of a task of priority CRITICAL whose last attempt did not succeed."""
    abandoned: bool = True
    """Tell of a run whose end nobody saw."""
    failure_rate: float = 50.0
    """Tell when so many percent of all runs within the window failed; 0: never."""
    failure_rate_runs: int = 10
    """Fewer ended runs than this within the window say nothing about a rate."""
    failure_rate_window_s: float = 3600.0
    """The window, in seconds."""


@dataclass(frozen=True)
class OutboxSettings:
    capacity: int = 1000
    """Messages that wait at the most; what comes then is told when there is room again."""
    attempts: int = 20
    """Tries before a message is given up, which is said and recorded."""
    give_up_s: float = 86_400.0
    """Age in seconds at which a message that could not be sent is given up."""
    retry_base_s: float = 5.0
    """Delay before the first retry, in seconds; it doubles with each further one."""
    retry_max_s: float = 1800.0
    """Longest delay, in seconds."""
    retry_jitter: float = 0.25
    """Share of the delay that is random."""
    digest_over: int = 5
    """More messages than this to one notifier within the window become one message that lists them."""
    digest_window_s: float = 60.0
    """The window, in seconds: no message is held back longer for the sake of a digest."""
    keep_days: float = 30.0
    """Days that messages are kept after they were sent or given up."""


@dataclass(frozen=True)
class MailSettings:
    host: str = ""
    """Mail server (SMTP); empty: no mail."""
    port: int = 0
    """Its port; 0: 587 with starttls, 465 with tls, 25 with none."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted; a server that cannot do it gets nothing."""
    ca_file: str = ""
    """Certificates (PEM) that are trusted in place of the system's."""
    user: str = ""
    """Name to log in with; empty: without."""
    password_file: str = ""
    """File that holds the password."""
    password_env: str = ""
    """Variable that holds the password, where there is no file."""
    sender: str = ""
    """Address the mail is from; empty: opsconsole@HOST."""
    to: tuple[str, ...] = ()
    """Addresses it goes to."""
    timeout_s: float = 5.0
    """Seconds the server may take for an answer, at most 5; for all of it three times that."""


@dataclass(frozen=True)
class WebhookSettings:
    url: str = ""
    """Where Alertmanager's JSON (version 4) is posted to, http or https; empty: nowhere."""
    allow_hosts: tuple[str, ...] = ()
    """Patterns of hosts the URL may name; none listed: any."""
    ca_file: str = ""
    """Certificates (PEM) that are trusted in place of the system's."""
    secret_file: str = ""
    """File with the secret that signs the body (HMAC-SHA256)."""
    secret_env: str = ""
    """Variable with that secret, where there is no file."""
    token_file: str = ""
    """File with a token for the header Authorization: Bearer."""
    token_env: str = ""
    """Variable with that token, where there is no file."""
    timeout_s: float = 5.0
    """Seconds the receiver may take, at most 5."""


@dataclass(frozen=True)
class CommandSettings:
    script: str = ""
    """Path of the script that is run; it gets the facts in variables OPS_ALERT_*; empty: none."""
    policy: Literal["safe", "restricted", "standard", "elevated"] = "restricted"
    """The policy it runs under."""


@dataclass(frozen=True)
class AppriseSettings:
    """The extra `notify` installs it."""

    urls_file: str = ""
    """File with one Apprise URL a line; they hold tokens."""
    urls_env: str = ""
    """Variable with the URLs, where there is no file."""


@dataclass(frozen=True)
class AlertSettings:
    enabled: bool = True
    """Tell anybody at all."""
    notify: tuple[str, ...] = ("bell",)
    """Notifiers that are told where no rule says otherwise: bell, desktop, mail, webhook, command, apprise."""
    min_severity: SeverityName = "high"
    """Anomalies from this severity on are told where there are no rules: low, medium, high or critical."""
    rules: Mapping[str, AlertRule] = field(default_factory=dict)
    """Rules, `[alerts.rules.NAME]`, with min_severity, kinds, subjects, hosts, notify; they replace the two above."""
    group_wait_s: float = 10.0
    """Seconds a first message waits, so that its cause can hide it; what is over by then is not told."""
    repeat_s: float = 14_400.0
    """Seconds after which what is still open is told again; 0: never. What is acknowledged or flaps is not repeated."""
    repeat_min_severity: SeverityName = "high"
    """What is milder than this is told once: it is not repeated, nor told anew when it comes back within a day."""
    cooldown_s: float = 300.0
    """Seconds within which the same trouble is not told anew when it comes back; it doubles each time, to repeat_s."""
    recovery: bool = True
    """Tell those who were told when it is over."""
    maintenance: tuple[str, ...] = ()
    """Windows, local time, in which nothing is told: "Sun 02:00-04:00", "Mon-Fri 22:00-23:00", "03:00-03:15",
    "2026-12-01T00:00/2026-12-01T06:00". What is still open afterwards is told then."""
    inhibit: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Kinds that hide others, beside those of the kinds' own: disk_full = ["io_pressure"]."""
    runs: RunRules = RunRules()
    outbox: OutboxSettings = OutboxSettings()
    mail: MailSettings = MailSettings()
    webhook: WebhookSettings = WebhookSettings()
    command: CommandSettings = CommandSettings()
    apprise: AppriseSettings = AppriseSettings()

    def check(self) -> None:
        """Raises one SettingsError with all that is wrong."""
        if wrong := [*self._wrong()]:
            raise SettingsError.of_all(wrong)

    def _wrong(self) -> Iterator[SettingsError]:
        for name, value in _values(self, "alerts."):
            if isinstance(value, int | float) and (value < 0 or not math.isfinite(value)):
                yield SettingsError(f"setting {name} must be a number that is not negative")
        outbox, runs = self.outbox, self.runs
        mail, webhook = self.mail, self.webhook
        for holds, message in (
            (outbox.capacity >= 1, "outbox.capacity must be at least 1"),
            (outbox.attempts >= 1, "outbox.attempts must be at least 1"),
            (outbox.digest_over >= 1, "outbox.digest_over must be at least 1"),
            (outbox.retry_base_s > 0, "outbox.retry_base_s must be more than 0"),
            (outbox.retry_max_s >= outbox.retry_base_s, "outbox.retry_max_s cannot be less than retry_base_s"),
            (outbox.retry_jitter <= 1, "outbox.retry_jitter must be between 0 and 1"),
            (runs.failure_rate <= 100, "runs.failure_rate is a percentage"),
            (runs.failure_rate_runs >= 1, "runs.failure_rate_runs must be at least 1"),
            (0 < mail.timeout_s <= LONGEST_TIMEOUT_S, "mail.timeout_s must be more than 0 and at most 5"),
            (0 < webhook.timeout_s <= LONGEST_TIMEOUT_S, "webhook.timeout_s must be more than 0 and at most 5"),
            (mail.port < 65_536, "mail.port is no port"),
            (self.repeat_s == 0 or self.repeat_s >= 60, "repeat_s must be 0 or at least 60"),
        ):
            if not holds:
                yield SettingsError(f"setting alerts.{message}")
        yield from _unknown_names("alerts.notify", self.notify)
        for name, rule in self.rules.items():
            yield from _unknown_names(f"alerts.rules.{name}.notify", rule.notify)
        yield from _wrong_mail(mail)
        checks: list[Callable[[], object]] = [partial(Window.parse, text) for text in self.maintenance]
        if webhook.url:
            checks.append(partial(_check_url, webhook))
        for check in checks:
            try:
                check()
            except SettingsError as error:
                yield error


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance window: `days` (0 is Monday) with times of the local day, or one span. `to` at or before `since`
    is the next day's. An hour that the clock skips in spring has no window, one that it repeats in autumn has it twice.
    """

    text: str
    days: frozenset[int] = frozenset()
    since: time = time.min
    to: time = time.min
    span: tuple[datetime, datetime] | None = None

    @classmethod
    def parse(cls, text: str) -> Window:
        """Raises SettingsError."""
        try:
            if "/" in text:
                begin, end = (_local(datetime.fromisoformat(part.strip())) for part in text.split("/"))
                if end <= begin:
                    raise ValueError("it ends before it begins")
                return cls(text, span=(begin, end))
            match = _WEEKLY.fullmatch(text.strip().lower())
            if match is None:
                raise ValueError("no window")
            if match[2] == match[3]:
                raise ValueError("it ends when it begins; 00:00-24:00 is a whole day")
            until = "00:00" if match[3] == "24:00" else match[3]
            return cls(text, _days(match[1]), time.fromisoformat(match[2]), time.fromisoformat(until))
        except ValueError as error:
            raise SettingsError(
                f"setting alerts.maintenance: {text!r} is no window ({error})",
                hint='such as "Sun 02:00-04:00" or "2026-12-01T00:00/2026-12-01T06:00"',
            ) from error

    def holds(self, moment: datetime) -> bool:
        """At `moment`, which knows its time zone."""
        if self.span is not None:
            return self.span[0] <= moment < self.span[1]
        now, today = moment.timetz().replace(tzinfo=None), moment.weekday()
        if self.since < self.to:
            return today in self.days and self.since <= now < self.to
        yesterday = (moment.date() - timedelta(days=1)).weekday()
        return (today in self.days and now >= self.since) or (yesterday in self.days and now < self.to)


_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKLY = re.compile(r"(?:([a-z, -]+?)\s+)?(\d\d:\d\d)\s*-\s*(\d\d:\d\d)")


def _days(words: str | None) -> frozenset[int]:
    """Of `sat,sun`, `mon-fri`, `fri-mon`; none: every day. Raises ValueError."""
    found: set[int] = set()
    for word in (words or "mon-sun").split(","):
        first, _, last = word.partition("-")
        begin = _day(first)
        end = _day(last) if "-" in word else begin
        found.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    return frozenset(found)


def _day(word: str) -> int:
    for number, name in enumerate(_DAYS):
        if word.strip() in (name, name[:3]):
            return number
    raise ValueError(f"{word.strip()!r} is no day")


def _local(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.astimezone()


def _values(section: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for item in fields(section):
        value = getattr(section, item.name)
        if is_dataclass(value):
            yield from _values(value, f"{prefix}{item.name}.")
        else:
            yield prefix + item.name, value


def _unknown_names(where: str, names: tuple[str, ...]) -> Iterator[SettingsError]:
    for name in names:
        if name not in NOTIFIERS:
            yield SettingsError(
                f"setting {where}: there is no notifier {name!r}", hint=f"one of {', '.join(NOTIFIERS)}"
            )


def _wrong_mail(mail: MailSettings) -> Iterator[SettingsError]:
    for address in (*mail.to, *([mail.sender] if mail.sender else [])):
        if not re.fullmatch(r"[^\s<>,;:\"()\[\]\\\x00-\x20\x7f-\U0010ffff]+", address):
            yield SettingsError(f"setting alerts.mail: {address!r} is no plain mail address")
    if mail.host and not mail.to:
        yield SettingsError("setting alerts.mail.to is empty", hint="who is the mail for?")
    if mail.user and not (mail.password_file or mail.password_env):
        yield SettingsError("setting alerts.mail.user needs password_file or password_env")
    if mail.user and mail.security == "none" and mail.host not in _LOOPBACK:
        yield SettingsError("setting alerts.mail.security: no password goes over the network unencrypted")


def _check_url(webhook: WebhookSettings) -> None:
    from fnmatch import fnmatchcase
    from urllib.parse import urlsplit

    where = "setting alerts.webhook.url"
    try:
        parts = urlsplit(webhook.url)
        host, _ = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise SettingsError(f"{where} is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not host or not re.fullmatch(r"[\x21-\x7e]+", webhook.url):
        raise SettingsError(f"{where} must be http:// or https:// with a host")
    if parts.username is not None or parts.password is not None:
        raise SettingsError(f"{where} holds a name or password", hint="use token_file or token_env")
    secrets = (webhook.token_file, webhook.token_env, webhook.secret_file, webhook.secret_env)
    if parts.scheme == "http" and any(secrets) and host not in _LOOPBACK:
        raise SettingsError(f"{where}: no token or secret is used over http to {host}", hint="https://")
    if webhook.allow_hosts and not any(fnmatchcase(host, pattern.lower()) for pattern in webhook.allow_hosts):
        raise SettingsError(f"{where}: {host} is not in allow_hosts")
