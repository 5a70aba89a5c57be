"""What reports and the preview say of a long output: numbers that are so, and all that was not kept."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from opsconsole.execution.showing import Hiding
from opsconsole.reporting import documents, formats
from opsconsole.reporting.comparison import compare
from opsconsole.reporting.printed import LeftOut, line_count, lost_at_the_end, read_output, shortened
from opsconsole.reporting.runs import Run, read_run
from opsconsole.tui.screens.history import run_rows
from opsconsole.tui.screens.history.sheet import text_of
from tests.tui.fake_engine import NOW
from tests.tui.history.record import RecordEngine


def numbered(first: int, last: int) -> bytes:
    return b"".join(b"%d\n" % n for n in range(first, last))


@pytest.fixture
def engine(tmp_path: Path) -> RecordEngine:
    return RecordEngine(tmp_path / "state")


def cut(engine: RecordEngine, first: int, behind: int, last: int) -> int:
    """A run of whose lines those from `first` up to `behind` were not kept."""
    head, tail = numbered(0, first), numbered(behind, last)
    task_id = engine.ran("cut", output=head + tail, index=False)
    folder = engine.paths.run_folder(f"{task_id}.1")
    lost = len(numbered(first, behind))
    gap = {"offset": len(head), "bytes": lost, "lost_at_end": 0}
    output = {"stdout_bytes": len(head) + lost + len(tail), "stderr_bytes": 0, "truncated": True, "stdout_gap": gap}
    (folder / "timing").write_bytes(b"o 0.1 %d\n" % output["stdout_bytes"])
    (folder / "result.json").write_text(json.dumps({"output": output}))
    engine.record.execute(
        "UPDATE execution SET result = json_set(result, '$.output', json(?)) WHERE task_id = ?",
        (json.dumps(output), task_id),
    )
    return task_id


def preview(run: Run) -> str:
    return "\n".join(text_of(row).rstrip() for row in run_rows.brief(run, (), (), 100, NOW))


def brief(engine: RecordEngine, task_id: int, count: int | None = None) -> Run:
    return read_run(engine, engine.task(task_id), head=16 * 1024, tail=16 * 1024, count=count)


def test_a_report_counts_the_lines_it_leaves_out(engine: RecordEngine) -> None:
    run = read_run(engine, engine.task(engine.ran("seq", output=numbered(1, 300_001), index=False)))
    texts = [one.text for one in run.output]
    at = texts.index("⋯ 291,000 lines left out ⋯")
    assert texts[at - 1 : at + 2] == ["3000", "⋯ 291,000 lines left out ⋯", "294001"]
    assert run.left_out == LeftOut(291_000, len(numbered(3001, 294_001)))
    assert "⋯ 291,000 lines left out ⋯" in formats.render(documents.of_run(run, NOW), "md")


def test_the_preview_counts_them_too(engine: RecordEngine) -> None:
    said = preview(brief(engine, engine.ran("seq", output=numbered(1, 300_001), index=False)))
    assert "  4\n⋯ 299,986 lines ⋯\n  299991\n" in said and " 300,000 lines" in said


def test_the_preview_tells_bytes_where_counting_would_take_long(engine: RecordEngine) -> None:
    run = brief(engine, engine.ran("seq", output=numbered(1, 300_001), index=False), count=1_000_000)
    assert "⋯ 1.90 MiB ⋯" in preview(run) and " 1.90 MiB\n" in preview(run) and "lines ⋯" not in preview(run)
    assert run.left_out.lines is None


def test_what_was_not_kept_is_told_with_what_is_left_out(engine: RecordEngine) -> None:
    run = read_run(engine, engine.task(cut(engine, 50_000, 400_000, 600_000)))
    lost = len(numbered(50_000, 400_000))
    note = next(one.text for one in run.output if one.stream == "note")
    assert note == f"⋯ 241,000 lines left out, 2.29 MiB ({lost:,} bytes) of stdout not kept ⋯"
    assert (run.output[2999].text, run.output[3001].text) == ("2999", "594000")
    document = documents.of_run(run, NOW)
    assert dict(documents.facts_of(run))["not kept"].startswith(f"2.29 MiB ({lost:,} bytes) of stdout, after its first")
    assert document.data["output_bytes_not_kept"] == lost and document.data["output_lines_left_out"] == 241_000
    said = preview(brief(engine, run.task.id))
    assert "⋯ 249,986 lines, 2.29 MiB of stdout not kept ⋯" in said and "≥ 250,000 lines" in said


def test_what_was_not_kept_of_a_short_output_is_told(engine: RecordEngine) -> None:
    run = read_run(engine, engine.task(cut(engine, 10, 100_000, 100_010)))
    assert [one.text for one in run.output[9:12]] == [
        "9", f"⋯ 575 KiB ({len(numbered(10, 100_000)):,} bytes) of stdout not kept ⋯", "[redacted:torn]",
    ]  # fmt: skip
    assert line_count(run.output) == "≥ 20 lines" and "≥ 20 lines" in preview(run)
    assert "of stdout not kept ⋯" in preview(run)


def test_no_line_of_the_other_stream_comes_twice(tmp_path: Path) -> None:
    """It came early, and so it is in the first part; the last part begins much later."""
    out = numbered(0, 200_000)
    (tmp_path / "stdout").write_bytes(out)
    (tmp_path / "stderr").write_bytes(b"early\nlate\n")
    (tmp_path / "timing").write_text(f"o 0.1 4000\ne 0.2 6\no 0.3 {len(out) - 8000}\ne 0.4 5\no 0.5 4000\n")
    (tmp_path / "result.json").write_text('{"output": {}}')
    lines = read_output(tmp_path, Hiding(), 50_000, 50_000)
    assert [one.text for one in lines if one.stream == "stderr"] == ["early", "late"]
    assert line_count(lines) == "200,002 lines", "a turn may end within a line"
    numbers = [int(one.text) for one in lines if one.stream == "stdout"]
    assert numbers[0] == 0 and numbers[-1] == 199_999


@pytest.mark.parametrize("seed", range(8))
def test_lines_are_counted_as_anybody_counts_them_wherever_a_stream_s_turn_ends(tmp_path: Path, seed: int) -> None:
    """However much of them is shown, and with an end without a newline."""
    luck = random.Random(seed)
    texts = {
        name: b"".join(b"%s %d\n" % (name.encode(), at) for at in range(4_000))[: luck.choice((None, -1))]
        for name in ("stdout", "stderr")
    }
    left = {name: len(text) for name, text in texts.items()}
    turns = []
    while any(left.values()):
        name = luck.choice([name for name, count in left.items() if count])
        count = min(left[name], luck.randint(1, 9_000))
        left[name] -= count
        turns.append(f"{name.removeprefix('std')[0]} 0.1 {count}\n")
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text)
    (tmp_path / "timing").write_text("".join(turns))
    (tmp_path / "result.json").write_text('{"output": {}}')
    for part in (1 << 20, 16_000, 5_000):
        assert line_count(read_output(tmp_path, Hiding(), part, part)) == "8,000 lines", (seed, part)
    shown = shortened(read_output(tmp_path, Hiding(), 16_000, 16_000), 4, 10)
    assert line_count(shown) == "8,000 lines"


def test_what_a_full_disk_cost_is_told() -> None:
    [note] = lost_at_the_end({"stdout_gap": {"offset": 9, "bytes": 0, "lost_at_end": 1234}, "stderr_gap": None})
    assert note.text == "⋯ the last 1,234 bytes of stdout could not be kept ⋯"


def test_outputs_that_differ_in_what_is_left_out_are_not_called_the_same(engine: RecordEngine) -> None:
    """They are read whole, and yet not all of their lines are shown and compared."""
    first = engine.ran("a", output=b"x\n" * 20_000, index=False)
    second = engine.ran("a", output=b"x\n" * 8_000 + b"y\n" * 4_000 + b"x\n" * 8_000, index=False)
    one, other = (read_run(engine, engine.task(task_id)) for task_id in (first, second))
    found = compare(one, other)
    assert not found.output.same and "21.5 KiB of #1" in found.output.left_out
