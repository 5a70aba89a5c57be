"""opsconsole: a keyboard-driven terminal console for people who operate machines over SSH.

Public names are resolved on first use (PEP 562), so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.models import (
        ExecutionPolicy,
        ExecutionResult,
        Priority,
        ResourceLimits,
        Status,
        Task,
        TaskSpec,
    )

__version__ = "0.1.0"

_LAZY = {
    "Engine": "opsconsole.engine",
    "ExecutionPolicy": "opsconsole.models",
    "ExecutionResult": "opsconsole.models",
    "Priority": "opsconsole.models",
    "ResourceLimits": "opsconsole.models",
    "Status": "opsconsole.models",
    "Task": "opsconsole.models",
    "TaskSpec": "opsconsole.models",
}

__all__ = [
    "Engine",
    "ExecutionPolicy",
    "ExecutionResult",
    "Priority",
    "ResourceLimits",
    "Status",
    "Task",
    "TaskSpec",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
