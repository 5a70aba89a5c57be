"""`dataclass` as the standard library has it, but a frozen one takes a third of the time to define.

The standard library compiles six methods for each such class: a tenth of a console's start. Here `__init__` alone is
compiled; the others are closures over the names of the fields. Whatever is not frozen goes to the standard library.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

_set = object.__setattr__
_OPTIONS = ({"frozen": True}, {"frozen": True, "slots": True})

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, **options):
        """Raises TypeError for what is not done here: bases with fields, fields that are only arguments or none."""
        if cls is None:
            return lambda made: dataclass(made, **options)
        if options not in _OPTIONS:
            return dataclasses.dataclass(cls, **options)
        cls.__doc__ = cls.__doc__ or cls.__name__  # else the standard library writes the signature
        if cls.__mro__[1:] != (object,):
            raise _refused(cls)
        own = {name for name, value in cls.__dict__.items() if (name, value) != ("__hash__", None)}
        made = dataclasses.dataclass(cls, slots="slots" in options, init=False, repr=False, eq=False)
        made.__dataclass_params__.frozen = made.__dataclass_params__.eq = True  # for whoever asks
        fields = dataclasses.fields(made)
        _check(made, fields)
        for name, method in _methods(made, fields).items():
            if name not in own:
                method.__name__, method.__qualname__ = name, f"{made.__qualname__}.{name}"
                setattr(made, name, method)
        return made


def _check(made: type, fields: tuple[dataclasses.Field[Any], ...]) -> None:
    pseudo = any("InitVar" in str(word) for word in inspect.get_annotations(made).values())
    if pseudo or any(one.kw_only or not one.init for one in fields):
        raise _refused(made)


def _refused(cls: type) -> TypeError:
    return TypeError(f"{cls.__qualname__}: this kind of class needs the standard library's dataclass")


def _init(made: type, fields: tuple[dataclasses.Field[Any], ...]) -> Callable[..., None]:
    """Compiled: its signature is the class's, and it is called often."""
    known: dict[str, Any] = {"_set": _set, "_absent": dataclasses.MISSING}
    arguments, lines = ["self"], []
    for one in fields:
        name, value = one.name, one.name
        if one.default is not dataclasses.MISSING:
            known[f"_default_{name}"] = one.default
            arguments.append(f"{name}=_default_{name}")
        elif one.default_factory is not dataclasses.MISSING:
            known[f"_make_{name}"] = one.default_factory
            arguments.append(f"{name}=_absent")
            value = f"_make_{name}() if {name} is _absent else {name}"
        else:
            arguments.append(name)
        lines.append(f" _set(self, {name!r}, {value})")
    if hasattr(made, "__post_init__"):
        lines.append(" self.__post_init__()")
    text = f"def __init__({', '.join(arguments)}):\n" + "\n".join(lines or [" pass"])
    exec(text, known)  # noqa: S102 - names of fields, as the standard library does it
    init: Callable[..., None] = known["__init__"]
    return init


def _methods(made: type, fields: tuple[dataclasses.Field[Any], ...]) -> dict[str, Callable[..., Any]]:
    names = [one.name for one in fields]
    known = frozenset(names)
    shown = [one.name for one in fields if one.repr]
    compared = _tuple_of([one.name for one in fields if one.compare])
    hashed = _tuple_of([one.name for one in fields if (one.compare if one.hash is None else one.hash)])

    def show(self: Any) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    def equal(self: Any, other: object) -> bool:
        return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

    def hashes(self: Any) -> int:
        return hash(hashed(self))

    def refuse(self: Any, name: str, value: object) -> None:
        if type(self) is made or name in known:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        _set(self, name, value)

    def refuse_deletion(self: Any, name: str) -> None:
        if type(self) is made or name in known:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        object.__delattr__(self, name)

    def state(self: Any) -> list[Any]:
        return [getattr(self, name) for name in names]

    def take_state(self: Any, values: list[Any]) -> None:
        for name, value in zip(names, values, strict=True):
            _set(self, name, value)

    found: dict[str, Callable[..., Any]] = {
        "__init__": _init(made, fields), "__repr__": recursive_repr()(show), "__eq__": equal, "__hash__": hashes,
        "__setattr__": refuse, "__delattr__": refuse_deletion,
    }  # fmt: skip
    if "__slots__" in made.__dict__:  # else pickle would assign
        found |= {"__getstate__": state, "__setstate__": take_state}
    return found


def _tuple_of(names: list[str]) -> Callable[[Any], Any]:
    """What is compared: their values, in order."""
    if not names:
        return lambda _: ()
    if len(names) == 1:
        name = names[0]
        return lambda value: (getattr(value, name),)
    return attrgetter(*names)
