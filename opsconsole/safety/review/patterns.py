"""Regular expressions that are compiled when they are first used: a review of `true` needs few of some seventy."""

from __future__ import annotations

import re
from typing import Any, cast


class _Lazy:
    def __init__(self, pattern: str, flags: int) -> None:
        self._source = pattern, flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(*self._source)
        for each in ("match", "search", "fullmatch", "finditer", "findall", "sub", "split"):
            self.__dict__[each] = getattr(compiled, each)
        return getattr(compiled, name)


def lazy(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """As `re.compile`; a wrong pattern is noticed at its first use."""
    return cast("re.Pattern[str]", _Lazy(pattern, flags))
