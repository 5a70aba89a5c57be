"""What this host can enforce, what is missing, what that disables. Looks, changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from opsconsole.checkup.fact import Fact
from opsconsole.paths import StatePaths
from opsconsole.settings import Settings

__all__ = ["TOPICS", "Fact", "facts"]

TOPICS = (
    "platform", "state", "interpreters", "killing", "limits", "tools", "policies", "redaction", "monitor",
)  # fmt: skip
"""In the order in which they are looked at."""


def facts(paths: StatePaths, settings: Settings) -> Iterator[Fact]:
    """All of them, each topic looked at when it is asked for: containment takes the longest, since it is tried."""
    from opsconsole.checkup.host import host_facts
    from opsconsole.checkup.monitoring import monitor_facts

    yield from host_facts(paths, settings)
    yield from monitor_facts(paths, settings)
