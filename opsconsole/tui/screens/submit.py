"""Choosing a script and how to run it: enter takes the script, enter again runs it with the defaults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import WorkType

from opsconsole.errors import OpsError
from opsconsole.models import Task, TaskSpec
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.held_database import WAITS
from opsconsole.tui.screens.confirming import as_reviewed, confirmed
from opsconsole.tui.screens.editor.field_rows import FieldRows
from opsconsole.tui.screens.editor.forecast import grave
from opsconsole.tui.screens.editor.judged_form import JudgedForm
from opsconsole.tui.screens.editor.run_fields import RunScript, read, rows
from opsconsole.tui.scripts import Script, described, is_path, matching, samples
from opsconsole.tui.widgets.answers import Answer, Answers
from opsconsole.tui.widgets.choice import Choice
from opsconsole.tui.widgets.text_field import TextField
from opsconsole.tui.wording import shortened

if TYPE_CHECKING:
    from opsconsole.execution.submission import Plan
    from opsconsole.settings import Settings

Submit = Callable[[TaskSpec, Callable[[], object]], Awaitable[Task]]
"""Cancelled, it takes the task back; the second is called if it has to wait for the database."""
_HINT = "a sample's name, or a path: ./fix.sh  ~/bin/…  /opt/…"


class SubmitScreen(JudgedForm[Task | None]):
    """Dismissed with the task as it was stored (it may have been refused), or None.

    Enter before the verdict is there waits for it, and for another enter if something was found.
    """

    CSS_PATH = "editor/run_form.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "back", "Back"),
        ("down", "step(1)", "next"),
        ("up", "step(-1)", "previous"),
        ("enter", "run", "Run it"),
    ]

    def __init__(
        self, submit: Submit, plan: Callable[[TaskSpec], Awaitable[Plan]], settings: Settings, cwd: Path
    ) -> None:
        super().__init__()
        self._submit = submit
        self._make_plan = plan
        self._settings = settings
        self._rows = FieldRows(rows(RunScript(b"", "", "", "standard"), settings))
        self._cwd = cwd
        self._samples = samples()
        self._offered: list[Script] = []
        self._chosen: Script | None = None
        self._submitting = False
        self._storing: asyncio.Future[Task] | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -picking", id="submit"):
            with Vertical(id="pick"):
                yield TextField(placeholder=_HINT, id="script")
                yield OptionList(id="scripts", compact=True, markup=False)
            with Vertical(id="form"):
                yield Static("", id="summary", markup=False)
                yield self._rows
                yield self.verdict
                yield Static("", id="problem", markup=False)
                yield Answers(
                    Answer("run", "r", "Run it"),
                    Answer("hold", "h", "Queue it, held until released"),
                    typed=self._type,
                )

    def on_mount(self) -> None:
        self._offer("")
        self._show_picker()

    # -- choosing the script

    def _show_picker(self) -> None:
        self._chosen = None
        dialog = self.query_one("#submit")
        dialog.set_classes("dialog -picking")
        dialog.border_title = "Run a script"
        dialog.border_subtitle = "enter chooses · esc closes"
        self.set_focus(self.query_one("#script"))

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "script":
            self._offer(event.value)
        else:
            self._complain("")
            self._judge()

    def _offer(self, text: str) -> None:
        self._offered = matching(text.strip(), self._samples, self._cwd)
        shown = self.query_one(OptionList)
        shown.clear_options()
        shown.add_options([Option(_prompt(script)) for script in self._offered])
        if self._offered:
            shown.highlighted = 0
        else:
            nothing = "nothing here begins so" if is_path(text) else "no sample is called so"
            shown.add_option(Option(Text(nothing), disabled=True))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._choose(event.option_index)

    def _choose(self, index: int | None) -> None:
        if index is None or index >= len(self._offered):
            return
        script = self._offered[index]
        if script.folder:
            field = self.query_one("#script", Input)
            typed = field.value
            start = "~/" if typed == "~" else typed.rpartition("/")[0] + "/" if "/" in typed else ""
            field.value = f"{start}{script.path.name}/"
            field.cursor_position = len(field.value)
            self.set_focus(field)
        else:
            self._show_form(script)

    # -- how to run it

    def _show_form(self, script: Script) -> None:
        script = described(script.path, script.path.name) if not script.summary else script
        self._chosen = script
        dialog = self.query_one("#submit")
        dialog.set_classes("dialog -asking")
        dialog.border_title = Content(f"Run {script.shown}")
        self.query_one("#summary", Static).update(Text(script.summary or str(sanitise_name(str(script.path)))))
        self.query_one("#arguments", Input).placeholder = script.usage or "none"
        self.query_one("#name", Input).placeholder = script.shown
        self.query_one("#cwd", Input).placeholder = shortened(self._cwd)
        self._complain("")
        self._rows.show_policy()
        self.seen = None
        self.say("… ", "it is being reviewed", "muted")
        self._judge()
        takes = self.query_one("#arguments") if script.usage else self.query_one(Answers)
        self.set_focus(takes)
        self._say_keys()

    def on_descendant_focus(self) -> None:
        self._say_keys()

    def on_answers_marked(self) -> None:
        self._say_keys()

    def _say_keys(self) -> None:
        """What enter does, where the focus is now."""
        if self._chosen is not None:
            self.query_one("#submit").border_subtitle = keys_in_form(self.focused)

    def on_choice_changed(self) -> None:
        self._rows.show_policy()
        self._complain("")
        self._judge()

    def _judge(self) -> None:
        if self._chosen is not None:
            self.judge()

    def _complain(self, text: str) -> None:
        if self._storing is None:  # what it waits for stays
            self._say(text, "-wrong")

    def _say_it_waits(self) -> None:
        self._say(f"{WAITS} esc takes the task back.", "-waiting")

    def _say(self, text: str, kind: str) -> None:
        problem = self.query_one("#problem", Static)
        problem.set_classes(kind)
        problem.update(Text(text))
        problem.display = bool(text)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "script":
            self._choose(self.query_one(OptionList).highlighted)
        else:
            self._run(hold=False)

    def _type(self, text: str) -> None:
        if self._storing is not None:  # it would not reach the task that is being stored
            return
        type_into(self.query_one("#arguments", Input), text)

    def action_run(self) -> None:
        """Enter on what is chosen with ← and →."""
        if self._chosen is not None:
            self._run(hold=False)

    def on_answers_given(self, event: Answers.Given) -> None:
        self._run(hold=event.value == "hold")

    def _run(self, *, hold: bool) -> None:
        if self._submitting:
            return
        spec, problems = self.chosen(hold=hold)
        self.show_problems(problems)
        if spec is None:
            field, what = next(iter(problems.items()))
            self._complain(sanitise_name(what if field in what else f"{field}: {what}", limit=400))
            self.set_focus(self.query_one(f"#{field}"))
            return
        self._submitting = True
        send: WorkType[None] = partial(self._send, spec)  # not the coroutine: escape may drop it before it begins
        self.run_worker(send, group="submit")

    async def _send(self, spec: TaskSpec) -> None:
        try:
            if (seen := await self._may_begin(spec)) is None:
                return
            agreed = await confirmed(self.app, as_reviewed(spec, seen), self.plan)
            if agreed is None:
                return
            task = await self._stored(agreed)
            if task is not None:
                self.dismiss(task)
        except OpsError as error:
            self._complain(sanitise_name(str(error), limit=400))
        finally:
            self._submitting = False

    async def _may_begin(self, spec: TaskSpec) -> Plan | None:
        """The plan whose verdict was seen, or in which there is nothing that has to be. Raises OpsErrors."""
        if self.seen is not None and self.has_seen(spec):
            seen = self.seen
            return seen if await self.is_as_seen(spec) else None
        planned = await self.plan(spec)
        self.show_plan(planned, spec)
        if planned.decision.verdict != "allow" or not grave(planned):
            return planned  # what is not simply allowed asks
        self._say("something was found: enter again runs it all the same", "-waiting")
        return None

    async def _stored(self, spec: TaskSpec) -> Task | None:
        """None: it was taken back. Raises OpsErrors."""
        self._storing = storing = asyncio.ensure_future(self._submit(spec, self._say_it_waits))
        try:
            await asyncio.wait([storing])
        finally:
            self._storing = None
            storing.cancel()  # the console is being left; without effect on what is done
        if storing.cancelled():
            self._complain("taken back: nothing was queued")
            return None
        return storing.result()

    def chosen(self, *, hold: bool = False, reason: str = "") -> tuple[TaskSpec | None, dict[str, str]]:
        assert self._chosen is not None  # noqa: S101 - the form is shown for a script
        script = RunScript(b"", "", "", "standard", self._chosen.path, from_file=True)
        values = self._rows.values
        values["reason"] = values["reason"].strip() or reason
        return read(values, script, self._settings, hold=hold, cwd=self._cwd)

    def show_problems(self, problems: Mapping[str, str]) -> None:
        self._rows.show_problems(problems)

    async def make_plan(self, spec: TaskSpec) -> Plan:
        return await self._make_plan(spec)

    # -- keys

    def on_key(self, event: events.Key) -> None:
        """A letter that was typed before there was anything to type it in."""
        if self._chosen is None and event.character is not None and event.is_printable:
            event.stop()
            self.query_one("#script", Input).insert_text_at_cursor(event.character)

    def action_step(self, by: int) -> None:
        """↑ and ↓: the offered scripts while choosing, the fields of the form after."""
        if self._chosen is None:
            shown = self.query_one(OptionList)
            if self._offered:
                shown.highlighted = max(0, min((shown.highlighted or 0) + by, len(self._offered) - 1))
        elif by > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def action_back(self) -> None:
        if self._storing is not None:
            self._storing.cancel()
        elif self._chosen is not None:
            self.workers.cancel_group(self, "submit")  # nothing is stored yet, and nothing will be
            self._submitting = False
            self._show_picker()
        else:
            self.dismiss(None)


def keys_in_form(focused: Widget | None) -> str:
    """What the lower edge of a form says: above all what enter does where the focus is."""
    held = isinstance(focused, Answers) and focused.marked.value == "hold"
    choose = " · ← → choose" if isinstance(focused, Choice) else ""
    return f"enter {'queues it, held' if held else 'runs it'} · ↑ ↓ fields{choose} · esc back"


def type_into(field: Input, text: str) -> None:
    """What was typed while an answer had the focus; what is typed next goes there as well."""
    field.screen.set_focus(field)
    field.cursor_position = len(field.value)
    field.insert_text_at_cursor(text)


def _prompt(script: Script) -> Text:
    text = Text().append(f"{script.shown:<28}", "" if script.folder else "bold")
    return text.append(f" {script.summary}", "dim") if script.summary else text
