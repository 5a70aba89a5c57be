"""What Textual and asyncio load before the first frame, and nothing of the console ever asks for, is left out of it."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_TYPES = "textual.types"


def load_asyncio() -> None:
    """Without TLS, which no loop of the console speaks: what is sent by mail or to a server goes there in threads, and
    they load `ssl` themselves. Together with OpenSSL it takes longer than the rest of asyncio."""
    if "asyncio" in sys.modules or "ssl" in sys.modules:
        return
    sys.modules["ssl"] = None  # type: ignore[assignment]  # asyncio then does as on a Python that has none
    try:
        import_module("asyncio")
    finally:
        del sys.modules["ssl"]


def defer_types() -> None:
    """`textual.types` is for those who write types, and loads widgets that are never shown here; Textual itself takes
    two names from it. It is loaded when somebody asks for another one."""
    if _TYPES not in sys.modules:
        sys.modules[_TYPES] = _Types(_TYPES)


class _Types(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        light = import_module("textual._types")
        if hasattr(light, name):
            return getattr(light, name)
        if sys.modules.get(_TYPES) is self:
            del sys.modules[_TYPES]
        return getattr(import_module(_TYPES), name)
