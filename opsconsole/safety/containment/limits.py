"""Which limits a run has: what was asked for, over what its policy says, as the settings have it. Pure.

SAFE and RESTRICTED limit everything, SAFE tightly: there an asked limit may be tighter than the policy's, never wider.
STANDARD and ELEVATED have only what was asked for or set; a run that is limited at all also gets a wide bound on
processes, where a cgroup bears it.
"""

from __future__ import annotations

from dataclasses import fields

from opsconsole.models import ExecutionPolicy, ResourceLimits
from opsconsole.settings import LimitSettings, PolicyLimits
from opsconsole.values import dataclass

WIDE_PIDS = 4096
CONTAINED = (ExecutionPolicy.SAFE, ExecutionPolicy.RESTRICTED)
_LEAST = {"memory": 1 << 20, "cpu": 0.001, "pids": 1, "read_bps": 1, "write_bps": 1, "open_files": 3}
_SIZES = frozenset({"memory", "swap", "read_bps", "write_bps", "file_size"})


@dataclass(frozen=True, slots=True)
class Effective:
    """`values` by name (bytes, counts, a share of one core), `asked`: those that must hold or the run is refused.

    `refusal`: why no run can have them, in words.
    """

    values: dict[str, int | float]
    asked: tuple[str, ...] = ()
    refusal: str = ""


def effective(policy: ExecutionPolicy, wanted: ResourceLimits, settings: LimitSettings) -> Effective:
    """The limits of a run under `policy` (output is not among them: the supervisor cuts it itself)."""
    own: PolicyLimits = getattr(settings, policy.value)
    names = [item.name for item in fields(PolicyLimits)]
    asked = {name: value for name in names if (value := getattr(wanted, name)) is not None}
    values: dict[str, int | float] = {name: value for name in names if (value := getattr(own, name))}
    for name, value in asked.items():
        if value < _LEAST.get(name, 0):
            return Effective({}, (), f"limit {name}={value:g}: nothing could run; give it at least {_LEAST[name]:g}")
        if policy is ExecutionPolicy.SAFE and value > values.get(name, value):
            return Effective({}, (), _wider(name, value, values[name]))
    values |= asked
    if "memory" in values:
        values.setdefault("swap", 0)
    elif "swap" in asked:
        return Effective({}, (), "limit swap: it goes beside a limit of memory, such as memory=512M")
    if policy in CONTAINED:
        values["core"] = 0
    elif values:
        values.setdefault("pids", WIDE_PIDS)
    return Effective(values, tuple(asked))


def _wider(name: str, value: float, ceiling: float) -> str:
    return (
        f"limit {name}={_put(name, value)} is wider than policy safe allows ({_put(name, ceiling)}, "
        f"setting limits.safe.{name}); ask for less, or choose restricted"
    )


def _put(name: str, value: float) -> str:
    if name == "cpu":
        return f"{value * 100:g}%"
    return f"{value / (1 << 20):g}M" if name in _SIZES else f"{value:g}"
