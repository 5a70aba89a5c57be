"""What a run was called with, and what it cost, is in every report of it, without secrets and without false figures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsconsole.engine import Engine
from opsconsole.models import ExecutionResult, ResourceLimits, Status, TaskSpec
from opsconsole.reporting import documents, formats
from opsconsole.reporting.comparison import Comparison, Pair, compare
from opsconsole.reporting.invocation import called_with, limits_of, limits_said
from opsconsole.reporting.peak import Peak, peak_of
from opsconsole.reporting.runs import Run, read_run
from opsconsole.settings import Settings
from opsconsole.tui.screens.history import comparison_rows, run_rows
from opsconsole.tui.screens.history.sheet import text_of
from tests.tui.fake_engine import NOW
from tests.tui.history.record import HOSTILE, SECRET, RecordEngine

CALLED = {"args": ["300", "a b"], "cwd": "/srv", "environment_names": ["PGHOST"], "limits_asked": ["memory"]}
BORNE = {
    "timeout_s": 300.0, "output": 0, "memory": {"value": 40 << 20, "tier": "cgroup2"},
    "open_files": {"value": 64, "tier": None}, "core": {"value": 0, "tier": "rlimit"},
}  # fmt: skip


def fact(found: Comparison, label: str) -> Pair:
    return next(pair for pair in found.pairs if pair.label == label)


@pytest.fixture
def record(tmp_path: Path) -> RecordEngine:
    return RecordEngine(tmp_path / "state")


def run(record: RecordEngine, invocation: dict[str, Any] | None = None, **given: Any) -> Run:
    made = read_run(record, record.task(record.ran("printer", **given)))
    result = replace(made.result, invocation=CALLED if invocation is None else invocation)
    return replace(made, result=replace(result, containment={**result.containment, "limits": BORNE}))


def test_the_engine_s_own_record_has_what_a_run_was_called_with_and_no_secret_of_it(tmp_path: Path) -> None:
    limits = ResourceLimits(open_files=128)
    spec = TaskSpec(
        script="exit 3", args=("a b", f"--token={SECRET}"), env={"PGHOST": "db-07"}, cwd=tmp_path, limits=limits,
        timeout_s=20, reason="ticket 7",
    )  # fmt: skip
    with Engine(Settings(), state_dir=tmp_path / "state") as engine:
        result = engine.run_sync(spec)
        found = read_run(engine, engine.task(result.task_id))
        document = documents.of_run(found, NOW)
        again = engine.result(result.task_id).to_json()["invocation"]
    facts = dict(documents.facts_of(found))
    assert facts["arguments"].startswith("'a b' ") and SECRET not in facts["arguments"]
    assert (facts["folder"], facts["variables"], facts["asked for"]) == (str(tmp_path), "PGHOST", "ticket 7")
    assert facts["limits"].startswith("open files 128 (") and "asked for), timeout 20 s" in facts["limits"]
    assert again["environment_names"] == ["PGHOST"] and again["limits_asked"] == ["open_files"]
    for format in ("md", "html", "json"):
        text = formats.render(document, format)
        assert "a b" in text and "PGHOST" in text and SECRET not in text and "db-07" not in text, format
    assert json.loads(formats.render(document, "json"))["result"]["invocation"]["cwd"] == str(tmp_path)


def test_a_page_of_the_history_has_it_and_the_preview_only_what_is_not_as_usual(record: RecordEngine) -> None:
    given, plain = run(record), run(record, {**CALLED, "args": []})
    text = "\n".join(text_of(row).rstrip() for row in run_rows.whole(given, 120, NOW))
    assert "arguments      300 'a b'\n" in text and "folder         /srv\n" in text
    assert "limits         memory 40 MiB (cgroup2, asked for), timeout 5 min, output all kept" in text
    for one, said in ((given, True), (plain, False)):
        rows = run_rows.brief(one, (), (), 100, NOW)
        assert any(text_of(row).startswith("arguments") for row in rows) is said
    assert "arguments      none\n" in "\n".join(text_of(row).rstrip() for row in run_rows.whole(plain, 120, NOW))


def test_labels_stand_apart_from_what_they_are_of(record: RecordEngine) -> None:
    made = run(record, metrics={"read_bytes": 0, "write_bytes": 0})
    for row in run_rows.whole(made, 100, NOW):
        if len(row) == 2 and row[0].tone == "faint":
            assert row[0].text.endswith(" "), row[0].text


def test_two_runs_of_one_script_differ_by_what_they_were_called_with(record: RecordEngine) -> None:
    longer = {**CALLED, "args": ["--since", "2026-11-01", "--until", "2026-11-20", "--host", "web-03", "--verbose"]}
    one, other = run(record, {**CALLED, "args": []}), run(record, longer)
    smaller = {**BORNE, "memory": {"value": 8 << 20, "tier": "cgroup2"}}
    other = replace(other, result=replace(other.result, containment={**other.result.containment, "limits": smaller}))
    found = compare(one, other)
    pair = fact(found, "arguments")
    assert (pair.before, pair.differs) == ("none", True) and pair.after.endswith("--verbose")
    assert fact(found, "limit memory")[1:4] == ("40 MiB", "8 MiB", True)
    assert not any(pair.label == "limit timeout" for pair in found.pairs), "it is the same"
    text = "\n".join(text_of(row) for row in comparison_rows.rows_of(found, 100))
    assert "--verbose" in text, "what differs is not cut off"
    assert max(len(text_of(row)) for row in comparison_rows.rows_of(found, 100)) <= 100


def test_what_a_run_was_called_with_is_harmless(record: RecordEngine) -> None:
    evil = {"args": [HOSTILE, SECRET], "cwd": HOSTILE, "environment_names": [HOSTILE], "reason": SECRET,
            "allow": [HOSTILE], "writable": [HOSTILE], "stdin": HOSTILE, "allow_network": True}  # fmt: skip
    made = run(record, evil)
    text = "".join(said for _, said in called_with(made.result, made.harmless.line))
    assert SECRET not in text and not any(sign in text for sign in "\x1b\x07\u202e\x9b\u200b")
    assert "the network" in text


def test_where_nobody_kept_it_nothing_is_said(record: RecordEngine) -> None:
    made = run(record, {})
    assert called_with(made.result, str) == []
    assert "arguments" not in dict(documents.facts_of(made))


def test_limits_are_said_with_who_bears_them(record: RecordEngine) -> None:
    made = run(record).result
    assert limits_said(made) == (
        "memory 40 MiB (cgroup2, asked for), timeout 5 min, output all kept, open files 64 (not enforced)"
    )
    assert limits_of(made) == {"timeout": "5 min", "output": "all kept", "memory": "40 MiB", "open files": "64"}


# -- memory


def result_with(**metrics: Any) -> ExecutionResult:
    empty: dict[str, Any] = dict.fromkeys(ExecutionResult.__dataclass_fields__)
    return ExecutionResult(**{**empty, "metrics": metrics})


def sampled(folder: Path, *rss: int) -> None:
    columns = ["time_us", "rss_bytes", "cpu_percent", "processes", "threads", "read_bytes", "write_bytes",
               "connections"]  # fmt: skip
    lines = [{"columns": columns, "source": "sampled"}, *([at, one, 1.0, 1, 1, 0, 0, 0] for at, one in enumerate(rss))]
    folder.mkdir(exist_ok=True)
    (folder / "usage").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize(
    ("metrics", "samples", "said"),
    [
        ({"max_rss_bytes": 12 << 20, "max_rss_is_upper_bound": True}, (), "≤ 12 MiB"),
        ({"max_rss_bytes": 12 << 20, "max_rss_is_upper_bound": True}, (3 << 20, 5 << 20, 1), "5 MiB as sampled"),
        ({"max_rss_bytes": 12 << 20, "max_rss_is_upper_bound": False}, (3 << 20,), "12 MiB"),
        ({"max_rss_bytes": 12 << 20, "max_rss_is_upper_bound": True, "memory_peak_bytes": 2 << 20}, (), "2 MiB"),
        ({}, (), ""),
    ],
)
def test_the_peak_of_memory_is_a_figure_or_said_to_be_a_bound(
    tmp_path: Path, metrics: dict[str, Any], samples: tuple[int, ...], said: str
) -> None:
    if samples:
        sampled(tmp_path, *samples)
    assert peak_of(result_with(**metrics), tmp_path).said == said


def test_a_bound_is_not_compared(record: RecordEngine) -> None:
    one, other = (replace(run(record), peak=Peak(size << 20, bound=bound)) for size, bound in ((12, True), (90, False)))
    pair = fact(compare(one, other), "memory, peak")
    assert (pair.before, pair.after, pair.said, pair.worse) == ("≤ 12 MiB", "90 MiB", "", None)


# -- why, and when


def test_the_limit_that_ended_a_run_is_said_in_words(record: RecordEngine) -> None:
    made = run(record, status=Status.FAILED, exit_code=137, reason="memory_limit")
    assert dict(documents.facts_of(made))["reason"] == "it reached its memory limit"
    assert documents.of_run(made, NOW).data["result"]["reason"] == "memory_limit", "programs read its name"
    text = "\n".join(text_of(row) for row in run_rows.whole(made, 100, NOW))
    assert "failed memory limit" in text and "memory_limit" not in text


def test_a_screen_has_the_clock_of_this_host_and_a_file_that_travels_utc(
    record: RecordEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC-5:30")  # which is east of it
    time.tzset()
    try:
        made = run(record)
        found = compare(made, made)
        page = "\n".join(text_of(row) for row in run_rows.whole(made, 120, NOW))
        beside = "\n".join(text_of(row) for row in comparison_rows.rows_of(found, 120))
        report = formats.render(documents.of_run(made, NOW), "md")
        both = formats.render(documents.of_comparison(found, NOW), "md")
    finally:
        monkeypatch.undo()
        time.tzset()
    utc = dict(documents.facts_of(made))["started"]
    assert utc.endswith(" UTC") and utc in report and utc in both
    assert "UTC" not in page and "UTC" not in beside
    hours, minutes = map(int, utc[11:16].split(":"))
    later = (hours * 60 + minutes + 330) % 1440
    assert f"{later // 60:02}:{later % 60:02}:{utc[17:19]}" in page
