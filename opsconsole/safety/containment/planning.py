"""How a run is contained: the provider that works here, the uid, the environment, what stays hidden."""

from __future__ import annotations

import grp
import os
from collections.abc import Iterable, Mapping, Sequence

from opsconsole.errors import SandboxUnavailable, SecurityError
from opsconsole.models import ExecutionPolicy
from opsconsole.safety.containment import environment, hidden, variables
from opsconsole.safety.containment.bubblewrap import Bubblewrap
from opsconsole.safety.containment.landlock import Landlock
from opsconsole.safety.containment.model import NOBODY, Containment, Provider, Request

__all__ = [
    "NOBODY", "PROVIDERS", "Containment", "Provider", "Request", "check_writable", "plan", "provider_of", "unavailable",
]  # fmt: skip

PROVIDERS: dict[ExecutionPolicy, tuple[Provider, ...]] = {
    ExecutionPolicy.SAFE: (Landlock(), Bubblewrap()),
    ExecutionPolicy.RESTRICTED: (Bubblewrap(), Landlock()),
}
"""By policy, the best first: SAFE has to show the host as it is, RESTRICTED has to have a world of its own."""

_LOG_GROUPS = ("adm", "systemd-journal")
_NEVER_WRITABLE = ("/", "/proc", "/sys", "/dev", "/run", "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot")


def provider_of(policy: ExecutionPolicy) -> Provider:
    """The best that works here. Raises SandboxUnavailable."""
    reasons = []
    for provider in PROVIDERS[policy]:
        why_not = provider.unavailable(policy)
        if why_not is None:
            return provider
        if why_not not in reasons:
            reasons.append(why_not)
    raise SandboxUnavailable(
        f"this host cannot contain a run under policy {policy}: {'; '.join(reasons)}", hint="see opsconsole doctor"
    )


def unavailable(policy: ExecutionPolicy) -> str | None:
    """Why this host cannot contain under that policy; None: it can, or there is nothing to contain."""
    if policy not in PROVIDERS:
        return None
    try:
        provider_of(policy)
    except SandboxUnavailable as error:
        return error.message
    return None


def plan(
    policy: ExecutionPolicy,
    *,
    caller_environment: Mapping[str, str],
    allow_network: bool = False,
    writable: Sequence[str] = (),
    granted: Iterable[str] = (),
    cwd: str = "/",
    state: str | None = None,
    work: str = "/",
) -> Containment:
    """How a run is to be contained. `granted`: names of `caller_environment` that were given with the task.

    `state`: the console's state directory; `work`: the folder that a RESTRICTED run gets. Raises SandboxUnavailable,
    SecurityError (a grant that would undo the containment).
    """
    if policy not in PROVIDERS:
        return Containment("none", environment=caller_environment, notes=variables.notes(caller_environment))
    names = list(granted)
    _check_names(policy, names)
    provider = provider_of(policy)
    as_root = os.geteuid() == 0
    uid = NOBODY if as_root else None
    request = Request(
        policy=policy,
        uid=uid,
        gid=uid,
        groups=_groups(policy) if as_root else None,
        cwd=cwd,
        state=os.path.realpath(state) if state else None,
        work=work,
        hidden=hidden.existing(),
        allow_network=allow_network,
        writable=check_writable(writable, state),
    )
    contain, degraded = provider.build(request)
    values = environment.contained(
        os.geteuid() if uid is None else uid, caller_environment, names, home=None if request.is_safe else work
    )
    if not request.is_safe:
        values["TMPDIR"] = _temporary(provider, request)
    notes = variables.notes(name for name in names if name in values)
    notes += [f"{path} cannot be written by uid {uid}" for path in request.writable if uid and not _writes(path, uid)]
    contain |= {"provider": provider.name, "degraded": degraded, "environment": values}
    return Containment(provider.name, degraded, values, contain, notes)


def check_writable(folders: Sequence[str], state: str | None) -> tuple[str, ...]:
    """Real paths of the folders granted. Raises SecurityError."""
    found = []
    for folder in folders:
        path = os.path.realpath(folder)
        if not os.path.isdir(path):
            raise SecurityError(f"--writable {folder}: there is no such folder")
        inside = [*_NEVER_WRITABLE[1:4], *([os.path.realpath(state)] if state else [])]
        holds_state = state is not None and (os.path.realpath(state) + "/").startswith(path + "/")
        if path in _NEVER_WRITABLE or holds_state or any((path + "/").startswith(each + "/") for each in inside):
            raise SecurityError(f"--writable {folder}: that would undo the containment; grant a smaller folder")
        found.append(path)
    return tuple(found)


def _temporary(provider: Provider, request: Request) -> str:
    if provider.name.startswith("bwrap"):
        return "/tmp"  # noqa: S108 - the run's own
    return request.work if request.uid is None else "."


def _check_names(policy: ExecutionPolicy, names: Sequence[str]) -> None:
    refused = variables.loading(names)
    if policy is ExecutionPolicy.SAFE:
        refused = [*variables.changing(names), *variables.starting(names)]
    if refused:
        raise SecurityError(
            f"--env {', '.join(refused)}: changes which programs run, which policy {policy} does not allow",
            hint="leave it out, or choose standard",
        )


def _groups(policy: ExecutionPolicy) -> tuple[int, ...]:
    """SAFE reads the logs; RESTRICTED belongs to nobody."""
    if policy is not ExecutionPolicy.SAFE:
        return ()
    found = []
    for name in _LOG_GROUPS:
        try:
            found.append(grp.getgrnam(name).gr_gid)
        except KeyError:
            continue
    return tuple(found)


def _writes(path: str, uid: int) -> bool:
    info = os.stat(path)
    return bool(info.st_mode & (0o200 if info.st_uid == uid else 0o002))
