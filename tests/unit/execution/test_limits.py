"""Which limits a run gets, what bears each, and what is said where nothing does."""

from __future__ import annotations

import os
import resource
from typing import Any

import pytest

from opsconsole.execution import limiting
from opsconsole.execution.supervisor import limits
from opsconsole.execution.supervisor.controllers import Place, Places
from opsconsole.models import ExecutionPolicy, ResourceLimits
from opsconsole.safety.containment.limits import WIDE_PIDS, effective
from opsconsole.settings import LimitSettings, PolicyLimits, Settings

SAFE, RESTRICTED, STANDARD, ELEVATED = ExecutionPolicy
DEFAULTS = LimitSettings()
MIB = 1 << 20
EVERYWHERE = Places({name: Place("cgroup1", f"/nowhere/{name}") for name in ("memory", "pids", "cpu", "io")})
NOWHERE = Places({}, "your cgroup v2 group is not delegated to you")


# -- which limits a run has


def test_a_plain_run_under_standard_and_elevated_has_none() -> None:
    assert effective(STANDARD, ResourceLimits(output=5), DEFAULTS).values == {}
    assert effective(ELEVATED, ResourceLimits(), DEFAULTS).values == {}


def test_safe_is_tight_and_restricted_limits_all() -> None:
    safe = effective(SAFE, ResourceLimits(), DEFAULTS)
    restricted = effective(RESTRICTED, ResourceLimits(), DEFAULTS)
    assert safe.values == {
        "memory": 512 * MIB, "swap": 0, "cpu": 1.0, "pids": 64, "file_size": 64 * MIB, "open_files": 1024, "core": 0,
    }  # fmt: skip
    assert safe.values.keys() == restricted.values.keys()
    assert all(restricted.values[name] >= value for name, value in safe.values.items())
    assert safe.asked == ()


def test_what_was_asked_for_must_hold_and_the_rest_is_the_policys() -> None:
    found = effective(SAFE, ResourceLimits(memory=100 * MIB), DEFAULTS)
    assert (found.values["memory"], found.values["pids"], found.asked) == (100 * MIB, 64, ("memory",))


def test_a_limited_run_under_standard_is_also_bound_in_processes_and_has_no_swap() -> None:
    found = effective(STANDARD, ResourceLimits(memory=100 * MIB), DEFAULTS)
    assert found.values == {"memory": 100 * MIB, "swap": 0, "pids": WIDE_PIDS}
    assert found.asked == ("memory",)


def test_a_site_sets_the_limits_of_a_policy() -> None:
    own = LimitSettings(standard=PolicyLimits(pids=500))
    assert effective(STANDARD, ResourceLimits(), own).values == {"pids": 500}


@pytest.mark.parametrize(
    ("policy", "asked", "said"),
    [
        (SAFE, ResourceLimits(memory=1024 * MIB), "limit memory=1024M is wider than policy safe allows (512M"),
        (
            SAFE,
            ResourceLimits(cpu=2.0),
            "limit cpu=200% is wider than policy safe allows (100%, setting limits.safe.cpu",
        ),
        (STANDARD, ResourceLimits(memory=0), "limit memory=0: nothing could run"),
        (STANDARD, ResourceLimits(pids=0), "limit pids=0: nothing could run"),
        (STANDARD, ResourceLimits(open_files=2), "give it at least 3"),
        (STANDARD, ResourceLimits(swap=0), "beside a limit of memory"),
    ],
)
def test_a_limit_that_cannot_be_is_refused(policy: ExecutionPolicy, asked: ResourceLimits, said: str) -> None:
    assert said in effective(policy, asked, DEFAULTS).refusal


def test_restricted_may_ask_for_more_than_its_defaults() -> None:
    assert effective(RESTRICTED, ResourceLimits(memory=4096 * MIB), DEFAULTS).values["memory"] == 4096 * MIB


# -- what bears them


def test_a_group_bears_what_it_can() -> None:
    borne = limits.outlook(
        {"memory": 1, "cpu": 1, "pids": 1, "read_bps": 1, "file_size": 1}, EVERYWHERE, root_run=True, devices=["8:0"]
    )
    assert {name: bearer.tier for name, bearer in borne.items()} == {
        "memory": "cgroup1", "cpu": "cgroup1", "pids": "cgroup1", "read_bps": "cgroup1", "file_size": "rlimit",
    }  # fmt: skip
    assert [bearer.words for bearer in borne.values() if bearer.words] == []


