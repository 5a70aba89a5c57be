"""Containment: what the kernel is told to refuse a run, whatever the review said of its script.

`plan` for one run, `unavailable` for a host. Loaded on first use: a run that is not contained pays nothing for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsconsole.safety.containment.model import NOBODY, Containment, Provider, Request
    from opsconsole.safety.containment.planning import PROVIDERS, check_writable, plan, provider_of, unavailable

__all__ = [
    "NOBODY",
    "PROVIDERS",
    "Containment",
    "Provider",
    "Request",
    "check_writable",
    "plan",
    "provider_of",
    "unavailable",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from opsconsole.safety.containment import planning

    return getattr(planning, name)
