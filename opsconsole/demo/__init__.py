"""The demo: the real console over the real engine, in a directory that goes with it, on a host that was recorded.

Nothing of the host is touched: no process is signalled, no script runs. `demo_app` is for pictures and tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsconsole.demo.app import demo_app, run_demo

__all__ = ["demo_app", "run_demo"]


def __getattr__(name: str) -> Any:
    """On first use: who only reads the trace does not load the screen."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from opsconsole.demo import app

    return getattr(app, name)
