"""What a review asks for before a script runs: a yes for an error, the rule's name for a catastrophe."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual.app import App

from opsconsole.models import ExecutionPolicy, TaskSpec
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.wording import count_of

if TYPE_CHECKING:
    from opsconsole.execution.submission import Plan

Plans = Callable[[TaskSpec], "Awaitable[Plan]"]


def as_reviewed(spec: TaskSpec, planned: Plan) -> TaskSpec:
    """The same task with the very text that was planned, in place of whatever its file will hold by then."""
    if spec.path is None:
        return spec
    body = planned.body
    by_name = spec.interpreter is None and not body.startswith(b"#!")  # the shebang's options count, where it has one
    interpreter = planned.interpreter if by_name else spec.interpreter
    return replace(spec, path=None, script=body, name=spec.name or planned.name, interpreter=interpreter)


def unnamed(planned: Plan, spec: TaskSpec) -> list[str]:
    """The catastrophic rules that were found and not named yet: where they are why it is refused, naming helps."""
    if planned.decision.verdict != "refuse" or spec.policy is ExecutionPolicy.SAFE:
        return []
    rules = {found["rule"] for found in planned.spec["findings"] if found["severity"] == "catastrophic"}
    return sorted(rules - set(spec.allow))


async def confirmed(app: App[Any], spec: TaskSpec, plan: Plans) -> TaskSpec | None:
    """The spec with what its review asks for, each asked once, and with the text that was reviewed; None: the answer
    was no. Raises OpsErrors.

    One that is refused for another reason comes back as it is. To be awaited in a worker.
    """
    planned = await plan(spec)
    spec = as_reviewed(spec, planned)
    decision = planned.decision
    if decision.runs:
        return spec
    from opsconsole.tui.screens.editor.verdicts import in_short

    name, what, said = sanitise_name(planned.name), _command_line(planned, spec), [_standing(planned, spec)]
    said.append(in_short(decision.reason))
    if rules := unnamed(planned, spec):
        from opsconsole.tui.screens.phrase import PhraseScreen

        if not await app.push_screen_wait(PhraseScreen(f"Run {name}?", what, said, rules[0])):
            return None
        return await confirmed(app, replace(spec, allow=(*spec.allow, rules[0])), plan)
    if decision.verdict == "confirm" and not spec.confirmed:
        from opsconsole.tui.screens.confirm import ConfirmScreen

        ask = ConfirmScreen(f"Run {name}?", what, said, yes="Run it", no="Back")
        return replace(spec, confirmed=True) if await app.push_screen_wait(ask) else None
    return spec


def _command_line(planned: Plan, spec: TaskSpec) -> str:
    """The script with its arguments: what exactly one says yes to."""
    arguments = planned.redaction.text(shlex.join(spec.args)) if spec.args else ""
    return sanitise_name(f"{planned.name} {arguments}".rstrip(), limit=400)


def _standing(planned: Plan, spec: TaskSpec) -> str:
    """`policy standard · 3 findings`."""
    found = count_of(len(planned.spec["findings"]), "finding")
    grants = [f"may write {', '.join(spec.writable)}"] * bool(spec.writable) + ["network"] * spec.allow_network
    return sanitise_name(" · ".join([f"policy {spec.policy.value}", *grants, found]), limit=300)
