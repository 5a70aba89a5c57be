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


@pytest.mark.unmeasured
def test_no_command_is_declared_twice() -> None:
    seen: dict[str, str] = {}
    for path in FILES:
        for name in tomllib.loads(path.read_text()):
            assert name not in seen, f"{name} is in {seen[name]} and {path.name}"
            seen[name] = path.name
    assert len(seen) > 1500


@pytest.mark.unmeasured
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


def done(script: str, kind: str) -> list[str | None]:
    return [effect.target for effect in review(script).effects if effect.kind == kind]


@pytest.mark.parametrize(
    ("script", "kind", "target"),
    [
        ("journalctl --vacuum-size=200M", "delete", "archived journal files beyond 200M"),
        ("journalctl --vacuum-time 2weeks", "delete", "archived journal files older than 2weeks"),
        ("journalctl --vacuum-files=5", "delete", "archived journal files beyond the newest 5"),
        ('journalctl --vacuum-size="$SIZE"', "delete", "archived journal files beyond …"),
        ("cheat --rm tar", "delete", "the cheat sheet tar"),
        ("capsh --killit=9", "kill", "its child, with signal 9"),
        ("sudo -R /srv/jail id", "privilege", "a user in the root folder /srv/jail"),
        ("lzip -S 100MB f", "write", "volumes of 100MB"),
        ("git branch -u origin/main", "write", "the upstream of a branch, origin/main"),
        ("git tag -m released v1", "write", "a tag"),
        ("ssh-keygen -R web-02", "write", "known_hosts, without web-02"),
        ("wipefs -o 0x438 /dev/sdb1", "write", "the signature at 0x438"),
        ("sort -o sorted.txt f", "write", "sorted.txt"),  # a path names itself
        ("tune2fs -c 30 /dev/sda1", "system", "tune2fs -c 30"),  # the value of a setting alone says nothing
    ],
)
def test_an_effect_names_what_it_is_done_to_and_not_the_value_of_an_option(script: str, kind: str, target: str) -> None:
    assert target in done(script, kind)
    assert review(script).verdict == "refuse"


@pytest.mark.parametrize(
    "targets", ['{ "-z" = "x" }', '{ "-r" = "x" }', '{ "-w" = "" }', '{ "-w" = 3 }', '{ "-n" = "x" }'],
)  # fmt: skip
def test_only_what_an_option_changes_can_be_said_in_other_words(tmp_path: Path, targets: str) -> None:
    text = '[ourtool]\nvalues = "-n -r -w"\nacts = { "-r" = "read", "-w" = "write" }\ntargets = '
    (tmp_path / "own.toml").write_text(text + '{ "-w" = "its log, up to {}" }\n')
    judged = review("ourtool -w 5", site=str(tmp_path))
    assert [effect.target for effect in judged.effects] == ["its log, up to 5"] and judged.verdict == "refuse"
    (tmp_path / "own.toml").write_text(f"{text}{targets}\n")
    assert any("own.toml" in note for note in review("ourtool -w 5", site=str(tmp_path)).notes)
