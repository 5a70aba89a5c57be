"""What the pages of a run say, from records of the engine and from hostile ones; no app but where one must be seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsconsole.engine import Engine
from opsconsole.errors import ConsoleError
from opsconsole.models import Status, TaskSpec
from opsconsole.samples import RunUsage
from opsconsole.settings import Settings
from opsconsole.storage.costs import Cost
from opsconsole.tui.glyphs import ASCII
from opsconsole.tui.keymap import clashes
from opsconsole.tui.screens.tasks import pager
from opsconsole.tui.screens.tasks.events_page import noted
from opsconsole.tui.screens.tasks.page_view import wrapped
from opsconsole.tui.screens.tasks.rows import short_size
from opsconsole.tui.screens.tasks.titles import counts_cells
from opsconsole.tui.screens.tasks.usage_page import usage_lines
from opsconsole.tui.widgets.cells import Cell
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.hostile import Seen
from tests.tui.scenes import HOSTILE
from tests.tui.tasks.scene import FINDINGS, opened, page
from tests.tui.waiting import until


def test_a_key_of_a_pane_may_be_the_modes_too_but_not_the_consoles_nor_its_neighbours() -> None:
    assert clashes({"next_hit": "n", "submit": "n"}) == []
    assert [clash[1:] for clash in clashes({"next_hit": "q"})] == [("quit", "next_hit")]
    assert [clash[1:] for clash in clashes({"next_hit": "j"})] == [("next_hit", "down")]
    assert [clash[1:] for clash in clashes({"next_hit": "N"})] == [("next_hit", "previous_hit")]


def test_what_the_engine_keeps_of_a_run_is_there_for_the_list_and_the_pages(tmp_path: Path) -> None:
    spec = TaskSpec(script="echo hi", args=("a b",), env={"PGHOST": "db"}, cwd=tmp_path)
    with Engine(Settings(), state_dir=tmp_path / "state") as engine:
        result = engine.run_sync(spec)
        cost = engine.costs([result.task_id, 99])[result.task_id]
        asked = engine.asked(result.task_id)
        notes = noted(engine.paths.run_folder(result.execution_id))
    assert isinstance(cost, Cost) and cost.cpu_s is not None and cost.rss_bytes
    assert (asked.args, asked.cwd, asked.environment_names) == (("a b",), str(tmp_path), ("PGHOST",))
    assert notes.supervisor == result.supervision["supervisor"] and notes.commands == ()


def test_a_folder_that_is_not_there_has_nothing_noted(tmp_path: Path) -> None:
    assert noted(tmp_path / "missing") == noted(tmp_path)


async def test_hostile_records_are_harmless_on_every_page(engine: FakeEngine) -> None:
    task = engine.put(
        name=HOSTILE, status=Status.FAILED, reason=HOSTILE, actor=HOSTILE, host=HOSTILE, door=HOSTILE,
        ssh_client=HOSTILE, labels={HOSTILE: HOSTILE}, interpreter=HOSTILE, started_at=NOW - SECOND, finished_at=NOW,
        duration_s=1.0, parent_id=1, parent_kind=HOSTILE,
    )  # fmt: skip
    engine.scripts[task.id] = HOSTILE.encode("utf-8", "surrogatepass") * 3
    engine.report(
        task.id, verdict="refuse", findings=[{**FINDINGS[0], "message": HOSTILE, "rule": HOSTILE}],
        effects=[{"kind": "read", "target": HOSTILE, "command": "x", "line": 1, "column": 1}],
        supervision={"leftovers": [{"pid": 4, "name": HOSTILE}], "survivors": [{"pid": 5, "name": HOSTILE}]},
        containment={"provider": HOSTILE, "degraded": [HOSTILE], "notes": [HOSTILE]},
    )  # fmt: skip
    async with opened(engine, (160, 45)) as pilot:
        for key in "vuei":
            await pilot.press(key)
            await until(pilot, lambda: page(pilot))
            Seen().check(pilot, "here")


# -- parts


def test_usage_of_nothing_says_why() -> None:
    for live, word in ((True, "yet"), (False, "first second")):
        lines = usage_lines([], {}, (NOW, NOW), live, ASCII, 80, 20)
        assert word in "".join(cell.text for line in lines for cell in line)


def test_usage_is_never_wider_than_its_room() -> None:
    series = [RunUsage("1.1", NOW + at * SECOND, 50.0, 10**9, 10**9, 3, 3, at * 1000, 0) for at in range(300)]
    for width in (20, 60, 96, 200):
        span = (NOW, NOW + 300 * SECOND)
        lines = list(usage_lines(series, {"cpu": 0.25, "pids": 64}, span, False, ASCII, width, 40))
        assert all(sum(len(cell.text) for cell in line) <= max(width, 60) for line in lines)


def test_long_lines_go_on_below_their_last_cell() -> None:
    line = (Cell("label ", "faint"), Cell("one two three four", "plain"))
    assert ["".join(cell.text for cell in one) for one in wrapped([line], 16)] == [
        "label one two", "      three four",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("count", "text"), [(812, "812"), (14_300_000, "14M"), (1_240_000_000, "1.2G"), (3e12, "3.0T")]
)
def test_sizes_in_five_cells(count: float, text: str) -> None:
    assert short_size(count) == text


def test_counts_in_the_title() -> None:
    counts = {Status.RUNNING: 2, Status.QUEUED: 4, Status.WAITING: 1, Status.FAILED: 2, Status.TIMED_OUT: 1}
    assert "".join(cell.text for cell in counts_cells(counts)) == "▶ 2 running · ◦ 4 queued · ◌ 1 waiting · ✗ 3 failed"


def test_the_pager_is_the_operators_or_less(tmp_path: Path) -> None:
    less = tmp_path / "less"
    less.write_text("#!/bin/sh\n")
    less.chmod(0o755)
    path = {"PATH": str(tmp_path)}
    assert pager.pager_of(path) == ["less", "-R"] and pager.pager_of({**path, "PAGER": "less"}) == ["less", "-R"]
    assert pager.pager_of({**path, "PAGER": "less -S"}) == ["less", "-S"]
    with pytest.raises(ConsoleError, match="most is not there"):
        pager.pager_of({**path, "PAGER": "most"})
    with pytest.raises(ConsoleError, match="no pager"):
        pager.pager_of({"PATH": str(tmp_path / "none")})


def test_a_pager_of_a_console_that_only_looks_is_less_that_runs_nothing(tmp_path: Path) -> None:
    less = tmp_path / "less"
    less.write_text("#!/bin/sh\n")
    less.chmod(0o755)
    given = {"PATH": str(tmp_path), "PAGER": "vim -", "LESS": "+!id", "LESSOPEN": "|id", "LESSSECURE": "0"}
    command, environ = pager.confined_pager_of(given)
    assert command == [str(less), "-R"] and environ["LESSSECURE"] == "1"
    assert "LESS" not in environ and "LESSOPEN" not in environ
    (tmp_path / "box").mkdir()
    (tmp_path / "busybox").write_text("#!/bin/sh\n")
    (tmp_path / "busybox").chmod(0o755)
    (tmp_path / "box" / "less").symlink_to(tmp_path / "busybox")
    for nothing in ("box", "none"):
        with pytest.raises(ConsoleError, match="kept from running commands"):
            pager.confined_pager_of({"PATH": str(tmp_path / nothing), "PAGER": "more"})
