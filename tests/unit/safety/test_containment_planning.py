"""Who contains, as whom, with which environment; and what is refused before anything starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsconsole.errors import SandboxUnavailable, SecurityError
from opsconsole.models import ExecutionPolicy
from opsconsole.safety import containment
from opsconsole.safety.containment import environment, hidden, landlock, probe, variables
from opsconsole.safety.containment.model import Request

SAFE, RESTRICTED, STANDARD, ELEVATED = ExecutionPolicy
CALLER = {
    "PATH": "/home/me/bin", "HOME": "/home/me", "LD_PRELOAD": "/tmp/evil", "BASH_ENV": "/tmp/evil", "TOKEN": "secret",
    "LANG": "de_DE.UTF-8", "LC_ALL": "../../tmp/evil", "TZ": "Europe/Berlin", "TERM": "xterm", "PAGER": "less",
}  # fmt: skip


class Impossible:
    """A provider that never works."""

    name = "impossible"

    def __init__(self, why: str) -> None:
        self._why = why

    def unavailable(self, policy: ExecutionPolicy) -> str | None:
        return self._why

    def build(self, request: Request) -> tuple[dict[str, object], list[str]]:
        raise AssertionError


@pytest.mark.parametrize("policy", [STANDARD, ELEVATED])
def test_what_is_not_contained_has_the_callers_environment(policy: ExecutionPolicy) -> None:
    planned = containment.plan(policy, caller_environment=CALLER)
    assert (planned.provider, planned.contain, planned.degraded) == ("none", None, [])
    assert planned.environment == CALLER
    assert planned.notes == ["variables that change what runs: BASH_ENV, LD_PRELOAD"]


@pytest.mark.parametrize("policy", [SAFE, RESTRICTED])
def test_the_environment_is_built_and_not_filtered(policy: ExecutionPolicy) -> None:
    values = containment.plan(policy, caller_environment=CALLER, work="/srv/work").environment
    assert values["PATH"].startswith("/usr/sbin:/usr/bin:/sbin:/bin")
    assert (values["LANG"], values["TZ"], values["TERM"], values["PAGER"]) == (
        "de_DE.UTF-8", "Europe/Berlin", "xterm", "cat",
    )  # fmt: skip
    assert not {"LD_PRELOAD", "BASH_ENV", "TOKEN", "LC_ALL"} & values.keys()
    assert values["GIT_CONFIG_GLOBAL"] == os.devnull
    assert containment.plan(policy, caller_environment={}, work="/srv/work").environment["TERM"] == "dumb"


def test_a_granted_variable_is_handed_on_and_named_when_it_changes_what_runs() -> None:
    planned = containment.plan(
        RESTRICTED, caller_environment={**CALLER, "PYTHONPATH": "/srv/lib"}, granted=["TOKEN", "PYTHONPATH"], work="/w"
    )
    assert (planned.environment["TOKEN"], planned.environment["PYTHONPATH"]) == ("secret", "/srv/lib")
    assert planned.notes == ["variables that change what runs: PYTHONPATH"]


@pytest.mark.parametrize(
    ("policy", "name"),
    [(SAFE, "BASH_ENV"), (SAFE, "PAGER"), (SAFE, "PATH"), (SAFE, "LD_PRELOAD"), (RESTRICTED, "LD_AUDIT")],
)
def test_a_variable_that_would_undo_the_policy_is_refused(policy: ExecutionPolicy, name: str) -> None:
    with pytest.raises(SecurityError, match=f"--env {name}: changes which programs run"):
        containment.plan(policy, caller_environment={name: "x"}, granted=[name], work="/w")


def test_the_names_that_matter() -> None:
    assert variables.changing(["LD_LIBRARY_PATH", "IFS", "ENV", "PYTHONPATH", "LANG", "EDITOR"]) == [
        "ENV", "IFS", "LD_LIBRARY_PATH", "PYTHONPATH",
    ]  # fmt: skip
    assert variables.starting(["MANPAGER", "EDITOR", "LANG"]) == ["EDITOR", "MANPAGER"]


@pytest.mark.parametrize("folder", ["/", "/proc", "/proc/sys", "/sys/fs/cgroup", "/dev/shm", "/etc", "/usr"])
def test_a_grant_that_would_undo_the_containment_is_refused(folder: str) -> None:
    with pytest.raises(SecurityError, match="that would undo the containment"):
        containment.check_writable([folder], None)


def test_neither_the_state_directory_nor_what_holds_it_is_granted(tmp_path: Path) -> None:
    state = tmp_path / "a" / "state"
    (state / "runs").mkdir(parents=True)
    (tmp_path / "link").symlink_to(state)
    for folder in (state, state / "runs", tmp_path / "a", tmp_path / "link"):
        with pytest.raises(SecurityError, match="undo the containment"):
            containment.check_writable([str(folder)], str(state))
    assert containment.check_writable([str(tmp_path / "a" / ".." / "a" / "state")], None) == (str(state),)


def test_no_provider_means_no_run_and_every_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(containment.PROVIDERS, SAFE, (Impossible("no Landlock: boot it"), Impossible("install bwrap")))
    with pytest.raises(SandboxUnavailable, match="no Landlock: boot it; install bwrap"):
        containment.plan(SAFE, caller_environment={})
    assert "install bwrap" in (containment.unavailable(SAFE) or "")
    assert containment.unavailable(STANDARD) is None


def test_the_next_provider_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    if probe.no_landlock():
        pytest.skip("Landlock is not here")
    monkeypatch.setitem(containment.PROVIDERS, RESTRICTED, (Impossible("no"), landlock.Landlock()))
    planned = containment.plan(RESTRICTED, caller_environment={}, work="/srv/work")
    assert planned.provider == "landlock+seccomp"
    assert any("in place of bubblewrap" in text for text in planned.degraded)


def test_bubblewrap_that_is_not_installed_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "trusted_path", lambda: "/nowhere")
    probe._no_bubblewrap.cache_clear()
    try:
        assert probe.no_bubblewrap() == "bubblewrap is not installed: apt-get install bubblewrap"
    finally:
        probe._no_bubblewrap.cache_clear()


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that the uid of contained runs reaches too, unlike `tmp_path`."""
    with tempfile.TemporaryDirectory(prefix="opsconsole-open-") as folder:
        os.chmod(folder, 0o777)
        yield Path(folder)


