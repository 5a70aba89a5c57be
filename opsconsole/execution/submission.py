"""From a TaskSpec to a row: read the script, choose the interpreter, decide the policy."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from opsconsole import host
from opsconsole.errors import DiskFull, InterpreterMissing, NotRunnable, ScriptNotFound, SpecError
from opsconsole.execution import containing, elevation, interpreters, judging, limiting, privacy
from opsconsole.execution.environment import EnvironmentStore
from opsconsole.models import ExecutionPolicy, Origin, Status, Task, TaskSpec
from opsconsole.paths import StatePaths
from opsconsole.safety import policy as policies
from opsconsole.safety.redact import Redaction
from opsconsole.settings import Settings
from opsconsole.storage import private_scripts
from opsconsole.storage.tasks import NewTask
from opsconsole.values import dataclass
from opsconsole.wording import size

MAX_SCRIPT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What would run: for `--dry-run`, and the first half of every submission."""

    name: str
    body: bytes
    interpreter: str
    argv: list[str]
    decision: policies.Decision
    spec: dict[str, Any]
    environment: dict[str, str]
    missing: NotRunnable | None
    redaction: Redaction
    """What of all this must not be shown or stored."""


def plan(
    spec: TaskSpec,
    settings: Settings,
    environ: Mapping[str, str] | None = None,
    origin: Origin | None = None,
    *,
    review_by: judging.MakesReview | None = None,
) -> Plan:
    """Read and judge, change nothing. Raises ScriptNotFound, SpecError. Without `origin` no door's ceiling is applied.

    An interpreter that is not here is in `missing`, so that it can be recorded. `review_by`: see `judging.judge`.
    """
    body, file_name = _body(spec)
    environment = {**(os.environ if environ is None else environ), **spec.env}
    cwd = _working_directory(spec)
    contained = containing.look_ahead(spec, environment, cwd)
    path = contained.path
    missing: NotRunnable | None = None
    choice, argv = interpreters.Choice(interpreters.UNKNOWN if spec.argv is None else interpreters.EXEC), []
    try:
        if spec.argv is None:
            choice = interpreters.choose(spec.interpreter, body, file_name, settings.execution.shell)
            argv = [*interpreters.locate(choice, path), *spec.args]
        else:
            argv = interpreters.command_line(body, cwd, path)
    except InterpreterMissing as error:
        missing = error
    limited = limiting.look_ahead(spec.policy, spec.limits, settings, cwd)
    review = judging.judge(body, choice.name, spec.policy, spec.allow, spec.env, made_by=review_by)
    decision = policies.decide(
        spec.policy,
        review=review,
        above=None
        if origin is None
        else policies.ceiling(spec.policy, origin.door, origin.actor, settings.doors.of(origin.door)),
        confirmed=spec.confirmed,
        reason=spec.reason,
        unavailable=contained.refusal,
        unenforceable=limited.refusal,
        grants=_grants(spec),
    )
    if decision.runs and spec.policy is ExecutionPolicy.ELEVATED and (why := elevation.impossible()):
        decision = policies.Decision("refuse", why)
    redaction = Redaction.of(environment, settings.redaction, spec.env)
    return Plan(
        name=_name(spec, body, file_name, redaction),
        body=body,
        interpreter=choice.name,
        argv=argv,
        decision=decision,
        spec=_stored(spec, settings, choice, cwd, decision, limited, contained) | judging.as_stored(review),
        environment=environment,
        missing=missing,
        redaction=redaction,
    )


def build(
    spec: TaskSpec,
    settings: Settings,
    origin: Origin,
    environments: EnvironmentStore,
    paths: StatePaths,
    *,
    reserved_for: int | None = None,
    keeps_descriptor: bool = False,
    environ: Mapping[str, str] | None = None,
) -> NewTask:
    """The row of a submission; a refused or unrunnable one is a row too. Raises SpecError, ScriptNotFound, DiskFull."""
    planned = plan(spec, settings, environ, origin)
    status, reason, code = _standing(planned)
    if status.is_open:
        check_space(paths, settings)
    planned.spec["stdin_descriptor"] = keeps_descriptor
    new = NewTask(
        name=planned.name,
        status=status,
        reason=reason,
        priority=spec.priority,
        policy=spec.policy.value,
        interpreter=planned.interpreter,
        body=planned.body,
        spec=planned.spec,
        environment=None,
        attempts=spec.retries + 1,
        origin=origin,
        held=spec.hold,
        after=spec.after,
        parent_id=spec.parent_id,
        parent_kind=spec.parent_kind,
        labels=spec.labels,
        reserved_for=reserved_for,
        exit_code=code,
    )
    new, private = privacy.conceal(new, planned.redaction)
    if new.shown is not None:
        private_scripts.keep(paths.scripts, new.body)
    if status.is_open:
        new = dataclasses.replace(new, environment=environments.keep(planned.environment, private))
    return new


