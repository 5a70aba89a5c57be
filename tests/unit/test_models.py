"""The nouns: what a task's description may say, and the result object of the contract."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsconsole.errors import SpecError
from opsconsole.models import (
    ACTIVE,
    ENDED,
    OPEN,
    ExecutionPolicy,
    ExecutionResult,
    Priority,
    Status,
    Task,
    TaskSpec,
    parse_size,
    rfc3339,
)  # fmt: skip

# -- statuses


def test_the_statuses_are_those_of_the_contract() -> None:
    contract = "queued preparing running paused waiting completed failed cancelled timed_out refused abandoned"
    assert {status.value for status in Status} == set(contract.split())


def test_open_and_ended_part_the_statuses_and_the_active_ones_are_open() -> None:
    assert set(Status) == OPEN | ENDED and not OPEN & ENDED
    assert ACTIVE < OPEN
    assert [status for status in Status if status.is_open] == [status for status in Status if status in OPEN]
    assert Status.PAUSED.is_active and not Status.QUEUED.is_active


# -- TaskSpec


def test_the_least_one_can_say_has_safe_defaults() -> None:
    spec = TaskSpec(script="true")
    assert (spec.policy, spec.priority, spec.retries, spec.timeout_s) == ("standard", Priority.NORMAL, 0, None)
    assert not (spec.idempotent or spec.confirmed or spec.hold or spec.allow_network)


@pytest.mark.parametrize(
    "given",
    [{}, {"script": "x", "path": "y"}, {"script": "x", "argv": ("y",)}, {"script": "", "path": "a", "argv": ("b",)}],
)
def test_exactly_one_of_script_path_and_argv_is_needed(given: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="exactly one of script, path and argv"):
        TaskSpec(**given)


def test_an_empty_script_is_a_script() -> None:
    assert TaskSpec(script="").script == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"timeout_s": 0}, "timeout 0 s"),
        ({"timeout_s": -1}, "timeout -1 s"),
        ({"timeout_s": 3600.5}, "at most 3600"),
        ({"timeout_s": float("nan")}, "timeout nan"),
        ({"retries": -1}, "retries -1: 0 to 3"),
        ({"retries": 4}, "retries 4: 0 to 3"),
        ({"policy": "paranoid"}, "unknown policy 'paranoid' (one of safe, restricted, standard, elevated)"),
        ({"priority": "urgent"}, "unknown priority 'urgent' (one of low, normal, high, critical)"),
        ({"priority": 9}, "unknown priority 9"),
        ({"env": {"": "x"}}, "environment variable ''"),
        ({"env": {"A=B": "x"}}, "environment variable 'A=B'"),
        ({"env": {"A": "x\0"}}, "environment variable 'A'"),
        ({"env": {"A": "\ud800"}}, "environment variable 'A'"),
        ({"args": ("a", "b\0")}, "args holds a NUL"),
        ({"args": ("\ud800",)}, "args holds a NUL or half a character"),
        ({"cwd": "/tmp/\0"}, "cwd holds a NUL"),
        ({"stdin": "/tmp/\0"}, "stdin holds a NUL"),
        ({"script": "echo \ud800"}, "lone surrogate"),
        ({"script": None, "path": "a\0b"}, "path holds a NUL"),
        ({"script": None, "argv": ()}, "at least one word"),
        ({"script": None, "argv": ("a", "\0")}, "argv holds a NUL"),
    ],
)
def test_what_cannot_be_is_a_usage_error_that_says_what(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=re.escape(said)) as raised:
        TaskSpec(**{"script": "x", **given})
    assert raised.value.exit_code == 2


def test_the_ends_of_the_ranges_are_allowed() -> None:
    spec = TaskSpec(script="x", timeout_s=3600, retries=3)
    assert (spec.timeout_s, spec.retries) == (3600, 3)


def test_policies_and_priorities_may_be_given_by_name_or_number() -> None:
    spec = TaskSpec(script="x", policy="elevated", priority="HIGH")  # type: ignore[arg-type]
    assert (spec.policy, spec.priority) == (ExecutionPolicy.ELEVATED, Priority.HIGH)
    assert TaskSpec(script="x", priority=3).priority is Priority.CRITICAL  # type: ignore[arg-type]


def test_bytes_that_are_no_utf8_can_be_passed_on() -> None:
    """As Python hands them over in sys.argv and os.environ."""
    odd = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert TaskSpec(script="x", args=(odd,), env={"A": odd}, cwd=odd).args == (odd,)


def test_a_description_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        TaskSpec(script="x").retries = 3  # type: ignore[misc]


# -- sizes and times


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0), ("1048576", 1 << 20), ("512M", 512 << 20), ("64MiB", 64 << 20), ("64mb", 64 << 20), ("1G", 1 << 30),
        ("2T", 2 << 40), ("1k", 1024), ("10B", 10), (" 1.5 K ", 1536), ("1e3", 1000), (77, 77),
    ],
)  # fmt: skip
def test_a_size_is_a_number_with_a_binary_unit(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", " ", "M", "ten", "10Q", "-1", "-0.5M", "nan", "inf", "-inf", "1 2", "0x10", "1e999"]
)
def test_what_is_no_size_is_an_error_that_quotes_it(text: str) -> None:
    with pytest.raises(SpecError, match=re.escape(repr(text))):
        parse_size(text)


@given(st.text(max_size=12))
def test_any_text_is_a_size_or_an_error_never_a_crash(text: str) -> None:
    try:
        assert parse_size(text) >= 0
    except SpecError as error:
        assert error.hint


def test_times_are_rfc_3339_in_utc_with_microseconds() -> None:
    assert rfc3339(1_795_146_245_678_901) == "2026-11-20T03:44:05.678901Z"
    assert rfc3339(0) == "1970-01-01T00:00:00.000000Z"
    assert rfc3339(None) is None


@given(st.integers(0, 4_000_000_000_000_000))
def test_a_time_survives_the_way_to_text_and_back(microseconds: int) -> None:
    text = rfc3339(microseconds)
    back = datetime.fromisoformat(str(text)) - datetime(1970, 1, 1, tzinfo=UTC)
    assert back.days * 86_400_000_000 + back.seconds * 1_000_000 + back.microseconds == microseconds


# -- Task


def task(**given: Any) -> Task:
    values = dict.fromkeys(Task.__dataclass_fields__)
    return Task(**{**values, "id": 17, "status": Status.WAITING, "attempt": 2, "held": False, **given})


def test_the_execution_of_a_task_is_named_after_its_attempt() -> None:
    assert task().execution_id == "17.2"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"held": True, "after_id": 3}, "held"),
        ({"after_id": 3}, "after 3"),
        ({"due_at": 5}, "retry"),
        ({"status": Status.QUEUED, "held": True}, None),
        ({"after_id": 3, "due_at": 5}, "retry"),
    ],
)
def test_why_a_task_waits_is_said_in_words(given: dict[str, Any], words: str | None) -> None:
    assert task(**given).waits_for == words


# -- the result object

CONTRACT = {
    "": "execution_id task_id name status exit_code signal reason policy containment verdict findings attempt attempts "
    "queued_at started_at finished_at duration_s metrics output script_sha256",
    "containment": "provider limits degraded",
    "metrics": "user_cpu_s system_cpu_s max_rss_bytes read_bytes write_bytes processes",
    "output": "stdout_path stderr_path stdout_bytes stderr_bytes truncated",
}
ADDED = {"effects", "origin", "supervision", "invocation"}
"""Keys beyond the contract: adding is free, but not by accident."""


def result(**given: Any) -> ExecutionResult:
    empty: dict[str, Any] = dict.fromkeys(ExecutionResult.__dataclass_fields__)
    made = {"status": Status.COMPLETED, "findings": [], **{key: {} for key in ("containment", "metrics", "output")}}
    plain: dict[str, Any] = {"origin": {}, "supervision": {}, "effects": [], "invocation": {}}
    return ExecutionResult(**{**empty, **made, **plain, **given})


def test_the_result_object_has_exactly_the_keys_of_the_contract_and_the_known_additions() -> None:
    assert set(result().to_json()) == set(CONTRACT[""].split()) | ADDED


def test_the_result_object_is_plain_json_with_times_as_text() -> None:
    made = result(queued_at=0, started_at=1, finished_at=1_000_000, exit_code=0).to_json()
    assert json.loads(json.dumps(made)) == made
    assert (made["status"], made["queued_at"], made["finished_at"]) == (
        "completed", "1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:01.000000Z",
    )  # fmt: skip


def test_only_a_completed_result_succeeded() -> None:
    assert [status for status in Status if result(status=status).succeeded] == [Status.COMPLETED]


def test_the_kept_output_is_read_as_bytes_and_missing_files_are_empty(tmp_path: Path) -> None:
    (tmp_path / "stdout").write_bytes(b"\xff\0")
    made = result(output={"stdout_path": str(tmp_path / "stdout"), "stderr_path": str(tmp_path / "gone")})
    assert (made.read_stdout(), made.read_stderr()) == (b"\xff\0", b"")
    assert result().read_stdout() == b""
