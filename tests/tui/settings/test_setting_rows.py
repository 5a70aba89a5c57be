"""Settings as rows: value, origin, kind, range, and what may be written; without a screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opsconsole.errors import SettingsError
from opsconsole.settings import documented, load_settings
from opsconsole.tui.screens.settings.setting_rows import Known, Setting, read, said, save, shown, typed


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def known(file: Path, text: str = "", /, **environ: str) -> Known:
    file.write_text(text)
    return read(load_settings(file, environ), file, environ)


def one(found: Known, name: str) -> Setting:
    return next(row for row in found.settings if row.name == name)


def test_every_setting_is_there_with_where_it_comes_from(file: Path) -> None:
    found = known(
        file, '[execution]\nconcurrency = 3\nshell = "sh"\n', OPSCONSOLE_EXECUTION__SHELL="zsh",
        OPSCONSOLE_CONSOLE__MOUSE="off",
    )  # fmt: skip
    assert [row.name for row in found.settings] == [name for name, _, _ in documented()]
    assert all(row.meaning and row.range for row in found.settings)
    concurrency, shell = one(found, "execution.concurrency"), one(found, "execution.shell")
    assert (concurrency.value, concurrency.default, concurrency.origin, concurrency.changed) == (3, 8, "file", True)
    assert (shell.value, shell.in_file, shell.origin) == ("zsh", "sh", "environment")
    assert one(found, "console.mouse").origin == "environment"
    assert one(found, "queue.capacity").origin == "default" and not one(found, "queue.capacity").changed


@pytest.mark.parametrize(
    ("name", "kind", "range_", "unit"),
    [
        ("execution.timeout_s", "number", "a number, more than 0 and at most 3600", "seconds"),
        ("execution.concurrency", "whole", "a whole number, at least 1 and at most 1024", ""),
        ("execution.output_limit", "size", "a size such as 64M, at least 0", "bytes"),
        ("limits.safe.read_bps", "size", "a size such as 64M, at least 0", "bytes per second"),
        ("on_hangup", "choice", "leave or drain", ""),
        ("console.read_only", "truth", "true or false", ""),
        ("redaction.names", "list", "a list, with commas", ""),
        ("doors.tui.users", "map", "a table on one line: {name = …}", ""),
        ("execution.shell", "text", "text", ""),
        ("monitor.keep_raw_h", "number", "a number, at least 0", "hours"),
    ],
)
def test_kind_range_and_unit(file: Path, name: str, kind: str, range_: str, unit: str) -> None:
    row = one(known(file), name)
    assert (row.kind, row.range, row.unit) == (kind, range_, unit)


@pytest.mark.parametrize(
    ("name", "text", "value", "again"),
    [
        ("execution.output_limit", "128M", 128 * 1024 * 1024, "128M"),
        ("execution.timeout_s", " 90 ", 90.0, "90"),
        ("console.read_only", "true", True, "true"),
        ("retry.exit_codes", "75, 111", (75, 111), "75, 111"),
        ("redaction.names", "ACME_*,X", ("ACME_*", "X"), "ACME_*, X"),
        ("redaction.names", "", (), ""),
        ("doors.tui.users", '{alice = "safe"}', {"alice": "safe"}, '{alice = "safe"}'),
        ("execution.shell", 'a"\\b ', 'a"\\b ', 'a"\\b '),
        ("on_hangup", "drain", "drain", "drain"),
        ("monitor.thresholds", "{cpu_high = {for_s = 9}}", {"cpu_high": {"for_s": 9}}, "{cpu_high = {for_s = 9}}"),
    ],
)
def test_what_is_typed_is_what_is_in_force_then(file: Path, name: str, text: str, value: Any, again: str) -> None:
    row = one(known(file, "# mine\n"), name)
    settings = save(file, row, typed(row, text), {})
    after = one(read(settings, file, {}), name)
    assert (after.value, after.next, shown(after)) == (value, value, again)
    assert file.read_text().startswith("# mine\n")
    save(file, after, None, {})
    assert one(read(load_settings(file, {}), file, {}), name).origin == "default"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("execution.concurrency", "0"), ("execution.concurrency", "many"), ("execution.timeout_s", "nan"),
        ("execution.output_limit", "64Q"), ("retry.exit_codes", "1.5"), ("doors.tui.users", "{alice"),
        ("doors.tui.users", '{alice = "root"}'), ("console.theme", "../x"), ("monitor.interval_s", "99"),
        ("monitor.thresholds", "{no_such_kind = {for_s = 9}}"), ("alerts.notify", "pigeon"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_is_written(file: Path, name: str, text: str) -> None:
    row = one(known(file, "# mine\n"), name)
    with pytest.raises(SettingsError):
        save(file, row, typed(row, text), {})
    assert file.read_text() == "# mine\n"


def test_a_file_that_is_not_understood_is_said_and_never_written(file: Path) -> None:
    file.write_text("[execution\n")
    found = read(load_settings(Path("/nonexistent"), {}), file, {})
    assert found.problem is not None and len(found.settings) > 50
    with pytest.raises(SettingsError):
        save(file, one(found, "execution.shell"), "sh", {})
    assert file.read_text() == "[execution\n"


def test_a_change_waits_for_the_next_start_and_the_environment_still_wins(file: Path) -> None:
    in_force = load_settings(file, {})
    file.write_text("[execution]\nconcurrency = 2\n")
    row = one(read(in_force, file, {}), "execution.concurrency")
    assert (row.value, row.next, row.pending) == (8, 2, True)
    environ = {"OPSCONSOLE_EXECUTION__CONCURRENCY": "5"}
    hidden = one(read(load_settings(file, environ), file, environ), "execution.concurrency")
    assert (hidden.value, hidden.in_file, hidden.origin) == (5, 2, "environment")
    assert save(file, hidden, 7, environ).execution.concurrency == 5
    with pytest.raises(SettingsError):
        save(file, hidden, 0, environ)  # hidden or not


def test_what_is_empty_can_be_seen(file: Path) -> None:
    found = known(file)
    assert said(one(found, "redaction.names"), ()) == "none"
    assert said(one(found, "monitor.listen"), "") == '""'
