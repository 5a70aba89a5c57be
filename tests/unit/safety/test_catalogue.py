"""The catalogue: every declaration is of the form that the README states, and a site cannot widen it by accident."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from opsconsole.safety.review import review
from opsconsole.safety.review.shell.catalogue import FOLDER, NOT_SHELL, Catalogue, build, check

FILES = sorted(path for path in FOLDER.glob("*.toml") if path.name not in NOT_SHELL)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_command_is_read_the_same_alone_and_with_its_file(path: Path) -> None:
    whole = tomllib.loads(path.read_text())
    catalogue = Catalogue()
    for name, table in whole.items():
        if "like" not in table:
            assert catalogue.table(name) == table, name
        check(name, catalogue.table(name) or {})


def test_no_command_is_declared_twice() -> None:
    seen: dict[str, str] = {}
    for path in FILES:
        for name in tomllib.loads(path.read_text()):
            assert name not in seen, f"{name} is in {seen[name]} and {path.name}"
            seen[name] = path.name
    assert len(seen) > 1500


def test_no_option_has_two_arities() -> None:
    catalogue = Catalogue()
    for name in catalogue.names():
        spec = catalogue.get(name)
        assert spec is not None, name
        assert not (spec.flags & spec.values or spec.flags & spec.optional or spec.values & spec.optional), name


def test_a_site_adds_a_command(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[ourtool]\nabout = "shows our things"\nflags = "-l"\noperands = "read..."\n')
    assert review("ourtool -l x").verdict == "refuse"
    assert review("ourtool -l x", site=str(tmp_path)).verdict == "allow"
    assert review("ourtool -w x", site=str(tmp_path)).verdict == "refuse"


@pytest.mark.parametrize(
    "text",
    ["[ourtool\n", '[ourtool]\nflag = "-l"\n', '[ourtool]\nacts = { "-x" = "nothing" }\n', '[ourtool]\nlike = "cat"\n',
     '[ourtool]\noperands = "anything"\n', "ourtool = 1\n", '[ourtool]\nflags = 3\n'],
)  # fmt: skip
def test_a_broken_file_is_named_and_widens_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "broken.toml").write_text(text)
    (tmp_path / "sound.toml").write_text('[other]\noperands = "read..."\n')
    judged = review("ourtool x", site=str(tmp_path))
    assert judged.verdict == "refuse"
    assert any("broken.toml" in note for note in judged.notes)
    assert review("other x", site=str(tmp_path)).verdict == "allow"


def test_an_abbreviated_option_is_judged_as_the_whole_one() -> None:
    assert review("sort --outpu=x f").verdict == "refuse"
    assert review("sort --rever f").verdict == "allow"


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a kind"):
        build("x", {"flags": "-a", "acts": {"-a": "everything"}})


def test_what_a_site_changes_counts_at_once(tmp_path: Path) -> None:
    """A console runs for weeks, and its editor's process too."""
    file = tmp_path / "own.toml"
    assert review("ourtool x", site=str(tmp_path)).verdict == "refuse"
    file.write_text('[ourtool]\nabout = "ours"\noperands = "read..."\n')
    assert review("ourtool x", site=str(tmp_path)).verdict == "allow"
    file.unlink()
    assert review("ourtool x", site=str(tmp_path)).verdict == "refuse"


def test_the_options_of_stat_take_what_they_take() -> None:
    read = [effect.target for effect in review("stat -c %y --format %n --terse -f /etc/hosts").effects]
    assert read == ["/etc/hosts"]
