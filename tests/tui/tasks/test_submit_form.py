"""The form of the tasks: the fields of a run, its verdict and effects before anybody says yes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.execution import submission
from opsconsole.models import TaskSpec
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.submit import SubmitScreen
from tests.tui.fake_engine import FakeEngine
from tests.tui.tasks.scene import in_dialog, opened
from tests.tui.waiting import shown, until

SENT = "#!/bin/bash\nset -eu\nscp ~/.ssh/id_rsa host:\nrm -f /tmp/mine\n"
"""A warning, and nothing that asks."""


@pytest.fixture
def planned(engine: FakeEngine) -> list[TaskSpec]:
    """What was planned, by the real planner."""
    asked: list[TaskSpec] = []

    def plan(spec: TaskSpec, **_: Any) -> submission.Plan:
        asked.append(spec)
        return submission.plan(spec, engine.settings)

    engine.plan = plan  # type: ignore[method-assign,assignment]
    return asked


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "send.sh"
    path.write_text(SENT)
    return path


async def choose(pilot: Pilot[Any], script: Path) -> None:
    await pilot.press("n")
    await in_dialog(pilot, SubmitScreen)
    pilot.app.screen.query_one("#script", Input).value = str(script)
    await pilot.pause()
    await pilot.press("enter")


async def test_it_shows_the_verdict_the_findings_and_what_it_would_do(
    engine: FakeEngine, planned: list[TaskSpec], script: Path
) -> None:
    async with opened(engine) as pilot:
        await choose(pilot, script)
        await until(pilot, lambda: "✔ it runs · 1 warning" in shown(pilot))
        assert "deletes /tmp/mine" in shown(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: engine.specs)
        (spec,) = engine.specs
        assert (spec.script, spec.name, spec.confirmed) == (SENT.encode(), "send.sh", False)


@pytest.mark.parametrize(
    ("name", "head", "interpreter"), [("empty.sh", "", "bash"), ("empty.sh", "#!/bin/sh -e\n", None)]
)
async def test_what_was_agreed_to_is_what_was_shown_whatever_the_file_holds_by_then(
    engine: FakeEngine, planned: list[TaskSpec], tmp_path: Path, name: str, head: str, interpreter: str | None
) -> None:
    script = tmp_path / name
    reviewed = f'{head}rm -rf "$1"/*\n'
    script.write_text(reviewed)
    async with opened(engine) as pilot:
        await choose(pilot, script)
        await until(pilot, lambda: "1 error" in shown(pilot))
        await pilot.press("enter")
        await in_dialog(pilot, ConfirmScreen)
        script.write_text("rm -rf /srv/$ANOTHER/*\n")
        await pilot.press("y")
        await until(pilot, lambda: engine.specs)
        (spec,) = engine.specs
        assert spec.confirmed and submission.plan(spec, engine.settings).body == reviewed.encode()
        assert (spec.path, spec.name, spec.interpreter) == (None, name, interpreter)


async def test_it_has_the_fields_of_every_run(
    engine: FakeEngine, planned: list[TaskSpec], script: Path, tmp_path: Path
) -> None:
    async with opened(engine) as pilot:
        await choose(pilot, script)
        await until(pilot, lambda: "it runs" in shown(pilot))
        texts = {"name": "mine", "cwd": str(tmp_path), "environment": "A=1", "memory": "512M", "pids": "9"}
        for field, text in texts.items():
            pilot.app.screen.query_one(f"#{field}", Input).value = text
        await pilot.press("enter")
        await until(pilot, lambda: engine.specs)
        (spec,) = engine.specs
        assert (spec.name, spec.cwd, dict(spec.env)) == ("mine", str(tmp_path), {"A": "1"})
        assert (spec.limits.memory, spec.limits.pids, spec.interpreter) == (512 << 20, 9, None)


async def test_enter_before_the_verdict_waits_for_it_and_for_another_where_something_was_found(
    engine: FakeEngine, planned: list[TaskSpec], script: Path
) -> None:
    async with opened(engine) as pilot:
        await choose(pilot, script)
        form = pilot.app.screen
        assert isinstance(form, SubmitScreen)
        form.workers.cancel_group(form, "plan")  # the verdict that is on its way does not come in between
        form.seen = None
        form.action_run()
        await until(pilot, lambda: "enter again runs it all the same" in shown(pilot))
        assert engine.specs == [] and "1 warning" in shown(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: engine.specs)


async def test_a_script_that_has_changed_since_is_shown_again_first(
    engine: FakeEngine, planned: list[TaskSpec], script: Path
) -> None:
    async with opened(engine) as pilot:
        await choose(pilot, script)
        await until(pilot, lambda: "1 warning" in shown(pilot))
        script.write_text("#!/bin/bash\nrm -f /tmp/other\n")
        await pilot.press("enter")
        await until(pilot, lambda: "deletes /tmp/other" in shown(pilot))
        assert engine.specs == []
        await pilot.press("enter")
        await until(pilot, lambda: engine.specs)
