"""Many cases in one test: as a test of its own, a case of microseconds costs a hundred times what it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def each(cases: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """As `pytest.mark.parametrize`, but all cases are asked in one test, which names all that fail.

    A tuple is given as several arguments. For questions that need no fixture and change nothing.
    """
    asked = tuple(case if isinstance(case, tuple) else (case,) for case in cases)
    assert asked, "a test without a case proves nothing"

    def one_test(ask: Callable[..., None]) -> Callable[[], None]:
        def test() -> None:
            failed = []
            for case in asked:
                try:
                    ask(*case)
                except Exception as error:
                    error.add_note("the case: " + ", ".join(map(repr, case)))
                    failed.append(error)
            if failed:
                raise ExceptionGroup(f"{len(failed)} of {len(asked)} cases", failed)

        test.__name__, test.__qualname__, test.__module__ = ask.__name__, ask.__qualname__, ask.__module__
        test.__doc__ = ask.__doc__
        return test

    return one_test
