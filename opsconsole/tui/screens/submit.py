"""Choosing a script and how to run it: enter takes the script, enter again runs it with the defaults."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from opsconsole.errors import OpsError, SpecError
from opsconsole.models import MAX_RETRIES, ExecutionPolicy, Priority, Task, TaskSpec
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.held_database import WAITS
from opsconsole.tui.screens.confirming import confirmed
from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.scripts import Script, described, is_path, matching, samples
from opsconsole.tui.widgets.answers import Answer, Answers
from opsconsole.tui.widgets.choice import Choice
from opsconsole.tui.widgets.text_field import TextField
from opsconsole.tui.wording import POLICIES, seconds_of, span

if TYPE_CHECKING:
    from opsconsole.execution.submission import Plan

Submit = Callable[[TaskSpec, Callable[[], object]], Awaitable[Task]]
"""Cancelled, it takes the task back; the second is called if it has to wait for the database."""
_HINT = "a sample's name, or a path: ./fix.sh  ~/bin/…  /opt/…"
_PRIORITIES = [priority.name.lower() for priority in Priority]


class SubmitScreen(Modal[Task | None]):
    """Dismissed with the task as it was stored (it may have been refused), or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "back", "Back"),
        ("down", "step(1)", "next"),
        ("up", "step(-1)", "previous"),
        ("enter", "run", "Run it"),
    ]

    def __init__(
        self, submit: Submit, plan: Callable[[TaskSpec], Awaitable[Plan]], timeout_s: float, cwd: Path
    ) -> None:
        super().__init__()
        self._submit = submit
        self._plan = plan
        self._timeout_s = timeout_s
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
                for label, field in self._fields():
                    with Horizontal(classes="field", id=f"field-{field.id}"):
                        yield Static(label, classes="label", markup=False)
                        yield field
                yield Static("", id="problem", markup=False)
                yield Answers(
                    Answer("run", "r", "Run it"),
                    Answer("hold", "h", "Queue it, held until released"),
                    typed=self._type,
                )

    def _fields(self) -> list[tuple[str, Input | Choice]]:
        timeout = span(self._timeout_s)
        return [
            ("arguments", TextField(id="arguments")),
            ("policy", Choice(list(POLICIES), "standard", id="policy")),
            ("reason", TextField(placeholder="why as root; the record keeps it", id="reason")),
            ("priority", Choice(_PRIORITIES, "normal", id="priority")),
            ("timeout", TextField(timeout, placeholder="such as 90s, 5m, 1h", id="timeout")),
            ("retries", Choice([str(number) for number in range(MAX_RETRIES + 1)], "0", id="retries")),
        ]

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
        self._complain("")
        self._show_reason()
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
        self._show_reason()
        self._complain("")

    def _show_reason(self) -> None:
        self.query_one("#field-reason").display = self.query_one("#policy", Choice).value == "elevated"

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
        try:
            spec = self._spec(hold)
        except OpsError as error:
            self._complain(sanitise_name(str(error), limit=400))
            return
        self._submitting = True
        self.run_worker(self._send(spec), group="submit")

    async def _send(self, spec: TaskSpec) -> None:
        try:
            agreed = await confirmed(self.app, spec, self._plan)
            if agreed is None:
                return
            task = await self._stored(agreed)
            if task is not None:
                self.dismiss(task)
        except OpsError as error:
            self._complain(sanitise_name(str(error), limit=400))
        finally:
            self._submitting = False

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

    def _spec(self, hold: bool) -> TaskSpec:
        """Raises SpecError."""
        assert self._chosen is not None  # noqa: S101 - the form is shown for a script
        policy = ExecutionPolicy(self.query_one("#policy", Choice).value)
        reason = self._text("reason")
        if policy is ExecutionPolicy.ELEVATED and not reason:
            self.set_focus(self.query_one("#reason"))
            raise SpecError("elevated needs a reason")
        try:
            args = tuple(shlex.split(self._text("arguments")))
        except ValueError as error:
            raise SpecError(f"the arguments cannot be split: {error}") from error
        try:
            timeout_s = seconds_of(self._text("timeout") or span(self._timeout_s))
        except ValueError:
            raise SpecError(f"timeout {self._text('timeout')!r} is not a time", hint="90s, 5m or 1h") from None
        return TaskSpec(
            path=self._chosen.path,
            args=args,
            policy=policy,
            priority=Priority.parse(self.query_one("#priority", Choice).value),
            timeout_s=timeout_s,
            retries=int(self.query_one("#retries", Choice).value),
            hold=hold,
            cwd=self._cwd,
            confirmed=policy is ExecutionPolicy.ELEVATED,
            reason=reason if policy is ExecutionPolicy.ELEVATED else None,
        )

    def _text(self, field: str) -> str:
        return self.query_one(f"#{field}", Input).value.strip()

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
