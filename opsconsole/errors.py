"""Every error opsconsole raises, in one tree.

OpsError                         category, hint (what the user can do), exit_code of the command line
├── UsageError              2    what was asked for makes no sense
│   ├── SettingsError            a settings file or OPSCONSOLE_* variable is wrong
│   ├── SpecError                a task's description is wrong
│   ├── TaskNotFound             no task or execution has that id
│   ├── AnomalyNotFound          no anomaly has that id
│   └── IllegalTransition        the task's status does not allow this command
├── SecurityError         126    refused by policy
│   └── SandboxUnavailable       this host cannot enforce the policy
├── NotRunnable           127    nothing to run it with
│   ├── InterpreterMissing       this host lacks the interpreter
│   └── ScriptNotFound           the script cannot be read
├── ExecutionFailed         1    a run ended badly (`ExecutionResult.raise_for_status`)
│   ├── ExecutionTimeout  124    it ran longer than it may
│   └── ResourceLimitExceeded    it reached a limit: memory, processes, file size, …
└── ConsoleError          125    the console itself failed
    ├── StateDirError            the state directory cannot be used
    ├── StorageError             the database cannot be used
    │   ├── DatabaseNewer        written by a newer opsconsole: refused, not touched
    │   ├── DatabaseLocked       another process holds it
    │   └── DiskFull             no space left for the record
    ├── QueueFull                the queue's capacity is reached
    ├── TooManySubmissions       a door takes no more within this minute
    ├── SupervisorError          the supervisor could not be started or spoken to
    └── PlatformUnsupported      this operating system cannot execute
"""

from __future__ import annotations

from collections.abc import Sequence


class OpsError(Exception):
    """Base of every error with a message for people.

    `message` says what happened, `hint` what to do about it; `str()` joins both.
    """

    category = "error"
    exit_code = 125

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(OpsError):
    """Raised when what was asked for makes no sense."""

    category = "usage"
    exit_code = 2


class SettingsError(UsageError):
    """Raised when a settings file or an OPSCONSOLE_* variable is wrong."""

    @classmethod
    def of_all(cls, problems: Sequence[SettingsError]) -> SettingsError:
        """One that says all of these, at least one: who mends a file mends it once."""
        return problems[0] if len(problems) == 1 else cls("; ".join(map(str, problems)))


class SpecError(UsageError, ValueError):
    """Raised when a task's description is wrong."""


class TaskNotFound(UsageError, LookupError):
    """Raised when no task or execution has the id asked for."""


class AnomalyNotFound(UsageError, LookupError):
    """Raised when no anomaly has the id asked for."""


class IllegalTransition(UsageError):
    """Raised when a task's status does not allow the command."""


class SecurityError(OpsError):
    """Raised when a policy refuses to run a script."""

    category = "refused"
    exit_code = 126


class SandboxUnavailable(SecurityError):
    """Raised when this host cannot enforce what the policy demands."""


class NotRunnable(OpsError):
    """Base of "there is nothing to run it with"."""

    category = "not_found"
    exit_code = 127


class InterpreterMissing(NotRunnable):
    """Raised when this host lacks the interpreter; the hint says what to install."""


class ScriptNotFound(NotRunnable):
    """Raised when the script cannot be read."""


class ExecutionFailed(OpsError):
    """Raised when a run that had to succeed did not; `result` is its ExecutionResult."""

    category = "failed"
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", result: object = None) -> None:
        super().__init__(message, hint=hint)
        self.result = result


class ExecutionTimeout(ExecutionFailed, TimeoutError):
    """Raised when a run was ended because its time was over."""

    category = "timeout"
    exit_code = 124


class ResourceLimitExceeded(ExecutionFailed):
    """Raised when a run ended because it reached, or probably reached, one of its limits."""

    category = "limit"


class ConsoleError(OpsError):
    """Base of failures of the console itself."""

    category = "console"


class StateDirError(ConsoleError):
    """Raised when the state directory cannot be used."""


class StorageError(ConsoleError):
    """Raised when the database cannot be used."""


class DatabaseNewer(StorageError):
    """Raised when a newer opsconsole wrote the database; it is not touched."""


class DatabaseLocked(StorageError):
    """Raised when another process held the database for longer than we wait."""


class DiskFull(StorageError):
    """Raised when the state directory's file system has no space for the record."""


class QueueFull(ConsoleError):
    """Raised when the queue holds as many tasks as the settings allow."""


class TooManySubmissions(ConsoleError):
    """Raised when a door has taken as many tasks within a minute as the settings allow."""


class SupervisorError(ConsoleError):
    """Raised when the supervisor could not be started or spoken to."""


class PlatformUnsupported(ConsoleError):
    """Raised when this operating system cannot execute scripts."""
