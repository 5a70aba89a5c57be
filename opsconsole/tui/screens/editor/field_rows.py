"""The fields of a run as rows of a form: what they hold, which of them a policy has, what is wrong with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.editor.run_fields import Field
from opsconsole.tui.widgets.choice import Choice
from opsconsole.tui.widgets.text_field import TextField


class FieldRows(Vertical):
    """`last`: what the fields hold at first, by id, where that is not what they begin with."""

    def __init__(self, rows: Sequence[tuple[Field, ...]], last: Mapping[str, str] | None = None) -> None:
        super().__init__(classes="run-fields")
        self._rows = rows
        self._last = last or {}

    def compose(self) -> ComposeResult:
        for fields in self._rows:
            with Horizontal(classes="field", id=f"row-{fields[0].id}"):
                for field in fields:
                    yield Static(field.label, classes="label", id=f"label-{field.id}", markup=False)
                    yield self._widget(field)
                for field in fields:
                    yield Static("", classes="problem", id=f"problem-{field.id}", markup=False)

    def _widget(self, field: Field) -> Widget:
        value = self._last.get(field.id, field.value)
        if field.options:
            return Choice(list(field.options), value if value in field.options else field.options[0], id=field.id)
        return TextField(value, placeholder=field.placeholder, id=field.id)

    @property
    def values(self) -> dict[str, str]:
        """What the fields hold, by id."""
        return {field.id: self._field(field).value for fields in self._rows for field in fields}

    def _field(self, field: Field) -> Choice | Input:
        if field.options:
            return self.query_one(f"#{field.id}", Choice)
        return self.query_one(f"#{field.id}", Input)

    def show_policy(self) -> None:
        """The fields that the chosen policy has."""
        policy = self.query_one("#policy", Choice).value
        for fields in self._rows:
            shown = [field for field in fields if policy in field.when]
            self.query_one(f"#row-{fields[0].id}").display = bool(shown)
            for field in fields:
                for part in (f"#{field.id}", f"#label-{field.id}"):
                    self.query_one(part).display = field in shown

    def show_problems(self, problems: Mapping[str, str]) -> None:
        """Field → what is wrong with it; of the others nothing."""
        for fields in self._rows:
            for field in fields:
                said = self.query_one(f"#problem-{field.id}", Static)
                said.update(Content(sanitise_name(problems.get(field.id, ""), limit=80)))
                said.display = field.id in problems
                self.query_one(f"#label-{field.id}").set_class(field.id in problems, "-wrong")
