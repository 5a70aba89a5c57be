"""What is short on this host, who causes it and what would help: a page over the host, made when it is asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from opsconsole.errors import OpsError
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.wording import quantity

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.monitoring.analysis import Analysis
    from opsconsole.tui.app import ConsoleApp

_LONG = 400


class AnalysisScreen(Modal[None]):
    """Two looks a second apart, in a thread; then the text. Every name in it is made harmless."""

    CSS_PATH = "analysis.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,enter,A", "dismiss", "Close")]
    app: ConsoleApp

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._text = Static("Looking at this host for a second …", id="analysis-text", markup=False)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", id="analysis") as dialog:
            dialog.border_title = "Analysis"
            dialog.border_subtitle = "esc closes"
            yield self._text

    def on_mount(self) -> None:
        self.run_worker(self._look(), group="analysis")

    async def _look(self) -> None:
        try:
            analysis = await asyncio.to_thread(self._engine.monitoring.analyze)
        except OpsError as error:
            self.app.report(error)
            self.close_by_itself()
            return
        self._text.update(text_of(analysis))


def text_of(analysis: Analysis) -> Text:
    """The verdict first."""
    from opsconsole.monitoring.analysis.model import TITLES, Reading

    text = Text()
    text.append(_harmless(analysis.verdict) + ".\n", style="bold")
    text.append("\n  RESOURCE      STATE        USED   WAITS\n", style="dim")
    for use in analysis.resources:
        reading = use.now or use.past or Reading()
        busy = use.state.value not in ("ok", "unknown")
        shares = f"{_share(reading.utilisation)}  {_share(reading.waiting)}"
        line = f"  {TITLES[use.resource]:<13} {use.state.value:<10} {shares}"
        what = ", ".join(filter(None, (reading.subject, *reading.saturation[:2], *reading.errors[:2])))
        text.append(f"{line}   {_harmless(what)}".rstrip() + "\n", style="bold" if busy else "")
    causes = [cause for cause in analysis.causes if cause.label][:6]
    if causes:
        text.append("\nWho\n", style="bold")
    for cause in causes:
        share = "" if cause.share is None else f", {100 * cause.share:.0f} % of all"
        amount = "" if cause.value is None else f"  {quantity(cause.value, cause.unit)}{share}"
        text.append(
            f"  {TITLES[cause.resource]:<13} {_harmless(cause.label)}{amount}  {_harmless(cause.note)}".rstrip() + "\n"
        )
    text.append("\nWhat to do\n", style="bold")
    if not analysis.suggestions:
        text.append("  Nothing to suggest: there is no evidence of a shortage.\n")
    for number, each in enumerate(analysis.suggestions[:6], 1):
        text.append(f"  {number}. {each.category}: {_harmless(each.title)}\n", style="bold")
        for evidence in each.evidence[:4]:
            text.append(f"     - {_harmless(evidence)}\n")
        text.append(f"     → {_harmless(each.expected_effect)}; risk {each.risk}\n")
        for command in each.look[:2]:
            text.append(f"     $ {_harmless(command)}\n", style="dim")
    for note in analysis.notes:
        text.append(f"\nnote: {_harmless(note)}\n", style="dim")
    return text


def _harmless(words: str) -> str:
    return sanitise_name(words, limit=_LONG)


def _share(value: float | None) -> str:
    return "     –" if value is None else f"{value:4.0f} %"
