"""What the review asks for when a script is submitted: a yes for an error, the rule's name for a catastrophe."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from textual.widgets import Input

from opsconsole.safety.policy import Decision
from opsconsole.safety.redact import Redaction
from opsconsole.settings import Settings
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.phrase import PhraseScreen
from opsconsole.tui.screens.submit import SubmitScreen
from tests.tui.fake_engine import FakeEngine
from tests.tui.tasks.scene import in_dialog, opened
from tests.tui.waiting import shown, until

NAME = "long_job.sh"


def _plan(verdict: str, severity: str, rule: str) -> SimpleNamespace:
    found = {"rule": rule, "severity": severity}
    reason = f"line 1, column 2: because [{rule}]; it runs with a confirmation (--yes)"
    redaction = Redaction.of({}, Settings().redaction)
    return SimpleNamespace(
        name=NAME,
        decision=Decision(verdict, reason),
        spec={"findings": [found]},
        redaction=redaction,
        body=b"true\n",
        interpreter="sh",
    )


@pytest.mark.parametrize(("key", "runs"), [("y", True), ("n", False), ("escape", False), ("enter", False)])
async def test_an_error_asks_and_no_is_the_default(engine: FakeEngine, samples: Path, key: str, runs: bool) -> None:
    engine.plans[NAME] = _plan("confirm", "error", "rm-variable-may-be-empty")
    async with opened(engine) as pilot:
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)
        await pilot.press(*"long", "enter", "enter")
        await in_dialog(pilot, ConfirmScreen)
        await pilot.press(key)
        if runs:
            await until(pilot, lambda: engine.specs)
            assert engine.specs[0].confirmed
        else:
            await in_dialog(pilot, SubmitScreen)
            assert engine.specs == []


async def test_a_catastrophe_wants_its_name(engine: FakeEngine, samples: Path) -> None:
    refused = _plan("refuse", "catastrophic", "rm-root")
    engine.plan = lambda spec: _plan("allow", "catastrophic", "rm-root") if spec.allow else refused  # type: ignore[method-assign]
    async with opened(engine) as pilot:
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)
        await pilot.press(*"long", "enter", "enter")
        await in_dialog(pilot, PhraseScreen)
        await pilot.press("y", "enter")
        assert isinstance(pilot.app.screen, PhraseScreen) and engine.specs == []
        pilot.app.screen.query_one("#phrase", Input).value = "rm-root"
        await pilot.press("enter")
        await until(pilot, lambda: engine.specs)
        assert engine.specs[0].allow == ("rm-root",)


async def test_leaving_the_question_runs_nothing(engine: FakeEngine, samples: Path) -> None:
    engine.plans[NAME] = _plan("refuse", "catastrophic", "rm-root")
    async with opened(engine) as pilot:
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)
        await pilot.press(*"long", "enter", "enter")
        await in_dialog(pilot, PhraseScreen)
        await pilot.press("escape")
        await in_dialog(pilot, SubmitScreen)
        assert engine.specs == []


@pytest.mark.parametrize(
    ("verdict", "severity", "kind"), [("confirm", "error", ConfirmScreen), ("refuse", "catastrophic", PhraseScreen)]
)
async def test_the_question_names_script_arguments_policy_and_findings(
    engine: FakeEngine, samples: Path, verdict: str, severity: str, kind: type
) -> None:
    engine.plans[NAME] = _plan(verdict, severity, "rm-root")
    async with opened(engine) as pilot:
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)
        await pilot.press(*"long", "enter")
        pilot.app.screen.query_one("#arguments", Input).value = "/tmp/wx 'two words'"
        await pilot.press("enter")
        await in_dialog(pilot, kind)
        await pilot.pause()
        said = shown(pilot)
        assert f"{NAME} /tmp/wx 'two words'" in said and "policy standard · 1 finding" in said
        assert "line 1: because" in said and "--" not in said.replace("─", "")
