"""The nouns: what is asked for (TaskSpec), what waits (Task), what ran (ExecutionResult).

Frozen standard-library dataclasses: importing pydantic costs more than a whole `--run` of an empty script. Where
data comes in from outside (settings, JSON), pydantic validates these same classes, on first use.
Times are microseconds since the epoch (UTC) inside, RFC 3339 in JSON. Durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any, cast

from opsconsole.errors import (
    ExecutionFailed,
    ExecutionTimeout,
    ResourceLimitExceeded,
    SandboxUnavailable,
    SecurityError,
    SpecError,
)
from opsconsole.values import dataclass

MAX_TIMEOUT_S = 3600.0
MAX_RETRIES = 3
MIB = 1024 * 1024


class Status(StrEnum):
    """Where a task or an execution stands; `execution.lifecycle` has the transitions."""

    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    REFUSED = "refused"
    ABANDONED = "abandoned"

    @property
    def is_open(self) -> bool:
        return self in OPEN

    @property
    def is_active(self) -> bool:
        """Something of it may be alive."""
        return self in ACTIVE


ACTIVE = frozenset({Status.PREPARING, Status.RUNNING, Status.PAUSED})
OPEN = ACTIVE | {Status.QUEUED, Status.WAITING}
ENDED = frozenset(Status) - OPEN


class Priority(IntEnum):
    LOW = 0
    NORMAL = 1
    HIGH = 2
    CRITICAL = 3

    @classmethod
    def parse(cls, text: str) -> Priority:
        """Raises SpecError."""
        try:
            return cls[text.upper()]
        except KeyError:
            names = ", ".join(member.name.lower() for member in cls)
            raise SpecError(f"unknown priority {text!r}", hint=f"one of {names}") from None


class ExecutionPolicy(StrEnum):
    SAFE = "safe"
    RESTRICTED = "restricted"
    STANDARD = "standard"
    ELEVATED = "elevated"


class Door(StrEnum):
    """Where a task came in."""

    TUI = "tui"
    HEADLESS = "headless"
    API = "api"
    SCHEDULE = "schedule"
    REMEDIATION = "remediation"
    WORK = "work"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked, from where: recorded with every task and execution."""

    host: str
    door: str
    actor: str
    ssh_client: str | None = None


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """What a run may use; None means "as the policy says".

    `output` bytes per stream are kept (0: everything); beyond that the first part and the last part stay and the
    bytes between are counted. `memory`, `swap`, `file_size` are bytes, `cpu` is a share of one core (0.5: half of one),
    `pids` and `open_files` are counts, `read_bps` and `write_bps` bytes per second. A limit that is asked for and that
    nothing on this host can enforce refuses the run.
    """

    output: int | None = None
    memory: int | None = None
    swap: int | None = None
    cpu: float | None = None
    pids: int | None = None
    read_bps: int | None = None
    write_bps: int | None = None
    file_size: int | None = None
    open_files: int | None = None


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What to run and how. Exactly one of `script` (text or bytes), `path` (a file) and `argv` (a command).

    `argv` runs a program without a shell. `env` is added to the submitter's environment. `timeout_s` None is the
    setting (300), at most 3600. `retries` 0–3. `retry_exit_codes` None is the setting; empty means every failure.
    `after` is the id of a task that must succeed first. `stdin` is a file, or None for none.
    Raises SpecError on a value that cannot be.
    """

    script: str | bytes | None = None
    path: str | Path | None = None
    argv: tuple[str, ...] | None = None
    name: str | None = None
    args: tuple[str, ...] = ()
    interpreter: str | None = None
    policy: ExecutionPolicy = ExecutionPolicy.STANDARD
    priority: Priority = Priority.NORMAL
    timeout_s: float | None = None
    retries: int = 0
    retry_exit_codes: tuple[int, ...] | None = None
    cwd: str | Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    limits: ResourceLimits = field(default_factory=ResourceLimits)
    after: int | None = None
    hold: bool = False
    stdin: str | Path | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    idempotent: bool = False
    kill_leftovers: bool = False
    confirmed: bool = False
    reason: str | None = None
    allow: tuple[str, ...] = ()
    allow_network: bool = False
    writable: tuple[str, ...] = ()
    parent_id: int | None = None
    parent_kind: str | None = None

    def __post_init__(self) -> None:
        given = [n for n in ("script", "path", "argv") if getattr(self, n) is not None]
        if len(given) != 1:
            raise SpecError(
                "a task needs exactly one of script, path and argv" + (f", not {', '.join(given)}" if given else "")
            )
        _coerce(self, "policy", ExecutionPolicy)
        if isinstance(name := cast(object, self.priority), str):
            object.__setattr__(self, "priority", Priority.parse(name))
        _coerce(self, "priority", Priority)
        if self.argv is not None and not self.argv:
            raise SpecError("argv needs at least one word")
        for field_name in ("argv", "args", "path", "cwd", "stdin"):
            value = getattr(self, field_name)
            words = value if isinstance(value, tuple) else () if value is None else (str(value),)
            if not all(map(_can_be_passed, words)):
                raise SpecError(f"{field_name} holds a NUL or half a character, which no program can be given")
        if isinstance(self.script, str) and not _is_text(self.script):
            raise SpecError("the script holds half a character (a lone surrogate)", hint="give it as bytes")
        if self.timeout_s is not None and not 0 < self.timeout_s <= MAX_TIMEOUT_S:
            raise SpecError(f"timeout {self.timeout_s:g} s: more than 0 and at most {MAX_TIMEOUT_S:g} seconds")
        if not 0 <= self.retries <= MAX_RETRIES:
            raise SpecError(f"retries {self.retries}: 0 to {MAX_RETRIES}")
        for key, value in self.env.items():
            if not key or "=" in key or not _can_be_passed(key + value):
                raise SpecError(f"environment variable {key!r} cannot be set")


def _can_be_passed(word: str) -> bool:
    """Whether a process can be given it: bytes that are no UTF-8 may be in it (as surrogate escapes), a NUL not."""
    return "\0" not in word and _is_text(word)


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _coerce(spec: TaskSpec, name: str, kind: type[StrEnum] | type[IntEnum]) -> None:
    value = getattr(spec, name)
    if not isinstance(value, kind):
        try:
            object.__setattr__(spec, name, kind(value))
        except ValueError:
            names = ", ".join(str(member.value) for member in kind)
            raise SpecError(f"unknown {name} {value!r}", hint=f"one of {names}") from None


@dataclass(frozen=True, slots=True)
class Task:
    """A row of the queue or the history, as last read. `execution_id` is that of the newest attempt."""

    id: int
    name: str
    status: Status
    reason: str | None
    priority: Priority
    policy: ExecutionPolicy
    interpreter: str
    attempt: int
    attempts: int
    queued_at: int
    due_at: int | None
    started_at: int | None
    finished_at: int | None
    duration_s: float | None
    exit_code: int | None
    signal: str | None
    held: bool
    after_id: int | None
    console_id: int | None
    host: str
    door: str
    actor: str
    ssh_client: str | None
    parent_id: int | None
    parent_kind: str | None
    labels: Mapping[str, str]
    pinned: bool
    script_sha256: str
    cancel_requested: bool
    rev: int

    @property
    def execution_id(self) -> str:
        return f"{self.id}.{self.attempt}"

    @property
    def waits_for(self) -> str | None:
        """Why it waits, in words, or None."""
        if self.status is not Status.WAITING:
            return None
        if self.held:
            return "held"
        if self.after_id is not None and self.due_at is None:
            return f"after {self.after_id}"
        return "retry"


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """The contract's result object; `to_json` gives its JSON form, key for key."""

    execution_id: str
    task_id: int
    name: str
    status: Status
    exit_code: int | None
    signal: str | None
    reason: str | None
    policy: str
    containment: Mapping[str, Any]
    verdict: str | None
    findings: list[Mapping[str, Any]]
    attempt: int
    attempts: int
    queued_at: int | None
    started_at: int | None
    finished_at: int | None
    duration_s: float | None
    metrics: Mapping[str, Any]
    output: Mapping[str, Any]
    script_sha256: str
    origin: Mapping[str, Any]
    supervision: Mapping[str, Any]
    effects: list[Mapping[str, Any]] = field(default_factory=list)
    invocation: Mapping[str, Any] = field(default_factory=dict)
    """What it was called with: `args`, `cwd`, `environment_names` (no values), `stdin`, `timeout_s`, `limits_asked`,
    `allow`, `allow_network`, `writable`, `kill_leftovers`, `reason`, `retry_exit_codes` (null: those of
    the settings), `idempotent`; empty where nobody kept it."""

    @property
    def succeeded(self) -> bool:
        return self.status is Status.COMPLETED

    def raise_for_status(self) -> ExecutionResult:
        """Itself where it completed. Raises SecurityError (refused), SandboxUnavailable, ExecutionTimeout,
        ResourceLimitExceeded, else ExecutionFailed.
        """
        if self.succeeded:
            return self
        reason = self.reason or f"it is {self.status.value}"
        message = f"{self.name}: {reason}"
        if self.status is Status.REFUSED:
            raise (SandboxUnavailable if self.containment.get("unavailable") else SecurityError)(message)
        if self.status is Status.TIMED_OUT:
            raise ExecutionTimeout(message, result=self)
        if reason.endswith(("_limit", "_limit_suspected")):
            raise ResourceLimitExceeded(message, hint="; ".join(self.containment.get("limit_notes") or ()), result=self)
        raise ExecutionFailed(message, result=self)

    def read_stdout(self) -> bytes:
        """The kept bytes of stdout."""
        return _read(self.output.get("stdout_path"))

    def read_stderr(self) -> bytes:
        """The kept bytes of stderr."""
        return _read(self.output.get("stderr_path"))

    def to_json(self) -> dict[str, Any]:
        return {
            "execution_id": self.execution_id,
            "task_id": self.task_id,
            "name": self.name,
            "status": self.status.value,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "reason": self.reason,
            "policy": self.policy,
            "containment": dict(self.containment),
            "verdict": self.verdict,
            "findings": list(self.findings),
            "effects": list(self.effects),
            "attempt": self.attempt,
            "attempts": self.attempts,
            "queued_at": rfc3339(self.queued_at),
            "started_at": rfc3339(self.started_at),
            "finished_at": rfc3339(self.finished_at),
            "duration_s": self.duration_s,
            "metrics": dict(self.metrics),
            "output": dict(self.output),
            "script_sha256": self.script_sha256,
            "origin": dict(self.origin),
            "supervision": dict(self.supervision),
            "invocation": dict(self.invocation),
        }


def _read(path: str | None) -> bytes:
    if not path or not Path(path).exists():
        return b""
    return Path(path).read_bytes()


def rfc3339(microseconds: int | None) -> str | None:
    """`2026-11-20T03:04:05.678901Z`; None stays None."""
    if microseconds is None:
        return None
    moment = datetime.fromtimestamp(microseconds / 1_000_000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


_UNITS = {"": 1, "k": 1024, "m": MIB, "g": 1024 * MIB, "t": 1024 * 1024 * MIB}


def parse_size(text: str | int) -> int:
    """Bytes from `512M`, `64MiB`, `1G`, `1048576`. Raises SpecError."""
    if isinstance(text, int):
        return text
    folded = text.strip().lower().removesuffix("ib").removesuffix("b")
    number, unit = (folded[:-1], folded[-1]) if folded[-1:] in "kmgt" and folded else (folded, "")
    try:
        value = float(number) * _UNITS[unit]
        whole = int(value)
    except (ValueError, OverflowError):  # the latter for "inf"
        raise SpecError(f"{text!r} is not a size", hint="a number with K, M, G or T, such as 64M") from None
    if value < 0:
        raise SpecError(f"{text!r} is not a size", hint="it cannot be negative")
    return whole