def test_a_weaker_tier_is_named_as_such() -> None:
    borne = limits.outlook({"memory": 1, "pids": 1}, NOWHERE, root_run=False)
    assert borne["memory"].tier == borne["pids"].tier == "rlimit"
    assert borne["memory"].words.startswith("memory: rlimit (RLIMIT_DATA) per process, not for the tree")
    assert "counts all processes of the user" in borne["pids"].words
    assert NOWHERE.why_not in borne["pids"].words


def test_what_nothing_bears_says_so() -> None:
    borne = limits.outlook({"cpu": 1, "pids": 1, "read_bps": 1}, NOWHERE, root_run=True, devices=["8:0"])
    assert {bearer.tier for bearer in borne.values()} == {None}
    assert borne["pids"].words.startswith("pids: not limited (RLIMIT_NPROC does not bind root)")


def test_disk_limits_need_a_disk() -> None:
    (bearer,) = limits.outlook({"write_bps": 1}, EVERYWHERE, root_run=True, devices=[]).values()
    assert (bearer.tier, "no block device" in bearer.words) == (None, True)


def test_version_1_says_that_it_does_not_hold_back_what_is_written_back_later() -> None:
    (bearer,) = limits.outlook({"write_bps": 1}, EVERYWHERE, root_run=True, devices=["8:0"]).values()
    assert (bearer.tier, bearer.words.startswith("write_bps: cgroup1 holds back direct")) == ("cgroup1", True)


def test_the_device_of_a_virtual_file_system_is_none() -> None:
    assert limits.device_of("/proc") is None
    assert limits.device_of("/nowhere/at/all") is None


# -- in the supervisor


def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_known", {"": NOWHERE})


def test_a_run_whose_limit_cannot_hold_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere(monkeypatch)
    own = limits.Limits({"cpu": 0.5}, ["cpu"])
    with pytest.raises(limits.Unenforceable, match=r"cpu: not limited; .* Leave it out, or run opsconsole as root"):
        own.prepare([], None)


def test_a_default_that_cannot_hold_is_degraded_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere(monkeypatch)
    own = limits.Limits({"cpu": 0.5, "file_size": 5}, [])
    own.prepare([], None)
    assert own.record() == {"cpu": {"value": 0.5, "tier": None}, "file_size": {"value": 5, "tier": "rlimit"}}
    assert [words.partition(":")[0] for words in own.degraded] == ["cpu"]
    assert own.tier == "rlimit"


def test_rlimits_never_exceed_the_hard_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere(monkeypatch)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (10, 10))
    own = limits.Limits({"open_files": 500, "file_size": 5, "core": 0}, [])
    own.prepare([], None)
    assert own.rlimits() == {resource.RLIMIT_NOFILE: 10, resource.RLIMIT_FSIZE: 5, resource.RLIMIT_CORE: 0}


def test_processes_by_rlimit_are_counted_on_top_of_what_the_user_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere(monkeypatch)
    nobodys = (1 << 30) + os.getpid()  # another test may run processes of a made-up user at this moment
    own = limits.Limits({"pids": 64}, ["pids"], run_uid=nobodys)
    own.prepare([], None)
    assert own.rlimits() == {resource.RLIMIT_NPROC: 64}


# -- on the way


def test_a_task_carries_its_limits_to_the_supervisor() -> None:
    stored: dict[str, Any] = {"limits": {"memory": {"value": 5, "tier": "rlimit"}}, "limits_asked": ["memory"]}
    assert limiting.as_message(stored) == {"limits": {"memory": 5}, "limits_asked": ["memory"]}
    assert limiting.as_message({"limits": {}}) == {}
    assert limiting.as_message({}) == {}


def test_looking_ahead_names_the_tier_of_each() -> None:
    found = limiting.look_ahead(STANDARD, ResourceLimits(file_size=5), Settings(), "/")
    assert found.limits["file_size"] == {"value": 5, "tier": "rlimit"}
    assert (found.asked, found.refusal) == (("file_size",), "")
