"""The scripts there are to open, and what can be done to the operator's own."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from opsconsole.tui.screens.editor.autosave import Draft
from opsconsole.tui.screens.editor.library import NameTaken, Own, Section, from_history, narrowed, read_library
from tests.tui.editor.scene import scripted


@pytest.fixture
def own(tmp_path: Path) -> Own:
    return Own(tmp_path / "scripts")


def test_a_link_that_leads_round_in_a_circle_hides_no_other_script(own: Own) -> None:
    own.create("fix.sh", b"#!/bin/sh\n")
    (own.folder / "round.sh").symlink_to("round.sh")
    assert [entry.shown for entry in own.entries()] == ["fix.sh"]


def test_the_folder_and_what_is_made_in_it_are_private(own: Own) -> None:
    path = own.create("fix.sh", b"#!/bin/sh\n")
    assert stat.S_IMODE(own.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert path.read_bytes() == b"#!/bin/sh\n"


def test_nothing_is_written_over(own: Own) -> None:
    first, second = own.create("a.sh", b"1"), own.create("b.sh", b"2")
    with pytest.raises(NameTaken):
        own.create("a.sh", b"other")
    with pytest.raises(NameTaken):
        own.rename(second, "a.sh")
    assert (first.read_bytes(), second.read_bytes()) == (b"1", b"2")
    assert own.rename(second, "c.sh").read_bytes() == b"2"
    assert own.rename(first, "a.sh") == first
    assert [entry.shown for entry in own.entries()] == ["a.sh", "c.sh"]


@pytest.mark.parametrize("name", ["", "  ", "..", "a/b", "/etc/passwd", ".hidden", "x" * 201, "a\0b"])
def test_what_is_no_name_is_refused(own: Own, name: str) -> None:
    with pytest.raises(ValueError):
        own.create(name, b"")
    assert not own.folder.exists()


def test_a_free_name_is_found(own: Own) -> None:
    assert own.free_name("fix.sh") == "fix.sh"
    own.create("fix.sh", b"")
    own.create("fix-2.sh", b"")
    own.create("plain", b"")
    assert own.free_name("fix.sh") == "fix-3.sh"
    assert own.free_name("plain") == "plain-2"


def test_all_sections_in_order_and_hostile_names_are_harmless(own: Own, samples: Path, tmp_path: Path) -> None:
    own.create("\x1b[2J\u202e.sh", b"")
    entries = read_library(own, [Draft("d", "lost\x07.sh", "bash", 1)])
    assert list(dict.fromkeys(entry.section for entry in entries)) == [Section.UNSAVED, Section.MINE, Section.SAMPLES]
    assert entries[0].shown == "lost␇.sh"
    assert entries[1].shown == "␛�.sh"
    found = from_history(scripted(tmp_path / "state"))
    assert [(entry.shown, entry.summary, entry.task) for entry in found] == [
        ("reindex-orders", "#2 running", 2), ("rotate-logs", "#1 completed", 1),
    ]  # fmt: skip
    assert len({entry.key for entry in [*entries, *found]}) == len(entries) + len(found)


def test_an_unsaved_file_is_marked_where_it_stands(own: Own, samples: Path) -> None:
    path = own.create("fix.sh", b"")
    drafts = [Draft("a", "fix.sh", "bash", 1, str(path)), Draft("b", "gone.sh", "bash", 1, str(own.folder / "gone.sh"))]
    entries = read_library(own, drafts, {draft.path for draft in drafts})
    shown = [(entry.section, entry.shown, entry.unsaved) for entry in entries if entry.section is not Section.SAMPLES]
    assert shown == [(Section.UNSAVED, "gone.sh", True), (Section.MINE, "fix.sh", True)]


def test_the_same_text_of_several_tasks_is_listed_once(tmp_path: Path) -> None:
    engine = scripted(tmp_path)
    engine.put(name="rotate-logs", script_sha256="rotate-logs".ljust(64, "0"))
    assert [entry.task for entry in from_history(engine)] == [3, 2]


def test_words_narrow_it(own: Own, samples: Path) -> None:
    entries = read_library(own)
    assert [entry.shown for entry in narrowed(entries, "long")] == ["long_job.sh"]
    assert [entry.shown for entry in narrowed(entries, "SAMPLES ports")] == ["ports.py"]
    assert narrowed(entries, "nothing") == []
