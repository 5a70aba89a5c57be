"""A task's limits at its submission: which it has, what bears each on this host, and whether it may run at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from opsconsole.models import ExecutionPolicy, ResourceLimits
from opsconsole.safety.containment.limits import CONTAINED, effective
from opsconsole.settings import Settings
from opsconsole.values import dataclass


@dataclass(frozen=True, slots=True)
class Limiting:
    """`limits`: name → {value, tier}; `asked`: those that must hold; `degraded`, `refusal`: in words."""

    limits: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    degraded: list[str] = field(default_factory=list)
    refusal: str = ""


def look_ahead(policy: ExecutionPolicy, wanted: ResourceLimits, settings: Settings, cwd: str) -> Limiting:
    """What would hold if it ran here and now; the supervisor looks again, and the record says what held."""
    chosen = effective(policy, wanted, settings.limits)
    if chosen.refusal:
        return Limiting(refusal=chosen.refusal)
    if not chosen.values:
        return Limiting()
    from opsconsole.execution.supervisor import controllers, limits

    elevated = policy is ExecutionPolicy.ELEVATED
    places = controllers.find(os.getpid(), as_root=elevated, use_v2=settings.execution.use_cgroup)
    devices = [device] if (device := limits.device_of(cwd)) else []
    root_run = policy not in CONTAINED and (elevated or os.geteuid() == 0)
    bearers = limits.outlook(chosen.values, places, root_run=root_run, devices=devices)
    lacking = [bearers[name].words for name in chosen.asked if bearers[name].tier is None]
    return Limiting(
        limits={name: {"value": value, "tier": bearers[name].tier} for name, value in chosen.values.items()},
        asked=chosen.asked,
        degraded=[bearer.words for bearer in bearers.values() if bearer.words],
        refusal=limits.refusal(lacking) if lacking else "",
    )


def as_message(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a launch message that a stored task's limits make; nothing where it has none."""
    stored = spec.get("limits") or {}
    if not stored:
        return {}
    return {"limits": {name: each["value"] for name, each in stored.items()}, "limits_asked": spec["limits_asked"]}
