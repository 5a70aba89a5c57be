"""Where things live, and which state directories are refused."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

import pytest

from opsconsole.cli.main import main
from opsconsole.errors import StateDirError
from opsconsole.paths import StatePaths, config_file, scripts_folder, shipped, state_root
from opsconsole.tui.wording import shortened

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_state_directory_and_all_in_it_are_for_its_owner_only(tmp_path: Path) -> None:
    paths = StatePaths(tmp_path / "deep" / "state").prepare()
    folders = (paths.root, paths.runs, paths.consoles, paths.environments)
    assert [oct(_mode(folder)) for folder in folders] == [oct(0o700)] * 4


def test_an_open_state_directory_is_closed(tmp_path: Path) -> None:
    root = tmp_path / "state"
    root.mkdir()
    root.chmod(0o755)
    StatePaths(root).prepare()
    assert _mode(root) == 0o700


def test_preparing_twice_changes_nothing(tmp_path: Path) -> None:
    paths = StatePaths(tmp_path / "state").prepare()
    paths.run_folder("1.1").mkdir()
    paths.prepare()
    assert paths.run_folder("1.1").is_dir()


@as_root
def test_a_state_directory_of_somebody_else_is_refused_even_for_root_and_not_touched(tmp_path: Path) -> None:
    root = tmp_path / "state"
    root.mkdir(mode=0o755)
    os.chown(root, 65534, 65534)
    with pytest.raises(StateDirError, match="belongs to uid 65534, you are uid 0"):
        StatePaths(root).prepare()
    assert _mode(root) == 0o755
    assert list(root.iterdir()) == []


def test_a_file_in_the_place_of_the_directory_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("mine")
    with pytest.raises(StateDirError, match=r"File exists.*OPSCONSOLE_STATE_DIR"):
        StatePaths(tmp_path / "state").prepare()
    assert (tmp_path / "state").read_text() == "mine"


def test_a_directory_that_cannot_be_made_is_an_error_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateDirError, match="Not a directory"):
        StatePaths(tmp_path / "file" / "state").prepare()


def test_a_read_only_file_system_is_an_error() -> None:
    with pytest.raises(StateDirError, match="cannot be used"):
        StatePaths(Path("/proc/self/opsconsole")).prepare()


def test_a_directory_without_write_permission_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write anywhere: what the kernel would answer another user is put in its mouth."""
    root = StatePaths(tmp_path / "state").prepare().root
    monkeypatch.setattr(os, "access", lambda path, mode: not (Path(path) == root and mode & os.W_OK))
    with pytest.raises(StateDirError, match="not writable"):
        StatePaths(root).prepare()


def test_the_layout_is_the_documented_one(tmp_path: Path) -> None:
    paths = StatePaths(tmp_path)
    assert paths.database == tmp_path / "opsconsole.db"
    assert paths.run_folder("17.2") == tmp_path / "runs" / "17.2"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"OPSCONSOLE_STATE_DIR": "/a/b", "XDG_STATE_HOME": "/x"}, "/a/b"),
        ({"OPSCONSOLE_STATE_DIR": "~/state"}, str(Path.home() / "state")),
        ({"OPSCONSOLE_STATE_DIR": "here"}, str(Path.cwd() / "here")),
        ({"OPSCONSOLE_STATE_DIR": "", "XDG_STATE_HOME": "/x"}, "/x/opsconsole"),
        ({"XDG_STATE_HOME": "relative/is/invalid"}, str(Path.home() / ".local/state/opsconsole")),
        ({}, str(Path.home() / ".local/state/opsconsole")),
    ],
)
def test_where_the_state_is(environ: dict[str, str], expected: str) -> None:
    assert str(state_root(environ)) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"OPSCONSOLE_CONFIG": "/etc/ops.toml", "XDG_CONFIG_HOME": "/x"}, "/etc/ops.toml"),
        ({"XDG_CONFIG_HOME": "/x"}, "/x/opsconsole/config.toml"),
        ({"XDG_CONFIG_HOME": "x"}, str(Path.home() / ".config/opsconsole/config.toml")),
        ({}, str(Path.home() / ".config/opsconsole/config.toml")),
    ],
)
def test_where_the_settings_are(environ: dict[str, str], expected: str) -> None:
    assert str(config_file(environ)) == expected


@pytest.mark.parametrize("name", ["themes", "sample_scripts"])
def test_what_is_shipped_is_found_in_the_source_tree(name: str) -> None:
    assert any(shipped(name).iterdir())


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a container that runs under a number of its own."""

    def nobody(_: object) -> None:
        raise KeyError

    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OPSCONSOLE_STATE_DIR", "OPSCONSOLE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.setattr(pwd, "getpwnam", nobody)


def test_who_has_no_home_is_told_what_to_do(
    homeless: None, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (state_root, config_file, scripts_folder):
        with pytest.raises(StateDirError, match="no home folder") as raised:
            place()
        assert "HOME" in raised.value.hint
    for words in (["history"], ["-c", "echo hi"], ["config"]):
        assert main(words) == 125
        said = capfd.readouterr().err
        assert "no home folder" in said and "set HOME" in said and "Traceback" not in said
    assert shortened(Path("/a/b")) == "/a/b"
    monkeypatch.setenv("OPSCONSOLE_STATE_DIR", "~nobody-of-that-name/state")
    with pytest.raises(StateDirError, match="is nobody's home folder here"):
        state_root()
