"""What every console reads at its start is read once, and not once for each of a thousand tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import CO_VARARGS as _VARARGS
from inspect import CO_VARKEYWORDS as _VARKEYS
from pathlib import Path
from types import FunctionType
from typing import Any

from textual import _callback
from textual._animator import Animator
from textual.app import App
from textual.css._style_properties import ScrollbarColorProperty
from textual.css.model import RuleSet
from textual.css.styles import RulesMap, StylesBase
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.message import Message
from textual.message_pump import MessagePump
from textual.widget import Widget

from opsconsole.toml_files import read_text
from opsconsole.tui import theming

_MOST = 2000
_MOST_SHEETS = 100
_MOST_HANDLERS = 20_000
_parse_rules = Stylesheet._parse_rules
_read_theme = theming.read_theme
_rules: dict[tuple[Any, ...], list[RuleSet]] = {}
_colours: dict[int, tuple[dict[str, str], frozenset[tuple[str, str]]]] = {}
"""By the id of what they were made of, which is held, so that its id stays its own."""
_themes: dict[tuple[Path, str], theming.ReadTheme] = {}
_apply, _update_nodes = Stylesheet.apply, Stylesheet.update_nodes
_replace: Callable[..., None] = vars(Stylesheet)["replace_rules"].__func__
_dispatched = MessagePump._get_dispatch_methods
_count_parameters = _callback._count_parameters
_SAME = {"blur": "focus", "enabled": "disabled"}
"""Of two that are each other's opposite one is enough to tell nodes apart."""
_REPAINTS = {name for name, one in vars(StylesBase).items() if isinstance(one, ScrollbarColorProperty)}
_MARKS = "_has_hover_style", "_has_focus_within", "_has_order_style", "_has_odd_or_even"
_OF_THE_APP = {"dark", "light", "inline", "ansi", "nocolor"}
"""A widget passes these on to its app, the first of its way."""
_matched: dict[tuple[int, ...], Matched] = {}
"""By the ids of a sheet's rules, which are held."""
_handlers: dict[tuple[type, type, str], list[type] | None] = {}
"""Which classes of a kind of node have one for a kind of message; None: it depends on who has sent it."""


def rules_of(self: Stylesheet, css: str, read_from: Any, *more: Any, **known: Any) -> list[RuleSet]:
    """In the place of `Stylesheet._parse_rules`: the same text, from the same place, with the same colours."""
    key = (css, read_from, more, *sorted(known.items()), _colours_of(self._variables))
    if (found := _rules.get(key)) is None:
        found = _parse_rules(self, css, read_from, *more, **known)
        _keep(_rules, key, found)
    return found


def _colours_of(variables: dict[str, str]) -> frozenset[tuple[str, str]]:
    found = _colours.get(id(variables))
    if found is None:
        found = variables, frozenset(variables.items())
        _keep(_colours, id(variables), found)
    return found[1]


def theme_in(file: Path) -> theming.ReadTheme:
    """In the place of `theming.read_theme`: the same file with the same text. What it refuses is refused each time."""
    key = file, read_text(file, theming._MOST_BYTES)
    if (found := _themes.get(key)) is None:
        found = _read_theme(file)
        _keep(_themes, key, found)
    return found


class Matched:
    """What a list of rules says about the nodes it was asked about, each known by its way from the app down."""

    def __init__(self, rules: list[RuleSet]) -> None:
        self.rules = rules
        self.found: dict[int, RulesMap] = {}
        self.marks: dict[frozenset[str], tuple[bool, ...] | None] = {}
        """By the names that selectors know a node by: what is noted of it; None: Textual never remembers it."""
        self._ways: dict[tuple[Any, ...], int] = {}
        names = set().union(*(rule.pseudo_classes for rule in rules))
        self._asked = {_SAME.get(name, name) for name in names - Stylesheet._EXCLUDE_PSEUDO_CLASSES_FROM_CACHE}
        self._checks: dict[type[DOMNode], list[Callable[[Any], bool]]] = {}

    def way(self, node: DOMNode, known: dict[DOMNode, int]) -> int:
        """A number for all that a selector can ask of the node and of those above it, but for what Textual never
        remembers. `known` are those of a moment in which nothing changes."""
        if (found := known.get(node)) is None:
            above = node._parent
            kind = type(node)
            own = kind, node._id, frozenset(node._classes), *[check(node) for check in self._checks_of(kind)]
            key = self.way(above, known) if isinstance(above, DOMNode) else None, *own
            found = known[node] = self._ways.setdefault(key, len(self._ways))
        return found

    def _checks_of(self, kind: type[DOMNode]) -> list[Callable[[Any], bool]]:
        if (checks := self._checks.get(kind)) is None:
            names = self._asked if issubclass(kind, App) else self._asked - _OF_THE_APP
            checks = self._checks[kind] = [check for name, check in kind._PSEUDO_CLASSES.items() if name in names]
        return checks


