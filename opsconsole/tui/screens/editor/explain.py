"""A finding in full, with the page of its rule: the one that `opsconsole lint --explain` prints."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from opsconsole.safety.review import rules, shellcheck
from opsconsole.safety.review.model import Finding
from opsconsole.safety.sanitise import sanitise, sanitise_name
from opsconsole.tui.screens.editor.faces import SEVERITIES
from opsconsole.tui.screens.modal import Modal


class ExplainScreen(Modal[bool]):
    """True: its fix is wanted."""

    CSS_PATH = "review.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,enter,E", "close(False)", "Close"),
        ("F", "close(True)", "Fix"),
        ("j", "scroll(1)", "down"),
        ("k", "scroll(-1)", "up"),
    ]

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self._finding = finding

    def compose(self) -> ComposeResult:
        finding, face = self._finding, SEVERITIES[self._finding.severity]
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = Content(sanitise_name(finding.rule))
            dialog.border_subtitle = "F applies its fix · esc closes" if finding.fix else "esc closes"
            place = f"{face.glyph} {face.word}, line {finding.line}, column {finding.column}"
            yield Static(Text(place, style="bold"), id="explain-place")
            yield Static(Text(sanitise(finding.message)), id="explain-message")
            yield Static(Text("\n" + page_of(finding.rule)), id="explain-page")

    def action_close(self, fix: bool) -> None:
        self.dismiss(fix and bool(self._finding.fix))

    def action_scroll(self, by: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)


def page_of(rule: str) -> str:
    """The page without its first line's id; where there is none, what can be said instead. Harmless."""
    if wiki := shellcheck.wiki(rule):
        return f"It is one of ShellCheck's rules: {wiki}"
    try:
        page = rules.page(rule)
    except KeyError:
        return "There is no page about it."
    title, _, rest = page.partition("\n")
    shown = [line for line in rest.splitlines() if not line.startswith(("```", "Severity:"))]
    heading = title.removeprefix("#").partition(":")[2].strip()
    return sanitise("\n".join([heading, *shown]).replace("\n\n\n", "\n\n").strip())
