"""Parts of widgets that have a style of their own (component classes) are asked about by one stand-in each.

Textual makes a new node for each of them whenever its widget is styled, with all that a widget has: six kilobytes that
refer to themselves, which only the collector of garbage can take away. A mode is styled each time it comes on top.
Here the node that was made first is asked again; its styles are another object each time, as Textual's are.

For another theme Textual reads all sheets with a stylesheet that it throws away, and the rules that this one remembers
are in a ring of links: half a megabyte for each theme that somebody looks at. Here it remembers them without a ring.
"""

from __future__ import annotations

from typing import Any

from textual.cache import FIFOCache
from textual.css.model import RuleSet
from textual.css.styles import RenderStyles
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode

_textuals, _begun = Stylesheet._process_component_classes, Stylesheet.__init__


def _process(self: Stylesheet, node: DOMNode) -> None:
    components = node._get_component_classes()
    if not components:
        return
    known = node._component_styles
    before = known.copy()
    known.clear()
    changed = False
    for component in sorted(components):
        styles = before.get(component)
        one = None if styles is None else styles.base.node
        if styles is None or one is None:
            one, rules = DOMNode(classes=component), None
            one._attach(node)
        else:
            rules = styles.base.get_rules()
            styles.base.reset()  # rules that match no longer leave nothing behind
            one.styles = RenderStyles(one, styles.base, styles.inline)  # whoever has drawn with the old one sees it
        self.apply(one, animate=False)
        known[component] = one.styles
        changed = changed or rules != one.styles.base.get_rules()
    if changed:
        node.refresh()


def _begin(self: Stylesheet, *, variables: dict[str, str] | None = None) -> None:
    _begun(self, variables=variables)
    rules: FIFOCache[tuple[Any, ...], list[RuleSet]] = FIFOCache(self._parse_cache.maxsize)
    self._parse_cache = rules  # type: ignore[assignment]


def make_spare() -> None:
    """From now on; a second time changes nothing."""
    Stylesheet.__init__ = _begin  # type: ignore[method-assign]
    Stylesheet._process_component_classes = _process  # type: ignore[method-assign]