def test_bubblewrap_that_only_took_too_long_is_tried_again(open_to_all: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried, stands_still = open_to_all / "tried", open_to_all / "stands still"
    stands_still.touch()
    program = open_to_all / "bwrap"
    program.write_text(f'#!/bin/bash\necho >>"{tried}"\n[ ! -e "{stands_still}" ] || while :; do :; done\n')
    program.chmod(0o755)
    tried.touch()
    tried.chmod(0o666)
    monkeypatch.setattr(probe, "bubblewrap", lambda: str(program))
    monkeypatch.setattr(probe, "_PROBE_S", 0.2)
    probe._no_bubblewrap.cache_clear()
    try:
        assert "did not start within" in (probe.no_bubblewrap() or "")
        stands_still.unlink()
        monkeypatch.setattr(probe, "_PROBE_S", 60)
        assert probe.no_bubblewrap() is None
        asked = tried.read_text()
        assert probe.no_bubblewrap() is None
        assert tried.read_text() == asked, "what is known is not asked again"
    finally:
        probe._no_bubblewrap.cache_clear()


def test_a_plan_is_a_message(tmp_path: Path) -> None:
    for policy in (SAFE, RESTRICTED):
        planned = containment.plan(
            policy, caller_environment=CALLER, state=str(tmp_path), work=f"{tmp_path}/runs/1/work"
        )
        assert planned.contain is not None
        assert json.loads(json.dumps(planned.contain)).keys() == planned.contain.keys()
        assert planned.contain["provider"] == planned.provider
        uid = planned.contain["uid"]
        assert uid == (containment.NOBODY if os.geteuid() == 0 else None)


def test_what_is_hidden_has_no_symlink_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (tmp_path / "elsewhere").mkdir()
    home.mkdir()
    (home / ".ssh").symlink_to(tmp_path / "elsewhere")
    (home / ".netrc").touch()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(hidden, "_last", None)
    found = hidden.existing()
    assert {str(tmp_path / "elsewhere"), str(home / ".netrc")} <= set(found)
    assert str(home / ".aws") not in found
    monkeypatch.setattr(hidden, "_last", None)


def test_a_run_that_is_not_contained_does_not_load_it() -> None:
    program = (
        "import sys, opsconsole.execution.submission, opsconsole.execution.dispatch; "
        "print([name for name in sys.modules if 'containment.' in name])"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert not {"planning", "probe", "seccomp", "bubblewrap"} & {name.split(".")[-1] for name in eval(loaded)}  # noqa: S307
