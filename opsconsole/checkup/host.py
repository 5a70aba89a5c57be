"""What this host has for running and killing."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from opsconsole import host
from opsconsole.checkup.fact import Fact
from opsconsole.checkup.supervisor import supervisor_fact
from opsconsole.errors import InterpreterMissing, OpsError, StateDirError
from opsconsole.execution import elevation, interpreters
from opsconsole.execution.supervisor import kernel
from opsconsole.models import ExecutionPolicy
from opsconsole.paths import StatePaths
from opsconsole.safety import containment
from opsconsole.safety import policy as policies
from opsconsole.safety.review import shellcheck
from opsconsole.settings import Settings
from opsconsole.storage import database
from opsconsole.wording import size


def host_facts(paths: StatePaths, settings: Settings) -> Iterator[Fact]:
    """One topic after the other, each looked at when it is asked for."""
    yield from _platform()
    yield supervisor_fact()
    yield from _state(paths, settings)
    yield from _interpreters()
    yield from _killing()
    yield from _limits(settings)
    yield from _tools()
    yield from _policies()
    yield _redaction(settings)


def _redaction(settings: Settings) -> Fact:
    """What is taken out of everything that is shown, stored and indexed. Names only."""
    from opsconsole.safety.redaction.names import secrets_of
    from opsconsole.safety.redaction.rules import RULES

    own = settings.redaction
    found, unfit = secrets_of(os.environ, names=own.names, values_from=own.values_from)
    names = sorted({secret.label for secret in found})
    missing = sorted(set(own.values_from) - set(os.environ))
    too_common = f"too short or too common to be looked for: {', '.join(unfit)}" if unfit else ""
    not_set = f"not set here: {', '.join(missing)}" if missing else ""
    return Fact(
        "redaction",
        "secrets",
        "degraded" if unfit or missing else "ok",
        f"{len(RULES) + len(own.rules)} rules, {len(names)} known values{': ' if names else ''}{', '.join(names)}",
        "; ".join(filter(None, (too_common, not_set))),
        "values of 6 bytes or more, no ordinary words" if unfit else "",
        {"rules": len(RULES) + len(own.rules), "known": names, "unfit": unfit, "missing": missing},
    )


def kill_mechanism() -> str:
    """What a kill of a whole tree would use, in the words of the record."""
    if not kernel.LINUX:
        return "process group"
    return "cgroup.kill+subreaper" if kernel.cgroup_base() and _has_cgroup_kill() else "subreaper"


def _has_cgroup_kill() -> bool:
    numbers = platform.release().split("-")[0].split(".")
    return [int(number) for number in numbers[:2] if number.isdigit()] >= [5, 14]


def _platform() -> list[Fact]:
    lacking = host.lacking()
    return [
        Fact(
            "platform",
            "system",
            "degraded" if lacking else "ok",
            f"{platform.system()} {platform.release()} {platform.machine()}, Python {platform.python_version()}",
            "; ".join(lacking),
        )
    ]


# -- the state directory


def _state(paths: StatePaths, settings: Settings) -> list[Fact]:
    if not database.is_there(paths.root) and _can_be_made(paths.root):
        return [Fact("state", "directory", "ok", f"{paths.root} (made at the first use)")]
    try:
        paths.prepare()
    except StateDirError as error:
        effect = f"{error.message}: the console only looks, and nothing runs"
        found = Fact("state", "directory", "broken", str(paths.root), effect, error.hint)
        return [found, _database(paths)] if os.path.isdir(paths.root) else [found]
    owner = {"path": str(paths.root), "uid": paths.root.stat().st_uid, "mode": oct(paths.root.stat().st_mode & 0o777)}
    return [Fact("state", "directory", "ok", str(paths.root), details=owner), _space(paths, settings), _database(paths)]


def _can_be_made(folder: Path) -> bool:
    above = next((one for one in folder.parents if os.path.lexists(one)), folder.anchor)
    return os.access(above, os.W_OK | os.X_OK)


def _space(paths: StatePaths, settings: Settings) -> Fact:
    free, least = host.free_bytes(paths.root), settings.execution.min_free
    enough = free >= least
    return Fact(
        "state",
        "free space",
        "ok" if enough else "broken",
        size(free),
        "" if enough else f"nothing starts below {size(least)}",
        "" if enough else "free some space, or lower the setting execution.min_free",
        {"free_bytes": free, "min_free": least},
    )


def _database(paths: StatePaths) -> Fact:
    if not database.is_there(paths.database):
        return Fact("state", "database", "ok", "none yet")
    known = database.known_version()
    try:
        connection = database.connect(paths.database, read_only=True, busy_s=2.0)
        try:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        finally:
            connection.close()
        checked = database.check(paths.database)
    except (sqlite3.Error, OpsError) as error:
        remedy = "the next start moves an unreadable one aside" if paths.writable else ""
        return Fact("state", "database", "broken", str(error), remedy=remedy)
    sound = checked == "ok" and version <= known
    remedy = "" if sound else "use the opsconsole that wrote it" if version > known else "keep a copy, then start anew"
    return Fact(
        "state",
        "database",
        "ok" if sound else "broken",
        f"schema {version} (this program knows {known}), SQLite {sqlite3.sqlite_version}, check: {checked}",
        remedy=remedy,
        details={"version": version, "known_version": known, "quick_check": checked},
    )


# -- what runs and what kills


def _interpreters() -> list[Fact]:
    facts = []
    for name in interpreters.KNOWN:
        try:
            program = interpreters.locate(interpreters.Choice(name), os.environ.get("PATH"))[0]
            facts.append(Fact("interpreters", name, "ok", program))
        except InterpreterMissing as error:
            effect = f"{name} scripts end with 127"
            facts.append(Fact("interpreters", name, "missing", "not found", effect, error.hint))
    return facts


def _killing() -> list[Fact]:
    base = kernel.cgroup_base()
    with_cgroup = kill_mechanism().startswith("cgroup")
    subreaper = kernel.LINUX
    pidfd = hasattr(os, "pidfd_open")
    return [
        Fact(
            "killing",
            "cgroup v2",
            "ok" if with_cgroup else "missing",
            base or "not writable for you",
            "" if with_cgroup else "a pause stops processes one by one; a kill sweeps the tree instead of one stroke",
            "" if with_cgroup else "run in a delegated systemd scope, or as root",
        ),
        Fact(
            "killing",
            "subreaper",
            "ok" if subreaper else "missing",
            "yes" if subreaper else "no",
            "" if subreaper else "a process that forks twice escapes a cancel",
        ),
        Fact(
            "killing",
            "pidfd",
            "ok" if pidfd else "degraded",
            "yes" if pidfd else "no",
            "" if pidfd else "signals go by pid, checked by start time",
        ),
    ]


def _limits(settings: Settings) -> list[Fact]:
    """What would bear each limit of a script of yours."""
    from opsconsole.execution.supervisor import controllers, limits

    places = controllers.find(os.getpid(), use_v2=settings.execution.use_cgroup)
    device = limits.device_of(os.getcwd())
    names = ("memory", "swap", "cpu", "pids", "read_bps", "write_bps", "file_size", "open_files")
    bearers = limits.outlook(
        dict.fromkeys(names, 1), places, root_run=os.geteuid() == 0, devices=[device] if device else []
    )
    return [
        Fact(
            "limits",
            name,
            "missing" if bearer.tier is None else "degraded" if bearer.words else "ok",
            bearer.tier or "none",
            f"asking for it is refused: {bearer.words}" if bearer.tier is None else bearer.words,
            _remedy(name, places.found) if bearer.words and not (bearer.tier or "").startswith("cgroup") else "",
            {"tier": bearer.tier},
        )
        for name, bearer in bearers.items()
    ]


def _remedy(name: str, found: Mapping[str, object]) -> str:
    """A user's own systemd hands down memory and pids only, unless it is told otherwise."""
    if found and name in ("cpu", "read_bps", "write_bps"):
        return (
            "as root: systemctl edit user@.service, with [Service] and Delegate=cpu cpuset io memory pids; "
            "then log in anew"
        )
    from opsconsole.execution.supervisor.limits import REMEDY

    return REMEDY


