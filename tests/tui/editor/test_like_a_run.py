"""The script of a past run, opened to run it changed: the form begins with how it ran, and says what it cannot know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.engine import Engine
from opsconsole.models import ExecutionPolicy, Priority, Status, Task, TaskSpec
from opsconsole.safety.review.model import Finding, Severity
from opsconsole.safety.review.shellcheck import wiki
from opsconsole.settings import Settings
from opsconsole.tui.screens.editor.run_fields import RunScript, read
from opsconsole.tui.screens.editor.run_form import RunForm
from opsconsole.tui.screens.editor.said import Said
from opsconsole.tui.screens.editor.screen import EditorScreen
from opsconsole.tui.screens.editor.taken_over import TakenOver, taken_over
from tests.tui.editor.scene import ScriptedEngine, editor_console
from tests.tui.editor.test_editor_screen import editing, own, reviewed, scripts, told
from tests.tui.waiting import shown, started, until

__all__ = ["own", "scripts"]

BODY = b"#!/bin/sh\necho one\n"
LIMITS = {"memory": 40 << 20, "cpu": 0.5, "pids": 9, "file_size": 10 << 20, "open_files": 100}


def ran(engine: ScriptedEngine, folder: Path, **called: Any) -> Task:
    """A run as tight as there is: safe, with limits, arguments and a folder."""
    task = engine.put(
        name="printer.sh", status=Status.COMPLETED, policy=ExecutionPolicy.SAFE, priority=Priority.HIGH, attempts=3,
        interpreter="sh", script_sha256="a" * 64,
    )  # fmt: skip
    engine.scripts[task.id] = BODY
    limits = {name: {"value": value, "tier": "cgroup2"} for name, value in LIMITS.items()}
    engine.report(
        task.id,
        containment={"limits": {"timeout_s": 90.0, "output": 1 << 20, **limits}},
        invocation={
            "args": ["--", "300", "two words"], "cwd": str(folder), "environment_names": [], "timeout_s": 90.0,
            "limits_asked": list(LIMITS), "allow_network": True, "writable": [], "stdin": None,
            "kill_leftovers": True, **called,
        },
    )  # fmt: skip
    return task


async def form_of(pilot: Pilot[Any]) -> RunForm:
    await pilot.press("ctrl+r")
    await until(pilot, lambda: isinstance(pilot.app.screen, RunForm))
    form = pilot.app.screen
    assert isinstance(form, RunForm)
    await until(pilot, lambda: form.verdict.text)  # it is there, and so is every field
    return form


@pytest.mark.parametrize("start", ["tasks", "editor"])
async def test_the_form_begins_with_how_the_run_was_called(
    scripts: ScriptedEngine, own: Path, tmp_path: Path, start: str
) -> None:
    task = ran(scripts, tmp_path)
    app = editor_console(scripts, start=start)
    async with app.run_test(size=(120, 45)) as pilot:
        await started(pilot)
        if start == "tasks":
            await until(pilot, lambda: "printer.sh" in shown(pilot))
            app.screen.go_to(task.id)  # type: ignore[attr-defined]
            await until(pilot, lambda: getattr(app.screen, "selected", None) is not None)
            await until(pilot, lambda: app.screen.selected.id == task.id)  # type: ignore[attr-defined]
            await pilot.press("E")
        else:
            app.screen.open_text(BODY.decode(), task.name, "sh", task.id)  # type: ignore[attr-defined]
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and app.screen.opened is not None)
        assert isinstance(app.screen, EditorScreen) and app.screen.policy == "safe", "its review is of that too"
        form = await form_of(pilot)
        values = form.values
        assert (values["policy"], values["priority"], values["retries"]) == ("safe", "high", "2")
        assert (values["memory"], values["cpu"], values["pids"]) == ("40M", "0.5", "9")
        assert (values["timeout"], values["output"], values["network"]) == ("90s", "1M", "yes")
        assert (values["arguments"], values["cwd"]) == ("-- 300 'two words'", str(tmp_path))
        spec, problems = form.chosen()
        assert problems == {} and spec is not None
        assert (spec.policy, spec.args, spec.cwd) == (ExecutionPolicy.SAFE, ("--", "300", "two words"), str(tmp_path))
        assert {name: getattr(spec.limits, name) for name in LIMITS} == LIMITS
        assert spec.limits.output == 1 << 20 and spec.kill_leftovers
        await until(pilot, lambda: f"As task {task.id} ran; with it: file size 10 MiB, open files 100" in shown(pilot))


async def test_what_cannot_be_taken_over_is_said_and_nothing_runs_without_it(
    scripts: ScriptedEngine, own: Path, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    task = ran(scripts, gone, environment_names=["TOKEN"], args=["--key=[redacted:password]"], stdin=str(gone / "in"))
    async with editing(scripts, size=(160, 50)) as (pilot, screen):
        screen.open_text(BODY.decode(), task.name, "sh", task.id)
        form = await form_of(pilot)
        spec, problems = form.chosen()
        assert spec is None and problems.keys() == {"arguments", "cwd", "environment"}
        await until(pilot, lambda: "TOKEN: its value is not on record" in shown(pilot))

        def page() -> str:
            return " ".join(form.query_one("#run-like", Said).text.split())

        gone_too = "its folder, which is gone; its input, which is gone"
        await until(pilot, lambda: f"the value of TOKEN; what was secret in its words; {gone_too}" in page())
        await pilot.press("r", "enter")
        await until(pilot, lambda: form.focused is not None and form.focused.id in problems)
        for field, text in (("arguments", "--key=mine"), ("cwd", str(tmp_path)), ("environment", "TOKEN=t")):
            form.query_one(f"#{field}", Input).value = text
        await until(pilot, lambda: form.chosen()[0] is not None)


async def test_the_next_text_is_under_the_policy_of_before(scripts: ScriptedEngine, own: Path, tmp_path: Path) -> None:
    task = ran(scripts, tmp_path)
    scripts.put(id=task.id, policy=ExecutionPolicy.ELEVATED)
    async with editing(scripts) as (pilot, screen):
        screen.open_text(BODY.decode(), task.name, "sh", task.id)
        assert screen.policy == "elevated"
        screen.open_text("echo other\n", "other", "sh")
        assert screen.policy == "standard"
        form = await form_of(pilot)
        assert (form.values["policy"], form.values["memory"], form.values["arguments"]) == ("standard", "", "")


async def test_a_draft_of_it_still_runs_like_it(scripts: ScriptedEngine, own: Path, tmp_path: Path) -> None:
    """Also after the console that edited it has ended; and tightly, where nobody knows any more how it ran."""
    task = ran(scripts, tmp_path)
    async with editing(scripts) as (pilot, screen):
        screen.open_text(BODY.decode(), task.name, "sh", task.id)
        await until(pilot, lambda: screen.opened is not None and screen.opened.drafted)
    async with editing(scripts) as (pilot, screen):
        await until(pilot, lambda: screen.opened is not None)
        assert screen.policy == "safe"
        assert (await form_of(pilot)).values["memory"] == "40M"
    scripts.put(id=task.id, policy=ExecutionPolicy.STANDARD)
    del scripts._tasks[task.id]
    async with editing(scripts) as (pilot, screen):
        await until(pilot, lambda: screen.opened is not None)
        assert screen.policy == "safe"
        await until(pilot, lambda: "not on record any more" in told(screen.app))


async def test_what_the_library_opens_from_the_history_runs_like_it(
    scripts: ScriptedEngine, own: Path, tmp_path: Path
) -> None:
    task = ran(scripts, tmp_path)
    async with editing(scripts) as (pilot, screen):
        await until(pilot, lambda: any(entry.task == task.id for entry in screen.library.entries))
        screen.open_entry(next(entry for entry in screen.library.entries if entry.task == task.id))
        await until(pilot, lambda: screen.opened is not None)
        assert screen.policy == "safe"
        assert (await form_of(pilot)).values["arguments"] == "-- 300 'two words'"


def test_an_interpreter_that_somebody_named_is_named_again(scripts: ScriptedEngine, tmp_path: Path) -> None:
    task = ran(scripts, tmp_path)
    result = scripts.result(task.id)
    assert "interpreter" not in taken_over(task, result, BODY, Settings()).fields
    assert taken_over(task, result, b"#!/bin/bash\n", Settings()).fields["interpreter"] == "sh"


def test_limits_without_a_field_hold_again() -> None:
    from opsconsole.models import ResourceLimits

    like = TakenOver(4, "safe", {}, ResourceLimits(write_bps=1000), stdin="/etc/hostname")
    spec, _ = read({"memory": "1M"}, RunScript(BODY, "a", "sh", "safe", taken=like), Settings())
    assert spec is not None
    assert (spec.limits.write_bps, spec.limits.memory, spec.stdin) == (1000, 1 << 20, "/etc/hostname")


def test_when_it_is_tried_again_is_as_before(tmp_path: Path) -> None:
    """From the row as an engine stores it to the spec of the next run."""
    with Engine.look(Settings(), state_dir=tmp_path / "state") as engine:
        for codes, idempotent in (((75, 3), True), ((), False), (None, False)):
            asked = TaskSpec(script=BODY, retries=2, retry_exit_codes=codes, idempotent=idempotent, hold=True)
            task = engine.add(asked)
            like = taken_over(task, engine.result(task.id), BODY, Settings())
            spec, problems = read(like.fields, RunScript(BODY, "a", "sh", "standard", taken=like), Settings())
            assert spec is not None, problems
            assert (spec.retries, spec.retry_exit_codes, spec.idempotent) == (2, codes, idempotent)
            assert ("tried again only after exit code 75, 3" in like.said) == bool(codes)
            assert ("no harm when run twice" in like.said) == idempotent


def test_what_nobody_kept_is_said(scripts: ScriptedEngine) -> None:
    task = scripts.put(name="x", policy=ExecutionPolicy.RESTRICTED)
    like = taken_over(task, scripts.result(task.id), BODY, Settings())
    assert like.policy == "restricted" and "is not on record" in like.said


REMARKED = "#!/bin/bash\ncd /tmp\nls *.log | wc -l\n"


async def test_the_form_counts_what_the_pane_counts(
    scripts: ScriptedEngine, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what ShellCheck says, on which no verdict rests; and what comes while the form is open."""
    engine = Engine(Settings(), state_dir=scripts.paths.root)
    monkeypatch.setattr(scripts, "plan", engine.plan)
    async with editing(scripts) as (pilot, screen):
        screen.open_text(REMARKED, "fix.sh", "bash")
        await reviewed(pilot, screen)
        state = screen.live.state
        assert state.reviewed is not None
        review = state.reviewed.review
        advice = Finding("SC2035", Severity.INFO, "Use ./*glob*", 3, 4, 3, 9, 25, 30)
        more = replace(review, findings=(*review.findings, advice))
        own_number = sum(wiki(one.rule) is None for one in more.findings)
        screen.live.state = replace(state, reviewed=replace(state.reviewed, review=more))
        form = await form_of(pilot)
        await until(pilot, lambda: form.seen is not None)
        assert form.seen is not None
        assert len(form.seen.spec["findings"]) == len(more.findings) > own_number
        twice = replace(more, findings=(*more.findings, advice))
        screen.live.state = replace(state, reviewed=replace(state.reviewed, review=twice))
        form.advised()
        await until(pilot, lambda: form.seen is not None and len(form.seen.spec["findings"]) == len(more.findings) + 1)


async def test_a_review_that_comes_when_the_form_is_being_left_hurts_nobody(scripts: ScriptedEngine, own: Path) -> None:
    async with editing(scripts) as (pilot, screen):
        screen.open_text("#!/bin/sh\necho one\n", "one.sh", "sh")
        form = await form_of(pilot)
        await until(pilot, lambda: form.seen is not None)
        form.dismiss(None)
        await until(pilot, lambda: not form.is_attached)
        form.advised()
        assert not form.is_current


async def test_what_is_said_of_the_effects_is_not_cut(scripts: ScriptedEngine, own: Path) -> None:
    async with editing(scripts, size=(160, 45)) as (pilot, screen):
        screen.open_text("#!/bin/sh\necho one\n", "one.sh", "sh")
        await reviewed(pilot, screen)
        await until(pilot, lambda: "change nothing, and read nothing" in shown(pilot))
        words = [line.rpartition("▏")[2].strip() for line in shown(pilot).splitlines()]
        assert "that is known" in " ".join(words) or "is known" in " ".join(words)
        assert not any("nothing" in line and "…" in line for line in words)
