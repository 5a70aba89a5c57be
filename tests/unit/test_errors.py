"""The error tree: drawn as it is, with the exit codes the command line promises."""

from __future__ import annotations

import re

import pytest

from opsconsole import errors
from opsconsole.errors import OpsError

LINE = re.compile(r"^(?P<indent>[│├└─ ]*)(?P<name>[A-Z]\w+) +(?P<code>\d+)?")


def _tree(base: type[OpsError]) -> dict[str, str]:
    """Every error below `base`, with its parent."""
    found = {}
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            found[kind.__name__] = base.__name__
            found |= _tree(kind)
    return found


def _drawn() -> list[tuple[int, str, int | None]]:
    lines = [LINE.match(line) for line in (errors.__doc__ or "").splitlines()]
    return [
        (len(found["indent"]) // 4, found["name"], int(found["code"]) if found["code"] else None)
        for found in lines
        if found
    ][1:]  # without the title


def test_the_drawing_shows_exactly_the_classes_and_their_parents() -> None:
    path: list[str] = []
    drawn = {}
    for depth, name, _ in _drawn():
        del path[depth:]
        if path:
            drawn[name] = path[-1]
        path.append(name)
    assert drawn == _tree(OpsError)


def test_every_exit_code_is_the_one_drawn_at_the_nearest_ancestor() -> None:
    drawn = {name: code for _, name, code in _drawn() if code is not None}
    assert set(drawn.values()) == {1, 2, 124, 125, 126, 127}
    for name in [*_tree(OpsError), "OpsError"]:
        kind = getattr(errors, name)
        nearest = next((drawn[each.__name__] for each in kind.__mro__ if each.__name__ in drawn), 125)
        assert kind("x").exit_code == nearest, name


def test_the_text_joins_message_and_hint() -> None:
    assert str(OpsError("it broke", hint="mend it")) == "it broke (mend it)"
    assert str(OpsError("it broke")) == "it broke"
    assert OpsError("it broke", hint="mend it").message == "it broke"


@pytest.mark.parametrize(("ours", "builtin"), [(errors.SpecError, ValueError), (errors.TaskNotFound, LookupError)])
def test_python_callers_can_catch_the_builtin_kind(ours: type[Exception], builtin: type[Exception]) -> None:
    assert issubclass(ours, builtin)


def test_every_error_says_what_it_is_raised_for() -> None:
    assert [name for name in _tree(OpsError) if not getattr(errors, name).__doc__] == []
