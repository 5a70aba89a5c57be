"""How to run the text in the editor: every choice of a run in one form, with the verdict and the containment it has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.css.query import NoMatches
from textual.widgets import Input

from opsconsole.errors import OpsError
from opsconsole.execution.submission import Plan
from opsconsole.models import TaskSpec
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.confirming import confirmed
from opsconsole.tui.screens.editor.field_rows import FieldRows
from opsconsole.tui.screens.editor.forecast import told
from opsconsole.tui.screens.editor.judged_form import JudgedForm
from opsconsole.tui.screens.editor.run_fields import RunScript, read, rows
from opsconsole.tui.screens.editor.said import Said, folded
from opsconsole.tui.screens.submit import keys_in_form, type_into
from opsconsole.tui.widgets.answers import Answer, Answers
from opsconsole.tui.widgets.choice import Choice

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.execution.judging import MakesReview
    from opsconsole.safety.review.model import Finding
    from opsconsole.tui.screens.editor.taken_over import TakenOver

Remembered = dict[str, dict[str, str]]
"""Script → field → what it was last."""
_FORGOTTEN = frozenset({"policy", "reason"})
"""The policy is the editor's, and a reason is for one run."""


class RunForm(JudgedForm[TaskSpec | None]):
    """Dismissed with the spec, all it needs confirmed, or None. It submits nothing, and nothing runs that was not
    reviewed before somebody said so."""

    CSS_PATH = "run_form.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "leave", "Back"),
        ("down", "app.focus_next", "next"),
        ("up", "app.focus_previous", "previous"),
        ("enter", "run", "Run it"),
    ]

    def __init__(
        self,
        text: str | bytes,
        name: str,
        interpreter: str,
        *,
        policy: str,
        path: Path | None,
        engine: Engine,
        remembered: Remembered | None = None,
        review_by: MakesReview | None = None,
        taken: TakenOver | None = None,
        advice: Callable[[str], Sequence[Finding]] = lambda _: (),
    ) -> None:
        """`taken`: the past run its fields begin with. `advice`: findings that no verdict rests on, by interpreter."""
        super().__init__()
        body = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        self._script = RunScript(body, name, interpreter, policy, path, taken=taken)
        self._engine = engine
        self._remembered = remembered if remembered is not None else {}
        last = self._remembered.get(self._script.key)
        if taken is not None and last is None:
            last = {name: value for name, value in taken.fields.items() if name not in _FORGOTTEN}
        self._like = Said(id="run-like")
        self._rows = FieldRows(rows(self._script, engine.settings), last)
        self._answers = Answers(
            Answer("run", "r", "Run it"), Answer("hold", "h", "Queue it, held until released"), typed=self._type
        )
        self._review_by = review_by
        self._advice = advice
        self._touched = False
        self._sending = False

    # -- what it looks like

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="run-form") as dialog:
            dialog.border_title = Content(f"Run {sanitise_name(self._script.name, limit=60)}")
            dialog.border_subtitle = keys_in_form(self._answers)
            yield self._rows
            yield self._like
            yield self.verdict
            yield self._answers

    def on_mount(self) -> None:
        self._rows.show_policy()
        if (taken := self._script.taken) is not None:
            self._like.say(lambda width: folded(taken.said, width, 5, "accent"))
        needs_reason = self._script.policy == "elevated"
        self.set_focus(self.query_one("#reason") if needs_reason else self._answers)
        self.judge()

    @property
    def values(self) -> dict[str, str]:
        """What the fields hold, by id."""
        return self._rows.values

    # -- the verdict of what is chosen

    @on(Input.Changed)
    @on(Choice.Changed)
    def _changed(self, event: Input.Changed | Choice.Changed) -> None:
        if isinstance(event, Choice.Changed):
            self._touched = True
            self._rows.show_policy()
        self.judge()

    def chosen(self, *, hold: bool = False, reason: str = "") -> tuple[TaskSpec | None, dict[str, str]]:
        values = self.values
        values["reason"] = values["reason"].strip() or reason
        return read(values, self._script, self._engine.settings, hold=hold)

    def show_problems(self, problems: Mapping[str, str]) -> None:
        self._rows.show_problems(problems)

    async def make_plan(self, spec: TaskSpec) -> Plan:
        planned = await asyncio.to_thread(self._engine.plan, spec, review_by=self._review_by)
        advice = self._advice(planned.interpreter) if isinstance(planned, Plan) else ()
        if not advice:
            return planned
        found = [*planned.spec["findings"], *(one.to_json() for one in advice)]
        return replace(planned, spec={**planned.spec, "findings": found})

    def advised(self) -> None:
        """There may be more advice, or less: count again."""
        if self.seen is not None and self.is_current:
            with suppress(NoMatches):  # it is just being left, and its fields are gone
                self.judge()

    def judged(self, planned: Plan) -> None:
        if planned.decision.verdict == "refuse" and not self._touched and self.focused is self._answers:
            self.set_focus(self.query_one("#policy"))

    # -- the answers

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._run(hold=False)

    def _type(self, text: str) -> None:
        type_into(self.query_one("#arguments", Input), text)

    def on_descendant_focus(self) -> None:
        self.query_one("#run-form").border_subtitle = keys_in_form(self.focused)

    def on_answers_marked(self) -> None:
        self.on_descendant_focus()

    def action_run(self) -> None:
        """Enter on what is chosen with ← and →."""
        self._run(hold=False)

    def on_answers_given(self, event: Answers.Given) -> None:
        self._run(hold=event.value == "hold")

    def _run(self, *, hold: bool) -> None:
        if self._sending:
            return
        spec, problems = self.chosen(hold=hold)
        self.show_problems(problems)
        if spec is None:
            self.set_focus(self.query_one(f"#{next(iter(problems))}"))
        elif not self.has_seen(spec):
            self.say_it_is_reviewed()
        else:
            self._sending = True
            self.run_worker(self._send(spec, self.values), group="send")

    async def _send(self, spec: TaskSpec, values: dict[str, str]) -> None:
        try:
            agreed = await confirmed(self.app, spec, self.plan)
            if agreed is None:
                return
            planned = await self.plan(agreed)
            if planned.decision.verdict == "refuse":
                self.verdict.say(lambda width: told(planned, agreed, width))
                self.set_focus(self.query_one("#policy"))
                return
        except OpsError as error:
            self.say("✗ ", sanitise_name(str(error), limit=300), "bad")
        else:
            self._remembered[self._script.key] = {
                name: value for name, value in values.items() if name not in _FORGOTTEN
            }
            self.dismiss(agreed)
        finally:
            self._sending = False

    def action_leave(self) -> None:
        self.dismiss(None)
