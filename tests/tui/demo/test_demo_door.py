"""`opsconsole --demo` in a terminal: marked, and gone without a trace, however it ends."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from opsconsole.cli.main import main
from opsconsole.demo.moment import DemoClock, moment
from opsconsole.demo.place import place, sweep
from opsconsole.errors import UsageError
from tests.tui.test_leaving import Terminal


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where demos live, and beside it a state directory of the operator's own."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    home = tmp_path / "home"
    (home / ".config" / "opsconsole").mkdir(parents=True)
    (home / ".config" / "opsconsole" / "keymap.toml").write_text('quit = "q"\n')
    (home / ".local/state/opsconsole/runs/1.1").mkdir(parents=True)
    (home / ".local/state/opsconsole/runs/1.1/stdout").write_text("mine\n")
    (home / ".local/state/opsconsole/opsconsole.db").write_bytes(b"mine")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setenv("HOME", str(home))
    for name in ("OPSCONSOLE_CONFIG", "OPSCONSOLE_STATE_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return folder


def tree(folder: Path) -> dict[str, str]:
    """Every file with its content, every folder."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def console(temporary: Path) -> Iterator[Terminal]:
    terminal = Terminal(temporary, words=["--demo"])
    try:
        terminal.read_until(b"DEMO")
        terminal.read_until(b"reindex")
        yield terminal
    finally:
        terminal.close()


@pytest.mark.parametrize(("how", "code"), [("q", 0), ("TERM", 143), ("HUP", 129)])
def test_it_leaves_nothing_behind(console: Terminal, temporary: Path, how: str, code: int) -> None:
    before = tree(temporary.parent / "home")
    (folder,) = temporary.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    if how == "q":
        console.press(b"q")  # nobody is asked: nothing of it goes on
    else:
        os.kill(console.pid, getattr(signal, f"SIG{how}"))
    assert console.ended() == code
    assert list(temporary.iterdir()) == []
    assert tree(temporary.parent / "home") == before


def test_a_picture_is_the_operators_and_outlives_it(console: Terminal, temporary: Path) -> None:
    console.press(b"x")
    console.read_until(b"Picture:")
    console.press(b"q")
    assert console.ended() == 0
    pictures = temporary.parent / "home/.local/state/opsconsole/pictures"
    assert sorted(file.suffix for file in pictures.iterdir()) == [".svg", ".txt"]


def test_what_a_killed_one_left_goes_with_the_next(console: Terminal, temporary: Path) -> None:
    (left,) = temporary.iterdir()
    sweep()
    assert left.exists(), "it is still alive"
    os.kill(console.pid, signal.SIGKILL)
    assert console.ended() == -signal.SIGKILL
    assert left.exists()
    with place(dict(os.environ)) as folder:
        assert list(temporary.iterdir()) == [folder]
    assert list(temporary.iterdir()) == []


def test_a_folder_of_somebody_elses_making_stays(temporary: Path) -> None:
    link = temporary / f"opsconsole-demo-{os.geteuid()}-link"
    link.symlink_to(temporary.parent / "home")
    alive = temporary / f"opsconsole-demo-{os.geteuid()}-alive"
    alive.mkdir()
    (temporary / "something-else").mkdir()
    with (alive / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sweep()
        assert len(list(temporary.iterdir())) == 3
    sweep()
    assert not alive.exists() and link.is_symlink() and (temporary.parent / "home").exists()


def test_home_and_state_are_its_own_and_the_keymap_comes_along(temporary: Path) -> None:
    environ = {**os.environ, "OPSCONSOLE_ALERTS__MAIL": "x"}
    before = dict(environ)
    with place(environ) as folder:
        assert environ["HOME"].startswith(str(folder)) and environ["OPSCONSOLE_STATE_DIR"].startswith(str(folder))
        assert "OPSCONSOLE_ALERTS__MAIL" not in environ
        assert (Path(environ["HOME"]) / ".config/opsconsole/keymap.toml").read_text() == 'quit = "q"\n'
    assert environ == before


@pytest.mark.parametrize(
    "words", [["--demo", "--run", "a.sh"], ["--demo", "--demo-at"], ["--run", "a.sh", "--demo"], ["--demo", "x"]]
)
def test_nothing_goes_with_it(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "--demo" in capfd.readouterr().err


def test_the_moment_is_a_time() -> None:
    clock = DemoClock(moment("2026-11-20T14:02:07+00:00"), frozen=True)
    assert clock.now() == 1_795_183_327_000_000 and clock.second() == 0 and clock.at(-1.5) == clock.now() - 1_500_000
    with pytest.raises(UsageError):
        moment("yesterday")
