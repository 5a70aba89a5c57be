"""From a claimed task to the launch message of a supervisor; pure but for reading what it names.

The message (JSON, one line; descriptors travel beside it, in this order: script, stdin):
`id`, `launch`, `folder`, `argv` (absolute program first), `environment` (key of one sent before), `cwd`, `umask`,
`timeout_s`, `grace_s`, `kill_wait_s`, `output_limit`, `kill_leftovers`, `stdin` (path or null), `script` (text, or
null when it comes as a descriptor), `fds`, `owner` ([uid, gid] the files shall belong to, or null); where it has
limits: `limits` (name → value, see `supervisor/limits.py`), `limits_asked` (those that must hold, or it does not
start); where it is contained: `contain` (see `supervisor/contained.py`) and `uid`, the run's.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsconsole.errors import ConsoleError, SecurityError
from opsconsole.execution import containing, elevation, interpreters, judging, limiting
from opsconsole.models import ExecutionPolicy
from opsconsole.paths import StatePaths
from opsconsole.safety import policy as policies
from opsconsole.settings import ExecutionSettings
from opsconsole.storage.tasks import Claimed

INLINE_BYTES = 32 * 1024


@dataclass(slots=True)
class Launch:
    """A message and the descriptors that go with it; `close` them after sending."""

    message: dict[str, Any]
    fds: list[int]

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)


def prepare(
    claimed: Claimed,
    environment: Mapping[str, str],
    paths: StatePaths,
    settings: ExecutionSettings,
    stdin_fd: int | None = None,
) -> Launch:
    """Check again what was checked at the submission, and build the launch. Raises SecurityError, NotRunnable,
    ConsoleError.
    """
    spec = claimed.spec
    _check_again(claimed)
    if spec["stdin_descriptor"] and stdin_fd is None:
        raise ConsoleError("the standard input it was to read went with the console it was submitted from")
    folder = f"{paths.runs}/{claimed.execution_id}"
    fds: list[int] = []
    script: str | None = claimed.body.decode("utf-8", "surrogateescape")
    policy = ExecutionPolicy(claimed.policy)
    argv = _argv(claimed, containing.search_path(policy, environment), folder)
    contained = containing.as_message(policy, spec, environment, argv, folder, str(paths.root))
    if len(claimed.body) > INLINE_BYTES:
        script = None
        fds.append(_as_descriptor(claimed.body, paths.runs))
    if stdin_fd is not None:
        fds.append(os.dup(stdin_fd))
    message = {
        "op": "launch",
        "id": claimed.execution_id,
        "launch": claimed.launch,
        "folder": folder,
        "argv": argv,
        "environment": claimed.environment,
        "cwd": spec["cwd"],
        "umask": spec["umask"],
        "timeout_s": spec["timeout_s"],
        "grace_s": settings.grace_s,
        "kill_wait_s": settings.kill_wait_s,
        "output_limit": spec["output_limit"],
        "kill_leftovers": spec["kill_leftovers"],
        "stdin": spec["stdin"],
        "script": script,
        "fds": len(fds),
        "owner": elevation.owner() if claimed.policy == ExecutionPolicy.ELEVATED else None,
        **limiting.as_message(spec),
        **contained,
    }
    return Launch(message, fds)


def _check_again(claimed: Claimed) -> None:
    spec = claimed.spec
    if hashlib.sha256(claimed.body).hexdigest() != claimed.sha256:
        raise SecurityError("the stored script is not the one that was submitted (its SHA-256 differs)")
    policy = ExecutionPolicy(claimed.policy)
    review = judging.judge(claimed.body, claimed.interpreter, policy, spec["allow"], spec["environment_names"])
    grants = ["--allow-network"] * bool(spec.get("allow_network")) if policy in containing.CONTAINED else []
    decision = policies.decide(policy, review=review, confirmed=spec["confirmed"], reason=spec["reason"], grants=grants)
    if not decision.runs:
        raise SecurityError(decision.reason)


def _argv(claimed: Claimed, path: str, folder: str) -> list[str]:
    spec = claimed.spec
    if claimed.interpreter == interpreters.EXEC:
        return interpreters.command_line(claimed.body, spec["cwd"], path)
    choice = interpreters.Choice(claimed.interpreter, spec.get("program"), tuple(spec.get("program_options") or ()))
    return [*interpreters.locate(choice, path), f"{folder}/script", *spec["args"]]


def _as_descriptor(body: bytes, folder: Path) -> int:
    """The script as an open file without a name."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(body)
            file.flush()
            return os.dup(file.fileno())
    except OSError as error:
        raise ConsoleError(f"the script cannot be handed over: {error.strerror}") from error
