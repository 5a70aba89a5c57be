"""A task's containment: whether this host has one for it at the submission, and its part of the launch at the claim."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from opsconsole.errors import SecurityError
from opsconsole.models import ExecutionPolicy, TaskSpec
from opsconsole.safety.containment import variables
from opsconsole.values import dataclass

CONTAINED = (ExecutionPolicy.SAFE, ExecutionPolicy.RESTRICTED)
UMASK = 0o077
_BASH_OPTIONS = ("--norc", "--noprofile")


@dataclass(frozen=True, slots=True)
class Ahead:
    """What would hold if it ran here and now. `refusal`: why it may not, None: it may. `path`: where programs are
    looked for.
    """

    refusal: str | None
    path: str
    provider: str = "none"
    degraded: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def look_ahead(spec: TaskSpec, environment: Mapping[str, str], cwd: str) -> Ahead:
    """The supervisor's console plans again at the claim, and the record says what held."""
    path = search_path(spec.policy, environment)
    if spec.policy not in CONTAINED:
        return Ahead(None, path, notes=variables.notes(environment))
    from opsconsole.safety import containment

    try:
        planned = containment.plan(
            spec.policy,
            caller_environment=environment,
            allow_network=spec.allow_network,
            writable=spec.writable,
            granted=spec.env,
            cwd=cwd,
        )
    except SecurityError as error:
        return Ahead(str(error), path)
    return Ahead(None, path, planned.provider, planned.degraded, planned.notes)


def search_path(policy: ExecutionPolicy, environment: Mapping[str, str]) -> str:
    """The PATH that a run under `policy` has."""
    if policy in CONTAINED:
        from opsconsole.safety.containment import environment as environments

        return environments.trusted_path()
    return environment.get("PATH", os.defpath)


def as_message(
    policy: ExecutionPolicy,
    spec: Mapping[str, Any],
    environment: Mapping[str, str],
    argv: list[str],
    folder: str,
    state: str,
) -> dict[str, Any]:
    """What containment changes in a launch message; nothing where there is none. Raises SecurityError."""
    if policy not in CONTAINED:
        return {}
    from opsconsole.safety import containment

    if policy is ExecutionPolicy.SAFE:
        check_program(argv[0])
    planned = containment.plan(
        policy,
        caller_environment=environment,
        allow_network=spec.get("allow_network", False),
        writable=spec.get("writable", ()),
        granted=spec["environment_names"],
        cwd=spec["cwd"],
        state=state,
        work=f"{folder}/work",
    )
    contain = dict(planned.contain or {})
    if os.path.basename(argv[0]) == "bash":
        argv = [argv[0], *_BASH_OPTIONS, *argv[1:]]
    script = f"{folder}/script"
    contain["script_at"] = argv.index(script) if script in argv else None
    return {
        "argv": argv,
        "umask": UMASK,
        "kill_leftovers": True,
        "contain": contain,
        **({} if contain["uid"] is None else {"uid": contain["uid"]}),
    }


def check_program(program: str) -> None:
    """SAFE runs what only root can have put there. Raises SecurityError."""
    path = os.path.realpath(program)
    while True:
        try:
            info = os.stat(path)
        except OSError as error:
            raise SecurityError(f"{program} cannot be looked at: {error.strerror}") from error
        if info.st_uid != 0 or (info.st_mode & 0o022 and not info.st_mode & 0o1000):
            raise SecurityError(
                f"policy safe does not run {program}: {path} can be changed by others than root",
                hint="name a program of the system, or choose restricted",
            )
        if path == "/":
            return
        path = os.path.dirname(path)
