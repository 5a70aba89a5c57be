"""The parts of the history's mode that need no screen: its filter language, its listing, its rows."""

from __future__ import annotations

from array import array
from dataclasses import replace
from pathlib import Path

import pytest

from opsconsole.models import ENDED, Status, Task
from opsconsole.reporting.comparison import compare
from opsconsole.reporting.document import Harmless
from opsconsole.reporting.runs import read_run
from opsconsole.storage.archive import Archive
from opsconsole.storage.history import Filter
from opsconsole.tui.filters import FAILED, FilterError
from opsconsole.tui.glyphs import ASCII, BLOCK, BRAILLE, GlyphSet
from opsconsole.tui.screens.history import comparison_rows, kin_rows, run_rows, statistics_rows
from opsconsole.tui.screens.history.listing import PAGE, PAGES, Listing
from opsconsole.tui.screens.history.query import parse, try_instead
from opsconsole.tui.screens.history.sheet import text_of
from tests.tui.fake_engine import _BLANK, NOW, SECOND
from tests.tui.history.record import believable

HOUR = 3600 * SECOND

# -- the filter language


def test_bare_words_are_looked_for_in_everything() -> None:
    found = parse("kernel  Panic", NOW)
    assert found.filter == Filter(statuses=ENDED, text="kernel panic")
    assert found.words == ("kernel", "panic")


def test_the_language_of_the_tasks_and_what_only_a_record_knows() -> None:
    found = parse(
        "state=failed,timed exit=3 policy:elev by:Dep #17 host:db since:24h until:1h longer:10s shorter:2m pinned "
        "name:back* door:tui label:team=db",
        NOW,
    ).filter
    assert found == Filter(
        statuses=FAILED, exit_code=3, policies=frozenset({"elevated"}),
        actor_part="dep", task_id=17, host_part="db", ended_since_us=NOW - 24 * HOUR, ended_until_us=NOW - HOUR,
        longer_s=10.0, shorter_s=120.0, pinned=True, name="back*", door="tui", label=("team", "db"),
    )  # fmt: skip


@pytest.mark.parametrize("line", ["since:", "longer:", "by:", "state:", "host:"])
def test_a_key_that_is_still_being_typed_narrows_nothing(line: str) -> None:
    assert parse(line, NOW).filter == Filter(statuses=ENDED)


@pytest.mark.parametrize(
    ("line", "said"), [("since:x", "takes a time"), ("colour:red", "longer:"), ("policy:wild", "no such policy"),
                       ("longer:-3s", "takes a time"), ("exit:a", "number"), ("since:nan", "takes a time")],
)  # fmt: skip
def test_what_makes_no_sense_is_said(line: str, said: str) -> None:
    with pytest.raises(FilterError, match=said):
        parse(line, NOW)


def test_a_bare_status_is_the_status_or_the_word() -> None:
    found = parse("disk Failed", NOW)
    assert found.filter == Filter(statuses=ENDED, text="disk", text_or_status=(("failed", FAILED),))
    assert found.words == ("disk", "failed")
    assert Status.RUNNING in parse("running", NOW).filter.statuses
    assert parse("state:failed", NOW).filter.statuses == FAILED


def test_days_begin_at_midnight_and_end_at_the_next() -> None:
    yesterday = parse("since:yesterday until:yesterday", NOW).filter
    assert yesterday.ended_until_us == parse("since:today", NOW).filter.ended_since_us
    since, until = yesterday.ended_since_us, yesterday.ended_until_us
    assert since is not None and until is not None and since < until <= NOW
    assert 23 * HOUR <= until - since <= 25 * HOUR


@pytest.mark.parametrize(
    ("line", "said"),
    [("faild", "try state:failed since:24h"), ("since:2h", "since:7d"), ("zzz", "state:failed"), ("exit:3", "")],
)
def test_where_nothing_passes_the_nearest_filter_is_named(line: str, said: str) -> None:
    hint = try_instead(parse(line, NOW))
    assert said in hint and bool(said) == bool(hint)


def test_a_fact_is_parted_between_words() -> None:
    assert run_rows.folded_words("deletes files named at run time", 13) == ["deletes files", "named at run", "time"]
    assert run_rows.folded_words("a" * 9 + " b", 4) == ["aaaa", "aaaa", "a b"]


# -- the listing


def tasks(*ids: int) -> list[Task]:
    return [replace(_BLANK, id=task_id) for task_id in ids]


def test_a_listing_of_any_length_holds_few_rows() -> None:
    listing = Listing(array("q", range(100_000, 0, -1)))
    for page in range(500):
        listing.keep(page, tasks(*listing.ids_of(page)))
    assert listing.held == PAGE * PAGES <= 1000
    assert listing.at(0) is None
    row = listing.at(499 * PAGE)
    assert row is not None
    assert row.id == listing.ids[499 * PAGE]


def test_only_pages_that_are_seen_are_missing() -> None:
    listing = Listing(array("q", range(1000)))
    assert listing.missing(-40, 80) == [0]
    assert set(listing.missing(180, 260)) == {1, 2}
    assert listing.missing(980, 1100) == [9]
    listing.keep(9, tasks(*listing.ids_of(9)))
    assert listing.missing(980, 1100) == []
    assert Listing().missing(0, 50) == []
    assert len(listing.missing(0, 99_999)) <= PAGES