_TOOLS = (
    ("bwrap", "containment of safe and restricted scripts", "apt-get install bubblewrap"),
    ("shellcheck", "more findings of `opsconsole lint`", shellcheck.INSTALL),
    ("systemctl", "services and timers of this host", "comes with systemd"),
    ("smartctl", "health of the disks", "apt-get install smartmontools"),
)


def _tools() -> list[Fact]:
    facts = []
    for name, brings, install in _TOOLS:
        path = shellcheck.find() if name == "shellcheck" else shutil.which(name)
        remedy = "" if path else install
        facts.append(Fact("tools", name, "ok" if path else "missing", path or "not found", brings, remedy))
    return [*facts, _sudo()]


def _sudo() -> Fact:
    if not elevation.needs_sudo():
        return Fact("tools", "sudo -n", "ok", "not needed: you are root")
    why_not = elevation.impossible()
    if why_not:
        return Fact("tools", "sudo -n", "missing", "no", why_not, "sudo -v")
    return Fact("tools", "sudo -n", "ok", "without a password", "elevated scripts")


def _containment(policy: ExecutionPolicy) -> Fact:
    """Which of the ways to contain work here, each really tried; the commands that would change it."""
    best, *others = containment.PROVIDERS[policy]
    obstacles = {provider.name: provider.unavailable(policy) for provider in (best, *others)}
    working = [name for name, why_not in obstacles.items() if why_not is None]
    why_not = obstacles[best.name] or ""
    details = {name: why or "works" for name, why in obstacles.items()}
    if not working:
        return Fact("policies", policy.value, "missing", "refuses", "nothing runs under it", why_not, details)
    if working[0] == best.name:
        return Fact("policies", policy.value, "ok", f"runs, contained by {best.name}", details=details)
    effect = f"contained by {working[0]} in place of {best.name}: each record names what is weaker"
    return Fact("policies", policy.value, "degraded", f"runs, contained by {working[0]}", effect, why_not, details)


def _policies() -> list[Fact]:
    facts = []
    for policy in ExecutionPolicy:
        if policy in containment.PROVIDERS:
            facts.append(_containment(policy))
            continue
        decision = policies.decide(policy, confirmed=True, reason="doctor")
        why = decision.reason if not decision.runs else ""
        if not why and policy is ExecutionPolicy.ELEVATED:
            why = elevation.impossible() or ""
        found = "refuses" if why else "runs, with --yes and --reason" if policy is ExecutionPolicy.ELEVATED else "runs"
        facts.append(Fact("policies", policy.value, "missing" if why else "ok", found, why))
    return facts
