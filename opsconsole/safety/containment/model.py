"""What containment is asked for, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from opsconsole.models import ExecutionPolicy

NOBODY = 65534
"""The uid of contained runs where the console is root."""


@dataclass(frozen=True, slots=True)
class Request:
    """One run to contain. `uid`, `gid`, `groups`: of the run, None where they stay the console's own.

    `state`: the console's state directory, hidden. `work`: the run's own folder, to be made (RESTRICTED). `hidden`:
    what it must not read, absolute and without symlinks; `cwd`: where it starts (SAFE).
    """

    policy: ExecutionPolicy
    uid: int | None
    gid: int | None
    groups: tuple[int, ...] | None
    cwd: str
    state: str | None
    work: str
    hidden: tuple[str, ...] = ()
    allow_network: bool = False
    writable: tuple[str, ...] = ()

    @property
    def is_safe(self) -> bool:
        return self.policy is ExecutionPolicy.SAFE


@dataclass(frozen=True, slots=True)
class Containment:
    """How a run is contained. `provider`: `landlock+seccomp`, `bwrap+seccomp` or `none`.

    `degraded`: what does not hold, or does not show, as it should; `environment`: the run's, whole; `contain`: the
    launch message's part of that name, None for none; `notes`: what the record shall name besides.
    """

    provider: str
    degraded: list[str] = field(default_factory=list)
    environment: Mapping[str, str] = field(default_factory=dict)
    contain: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)


class Provider(Protocol):
    """One way to contain."""

    name: str

    def unavailable(self, policy: ExecutionPolicy) -> str | None:
        """Why it cannot contain that policy on this host, with what would change it; None: it can. Really tried."""

    def build(self, request: Request) -> tuple[dict[str, Any], list[str]]:
        """The `contain` part (see `supervisor/contained.py`) without its environment, and what is degraded."""