def check_space(paths: StatePaths, settings: Settings) -> None:
    """Raises DiskFull."""
    free = host.free_bytes(paths.runs)
    if free < settings.execution.min_free:
        raise DiskFull(
            f"only {size(free)} are free on the file system of {paths.root}",
            hint=f"free some space: nothing starts below {size(settings.execution.min_free)} "
            "(setting execution.min_free)",
        )


def _standing(planned: Plan) -> tuple[Status, str | None, int | None]:
    if not planned.decision.runs:
        return Status.REFUSED, planned.decision.reason, None
    if planned.missing is not None:
        return Status.FAILED, str(planned.missing), planned.missing.exit_code
    return Status.QUEUED, None, None


def _working_directory(spec: TaskSpec) -> str:
    try:
        cwd = os.path.abspath(os.path.expanduser(spec.cwd or os.getcwd()))
    except FileNotFoundError:
        raise SpecError("the directory you are in was removed", hint="change to another, or say --cwd DIR") from None
    if not os.path.isdir(cwd):
        raise SpecError(f"the working directory {cwd} does not exist")
    return cwd


def _body(spec: TaskSpec) -> tuple[bytes, str | None]:
    if spec.argv is not None:
        return interpreters.stored_command(spec.argv), None
    if spec.path is None:
        text = spec.script or b""
        body, file_name = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text, None
    else:
        body, file_name = _read_script(Path(spec.path).expanduser()), str(spec.path)
    if len(body) > MAX_SCRIPT_BYTES:
        raise SpecError(f"the script has {len(body)} bytes, more than {MAX_SCRIPT_BYTES >> 20} MiB")
    return body, file_name


def _read_script(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_SCRIPT_BYTES + 1)
    except OSError as error:
        raise ScriptNotFound(f"the script {path} cannot be read: {error.strerror}") from error


def _name(spec: TaskSpec, body: bytes, file_name: str | None, redaction: Redaction) -> str:
    """Redacted before it is cut: half a secret would not be known for one."""
    if spec.name:
        return redaction.text(spec.name)[:200]
    if file_name:
        return redaction.text(Path(file_name).name)
    if spec.argv:
        return redaction.text(Path(spec.argv[0]).name)
    lines = (line.strip() for line in body.decode("utf-8", "replace").splitlines())
    first = redaction.text(next((line for line in lines if line and not line.startswith("#")), "script"))
    return first if len(first) <= 60 else first[:59] + "…"


def _grants(spec: TaskSpec) -> list[str]:
    return ["--allow-network"] * spec.allow_network + [f"--writable {folder}" for folder in spec.writable]


def _stored(
    spec: TaskSpec,
    settings: Settings,
    choice: interpreters.Choice,
    cwd: str,
    decision: policies.Decision,
    limited: limiting.Limiting,
    contained: containing.Ahead,
) -> dict[str, Any]:
    execution = settings.execution
    return {
        "args": list(spec.args),
        "program": choice.program,
        "program_options": list(choice.options),
        "cwd": cwd,
        "umask": _umask(),
        "timeout_s": spec.timeout_s if spec.timeout_s is not None else execution.timeout_s,
        "output_limit": execution.output_limit if spec.limits.output is None else spec.limits.output,
        "limits": limited.limits,
        "limits_asked": list(limited.asked),
        "limits_degraded": limited.degraded,
        "allow_network": spec.allow_network,
        "writable": [os.path.abspath(os.path.expanduser(folder)) for folder in spec.writable],
        "provider": contained.provider,
        "containment_degraded": contained.degraded,
        "containment_notes": contained.notes,
        "retry_exit_codes": None if spec.retry_exit_codes is None else list(spec.retry_exit_codes),
        "idempotent": spec.idempotent,
        "kill_leftovers": spec.kill_leftovers,
        "stdin": os.path.abspath(spec.stdin) if spec.stdin else None,
        "environment_names": sorted(spec.env),
        "confirmed": spec.confirmed,
        "reason": spec.reason,
        "allow": list(spec.allow),
        "verdict": decision.verdict,
    }


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


class Submission:
    """A task on its way into the database: `await` it for the Task, or ask for `task_id` (blocks until stored)."""

    def __init__(self, stored: Future[list[int]], read: Callable[[int], Task]) -> None:
        self._stored = stored
        self._read = read

    @property
    def task_id(self) -> int:
        """Raises what the submission raises."""
        return self._stored.result()[0]

    @property
    def task(self) -> Task:
        """As it is now. Raises what the submission raises."""
        return self._read(self.task_id)

    def withdraw(self) -> bool:
        """Whether it is taken back: nothing was stored, and nothing will be. False: it is stored, or just being so."""
        return self._stored.cancel()

    def __await__(self) -> Generator[Any, None, Task]:
        ids = yield from asyncio.wrap_future(self._stored).__await__()
        return self._read(ids[0])
