"""`x`: what is seen, as SVG and as text, whatever it holds."""

from __future__ import annotations

import errno
import os
import re
import stat
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static

from opsconsole.tui import picture
from opsconsole.tui.picture_shapes import SHAPED, outline
from tests.tui.fake_engine import NOW
from tests.tui.scenes import HOSTILE, console, mixed
from tests.tui.waiting import shown, started, table, told, until


async def test_x_writes_what_is_seen_as_svg_and_text(tmp_path: Path) -> None:
    engine = mixed(tmp_path / "state")
    engine.put(name=HOSTILE)
    folder = tmp_path / "state" / "pictures"
    async with console(engine).run_test(size=(120, 36), notifications=True) as pilot:
        await started(pilot)
        await until(pilot, lambda: len(table(pilot).tasks) > 5)
        seen = shown(pilot)
        pilot.app.notify("nobody minds")
        await until(pilot, lambda: "nobody minds" in shown(pilot))
        await pilot.press("x")
        await until(pilot, lambda: folder.exists() and len(list(folder.iterdir())) == 2)
        await until(pilot, lambda: "tasks-20" in told(pilot))  # it says where
        await until(pilot, lambda: "nobody minds" in shown(pilot))  # the notice stays on the screen
    svg, text = sorted(folder.iterdir())
    assert (svg.suffix, text.suffix) == (".svg", ".txt")
    assert text.read_text().splitlines() == [line.rstrip() for line in seen.splitlines()]
    root = ElementTree.fromstring(svg.read_text())  # noqa: S314 - our own
    assert "reindex" in "".join(root.itertext()).replace("\u00a0", " ")
    assert "http" not in svg.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not any(ord(char) < 32 and char not in "\n\t" for char in svg.read_text() + text.read_text())
    assert {stat.S_IMODE(file.stat().st_mode) for file in (svg, text)} == {0o600}


async def test_a_link_in_the_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    engine = mixed(tmp_path / "state")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "state" / "pictures").symlink_to(elsewhere)
    async with console(engine).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        await pilot.press("x")
        await until(pilot, lambda: "could not be written" in told(pilot) and "is not followed" in told(pilot))
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("moment", ["mkdir", "open"])
def test_a_link_put_there_while_it_is_written_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Whoever may rename the folder waits for the very moment: before it is opened, and when it has been."""
    folder, elsewhere, aside = tmp_path / "pictures", tmp_path / "elsewhere", tmp_path / "aside"
    elsewhere.mkdir()
    owner = {"mkdir": Path, "open": os}[moment]
    done = getattr(owner, moment)
    swapped: list[str] = []

    def swap_behind(*given: Any, **named: Any) -> Any:
        result = done(*given, **named)
        if not swapped and Path(given[0]) == folder:
            swapped.append(moment)
            folder.rename(aside)
            folder.symlink_to(elsewhere)
        return result

    monkeypatch.setattr(owner, moment, swap_behind)
    with pytest.raises(OSError, match="not followed" if moment == "mkdir" else "put elsewhere"):
        picture.save("<svg/>", "text", folder, "tasks", NOW)
    assert swapped and not os.listdir(elsewhere) and not os.listdir(aside)


def test_who_writes_at_the_same_time_writes_over_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner: list[Any] = []
    renamed = os.rename

    def save_in_between(*given: Any, **named: Any) -> None:
        if not inner:
            inner.append(None)
            inner[0] = picture.save("<svg/>", "second", tmp_path, "tasks", NOW)
        renamed(*given, **named)

    monkeypatch.setattr(os, "rename", save_in_between)
    first = picture.save("<svg/>", "first", tmp_path, "tasks", NOW)
    assert [pair[1].read_text() for pair in (first, inner[0])] == ["first", "second"]
    assert len(os.listdir(tmp_path)) == 4


def test_what_cannot_be_written_whole_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    sync = os.fsync

    def full(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        picture.save("<svg/>", "text", tmp_path / "pictures", "tasks", NOW)
    assert not os.listdir(tmp_path / "pictures")


class Letters(App[None]):
    """Some of all that is drawn as shapes, between letters."""

    TEXT = "cpu ⣀⣤⣶⣿⡇ end\n╭──┬──╮ ▌▏▕█▄▁▀░▒▓▛\n│é e\u0301 漢字 │ …▶  gap\n╰──┴──╯ ┏━┓ ┄┊"

    def compose(self) -> ComposeResult:
        yield Static(self.TEXT, markup=False)


async def test_graphs_blocks_and_lines_are_shapes_in_their_cells() -> None:
    async with Letters().run_test(size=(60, 8)) as pilot:
        drawn = picture.svg_of(pilot.app)
    root = ElementTree.fromstring(drawn)  # noqa: S314 - our own
    said = "".join(root.itertext()).replace("\u00a0", " ")
    assert not SHAPED.search(said) and "⣿" not in drawn
    assert all(word in said for word in ("cpu", "end", "gap", "漢字", "e\u0301", "▶"))
    paths = list(root.iter("{http://www.w3.org/2000/svg}path"))
    assert len(paths) == 4, "one a style and line"
    assert all(re.fullmatch(r"[MmhvqzZ0-9 .-]+", one.attrib["d"]) for one in paths)
    assert paths[0].attrib["d"].count("z") == 2 + 4 + 6 + 8 + 4, "a box a dot"
    ends = [one for one in root.iter("{http://www.w3.org/2000/svg}text") if one.text == "end"]
    assert ends[0].attrib["x"] == f"{12.2 * 10:.1f}".removesuffix(".0"), "a text begins anew after what is drawn"


def test_what_touches_is_one_shape() -> None:
    assert outline(list(enumerate("───"))) == "M0 3.75h12v.5h-12z"
    assert outline([(0, "⠉"), (1, "⠀"), (2, "⠁")]) == "M.5 .5h1v1h-1zm2 0h1v1h-1zm6 0h1v1h-1z"
    assert outline([(0, "█"), (1, "█"), (3, "█")]).count("z") == 2


def test_no_picture_is_written_over(tmp_path: Path) -> None:
    pairs = {picture.save("<svg/>", "text", tmp_path, "tasks", NOW) for _ in range(3)}
    assert len(pairs) == 3 and len(list(tmp_path.iterdir())) == 6


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    engine = mixed(tmp_path / "state")
    (tmp_path / "state" / "pictures").write_text("a file where the folder should be")
    async with console(engine).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        await pilot.press("x")
        await until(pilot, lambda: "could not be written" in told(pilot))
    assert os.listdir(tmp_path / "state").count("pictures") == 1
