"""What the console is and where it keeps what, on a real state directory; without a screen."""

from __future__ import annotations

from pathlib import Path

from opsconsole.paths import StatePaths
from opsconsole.storage import database
from opsconsole.tui.screens.settings import about
from tests.conftest import OpenEngine


async def test_a_real_engine_is_described(open_engine: OpenEngine, state_dir: Path, tmp_path: Path) -> None:
    engine = await open_engine()
    lines = {
        f"{one.topic} {one.name}": one.text
        for one in (
            *about.versions(), *about.places(engine, tmp_path / "c.toml", tmp_path / "k.toml"), *about.sizes(engine),
            *about.consoles(engine),
        )
    }  # fmt: skip
    assert lines["On the disk database"].endswith(f"schema {database.known_version()}")
    assert "KiB" in lines["On the disk database"] and lines["On the disk log"] == "none yet"
    assert lines["Places settings"].endswith("(there is none)") and lines["Places state"] == f"~/{state_dir.name}"
    own = next(text for name, text in lines.items() if name.startswith("Consoles pid"))
    assert "this one" in own and "runs what is queued" in own
    assert lines["Consoles monitor"].startswith("nobody watches")


def test_a_file_that_is_no_database_has_no_schema(tmp_path: Path) -> None:
    paths = StatePaths(tmp_path)
    paths.database.write_bytes(b"no database" * 100)
    assert about.schema_of(paths.database) == ""
    assert about.schema_of(tmp_path / "none") == ""


def test_the_size_of_a_folder_is_of_all_in_it_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"x" * 1000)
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    size, all_of_it = about.folder_size(tmp_path / "a")
    assert all_of_it and 1000 <= size < 1300


def test_what_terminal_this_is() -> None:
    known = about.Terminal((80, 24), "256", "block", False)
    environ = {"TERM": "screen-256color", "TMUX": "/tmp/x", "SSH_CONNECTION": "10.0.4.7 1 10.0.4.1 22"}
    lines = {one.name: one.text for one in about.terminal(environ, known)}
    assert lines["TERM"] == "screen-256color, inside tmux"
    assert (lines["over"], lines["mouse"]) == ("SSH, from 10.0.4.7", "left to the terminal")
    assert {one.name: one.text for one in about.terminal({}, known)}["over"] == "this host's own"