class _OfNode:
    """Given to `Stylesheet.apply` as its memory for nodes of one parent, whose own key this one does without.

    Textual asks it only where no rule depends on a node's place among others, or on what has the focus in it.
    """

    def __init__(self, known: Matched, node: DOMNode, ways: dict[DOMNode, int]) -> None:
        self._known, self._node, self._ways = known, node, ways

    asked = False

    def get(self, _: object) -> RulesMap | None:
        self.asked = True
        self._way = self._known.way(self._node, self._ways)
        return self._known.found.get(self._way)

    def __setitem__(self, _: object, found: RulesMap) -> None:
        self._known.found[self._way] = found


def apply_known(self: Stylesheet, node: DOMNode, *, animate: bool = False, cache: object = None) -> None:
    """In the place of `Stylesheet.apply`: which rules match is known if a node like this one was asked about before,
    also in another console with the same rules."""
    own = self.__dict__
    rules, known = own.get("_own_matched", (None, None))
    if known is None or rules is not self.rules:
        rules = self.rules  # a new list whenever a sheet has come
        known = _matched_by(rules)
        own["_own_matched"] = rules, known
    ways = own.get("_own_ways", {}).setdefault(known, {})
    names = frozenset(node._selector_names)
    if (marks := known.marks.get(names)) is not None and (found := known.found.get(known.way(node, ways))) is not None:
        for name, value in zip(_MARKS, marks, strict=True):
            setattr(node, name, value)
        self.replace_rules(node, found, animate=animate)
        self._process_component_classes(node)
        return
    memory: Any = _OfNode(known, node, ways)
    _apply(self, node, animate=animate, cache=memory)
    known.marks[names] = tuple(getattr(node, name) for name in _MARKS) if memory.asked else None


def update_known(self: Stylesheet, nodes: Iterable[DOMNode], animate: bool = False) -> None:
    """In the place of `Stylesheet.update_nodes`: meanwhile nothing happens to any node but that its style is set."""
    self.__dict__["_own_ways"] = {}
    try:
        _update_nodes(self, nodes, animate)
    finally:
        del self.__dict__["_own_ways"]


def replace_changed(cls: type[Stylesheet], node: DOMNode, rules: RulesMap, animate: bool = False) -> None:
    """In the place of `Stylesheet.replace_rules`, which sets each of thirty rules once more."""
    base: Any = node.styles.base
    was_given, came_of_it = base.__dict__.get("_own_given", (None, None))
    if was_given is not rules or came_of_it != base._rules or (animate and _moves(node.app.animator)):
        _replace(cls, node, rules, animate)
        base._own_given = rules, base._rules.copy()
        return
    if isinstance(node, Widget) and (node.show_horizontal_scrollbar or node.show_vertical_scrollbar):
        for key in rules.keys() & _REPAINTS:  # Textual paints them anew each time
            setattr(base, key, rules[key])
    node.notify_style_update()


def _moves(animator: Animator) -> bool:
    """What is moved may have to be brought back to where it is now."""
    return bool(animator._animations or animator._scheduled)


def handlers_of(self: MessagePump, method_name: str, message: Message) -> Iterable[tuple[type, Callable[..., Any]]]:
    """In the place of `MessagePump._get_dispatch_methods`: the classes above one are looked through once."""
    key = type(self), type(message), method_name
    if key not in _handlers:
        _keep(_handlers, key, _having(*key), _MOST_HANDLERS)
    found = _handlers[key]
    if found is None:
        yield from _dispatched(self, method_name, message)
        return
    for cls in found:
        if message._no_default_action:
            return
        method = _handler(cls, method_name)  # which a test may have replaced
        yield cls, method.__get__(self, cls)


def _having(kind: type, sort: type, method_name: str) -> list[type] | None:
    if any(set(sort.__mro__) & (cls.__dict__.get("_decorated_handlers") or {}).keys() for cls in kind.__mro__):
        return None
    named = [(cls, _handler(cls, method_name)) for cls in kind.__mro__]
    return [cls for cls, one in named if one is not None and not getattr(one, "_textual_on", None)]


def _handler(cls: type, method_name: str) -> Any:
    return cls.__dict__.get(f"_{method_name}") or cls.__dict__.get(method_name)


def parameters_of(call: Callable[..., Any]) -> int:
    """In the place of Textual's `_count_parameters`: a plain function's code has their number."""
    if type(call) is not FunctionType or hasattr(call, "__wrapped__") or hasattr(call, "__signature__"):
        return _count_parameters(call)
    code = call.__code__
    return code.co_argcount + code.co_kwonlyargcount + (code.co_flags & _VARARGS > 0) + (code.co_flags & _VARKEYS > 0)


def _matched_by(rules: list[RuleSet]) -> Matched:
    ids = tuple(map(id, rules))
    if (found := _matched.get(ids)) is None:
        found = Matched(rules)
        _keep(_matched, ids, found, _MOST_SHEETS)
    return found


def _keep(known: dict[Any, Any], key: Any, found: Any, most: int = _MOST) -> None:
    if len(known) >= most:
        known.clear()
    known[key] = found