def test_a_row_is_found_by_its_id_and_taken_over() -> None:
    listing = Listing(array("q", [5, 4, 3]))
    listing.keep(0, tasks(5, 4, 3))
    assert listing.take(replace(_BLANK, id=4, pinned=True))
    assert not listing.take(replace(_BLANK, id=9))
    longer = Listing(array("q", [4, 3]))
    longer.take_over(listing, 0)
    row = longer.at(0)
    assert row is not None
    assert row.pinned
    assert longer.line_of(3) == 1
    assert longer.line_of(5) is None


# -- rows


def test_rows_fit_the_width_and_say_what_matters(tmp_path: Path) -> None:
    engine = believable(tmp_path)
    archive = Archive(engine.paths)
    ids = archive.index(Filter(statuses=ENDED))
    last, before = read_run(engine, engine.task(ids[0])), read_run(engine, engine.task(161))
    for width in (60, 78, 118, 298):
        for rows in (
            run_rows.brief(last, archive.snippets(last.task.id, ["rsync"]), ["rsync"], width, NOW),
            run_rows.whole(last, width, NOW),
        ):
            assert all(len(text_of(row)) <= width for row in rows), width
    text = "\n".join(map(text_of, run_rows.brief(last, [], [], 78, NOW)))
    assert "failed exit 3" in text
    assert "▌ rsync error: code 3" in text
    assert "26 lines" in text
    said = "\n".join(map(text_of, comparison_rows.rows_of(compare(last, before), 118)))
    assert "2.1× slower" in said
    assert "+ rsync -a --delete" in said
    assert "≠" in said
    archive.close()
    engine.record.close()


def test_a_single_run_is_one(tmp_path: Path) -> None:
    engine = believable(tmp_path)
    archive = Archive(engine.paths)
    found = archive.trends(Filter(statuses=ENDED), None, NOW, statistics_rows.buckets_for(78), "name")
    one = replace(found, whole=replace(found.whole, counts={Status.COMPLETED: 1}))
    rows = statistics_rows.rows_of(one, "all", "x", Harmless(), 78, 22, ASCII)
    assert "1 run  " in "\n".join(map(text_of, rows))


@pytest.mark.parametrize("glyphs", [BRAILLE, BLOCK, ASCII])
def test_statistics_are_a_picture_that_also_works_without_colours(tmp_path: Path, glyphs) -> None:  # type: ignore[no-untyped-def]
    engine = believable(tmp_path)
    archive = Archive(engine.paths)
    for width, height in ((78, 22), (158, 43), (298, 98)):
        found = archive.trends(Filter(statuses=ENDED), None, NOW, statistics_rows.buckets_for(width), "name")
        rows = statistics_rows.rows_of(found, "all", "x", Harmless(), width, height, glyphs)
        text = "\n".join(map(text_of, rows))
        assert all(len(text_of(row)) <= width + 1 for row in rows)
        assert "167 runs" in text
        assert ("x failed" if glyphs is ASCII else "✗ failed") in text
        assert "import-orders" in text
        if glyphs is ASCII:
            assert text.replace("─", "").replace("×", "").isascii()
    archive.close()
    engine.record.close()


def test_no_statistics_say_so(tmp_path: Path) -> None:
    engine = believable(tmp_path)
    archive = Archive(engine.paths)
    found = archive.trends(Filter(statuses=ENDED), NOW, NOW + 1, 10, "name")
    rows = statistics_rows.rows_of(found, "24 hours", "", Harmless(), 78, 22, BRAILLE)
    assert "Nothing ended in this time." in "\n".join(map(text_of, rows))
    archive.close()
    engine.record.close()


@pytest.mark.parametrize("glyphs", [BRAILLE, BLOCK, ASCII])
@pytest.mark.parametrize("width", [50, 58, 120])
def test_the_last_runs_of_a_name_are_told_beside_the_longest(glyphs: GlyphSet, width: int) -> None:
    kin = [
        replace(_BLANK, id=9, status=Status.FAILED, exit_code=3, duration_s=5.0, finished_at=NOW),
        replace(_BLANK, id=7, status=Status.COMPLETED, exit_code=0, duration_s=10.0, finished_at=NOW - 30 * HOUR),
        replace(_BLANK, id=4, status=Status.REFUSED, finished_at=NOW - 31 * HOUR),
    ]
    rows = [text_of(row) for row in kin_rows.rows_of(kin, 9, width, NOW, glyphs)]
    assert "1 of 3 ok" in rows[1] and len(rows) == 5
    assert "5s" in rows[2] and "exit 3" in rows[2] and "10s" in rows[3]
    full = glyphs.bar[0]
    assert rows[3].count(full) == 2 * rows[2].count(full) > 0 == rows[4].count(full)
    assert all(len(row) <= width for row in rows)
    assert not list(kin_rows.rows_of(kin[:1], 9, width, NOW, glyphs)), "the only one is compared with nothing"
