"""Settings: defaults, the file, the environment, and errors that name what was meant."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from opsconsole.errors import SettingsError
from opsconsole.settings import RANGES, RESERVED, Settings, documented, load_settings, range_of

MIB = 1024 * 1024


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def load(file: Path, text: str = "", /, **environ: str) -> Settings:
    file.write_text(text)
    return load_settings(file, environ)


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "nothing.toml", {}) == Settings()


def test_the_defaults_are_the_documented_ones() -> None:
    settings = Settings()
    assert (settings.execution.timeout_s, settings.execution.grace_s) == (300, 5)
    assert (settings.execution.output_limit, settings.on_hangup) == (64 * MIB, "leave")


def test_the_file_sets_what_it_names_and_nothing_else(file: Path) -> None:
    settings = load(file, 'on_hangup = "drain"\n[execution]\nconcurrency = 3\n')
    assert (settings.on_hangup, settings.execution.concurrency) == ("drain", 3)
    assert settings.execution.timeout_s == Settings().execution.timeout_s
    assert settings.queue == Settings().queue


def test_the_environment_wins_over_the_file(file: Path) -> None:
    settings = load(
        file, "[execution]\nconcurrency = 3\ngrace_s = 1\n",
        OPSCONSOLE_EXECUTION__CONCURRENCY="5", OPSCONSOLE_ON_HANGUP="drain",
    )  # fmt: skip
    assert (settings.execution.concurrency, settings.execution.grace_s) == (5, 1)
    assert settings.on_hangup == "drain"


def test_the_file_is_found_through_the_environment(file: Path) -> None:
    file.write_text("[queue]\ncapacity = 7\n")
    assert load_settings(environ={"OPSCONSOLE_CONFIG": str(file)}).queue.capacity == 7


@pytest.mark.parametrize(
    ("text", "expected"), [('"64M"', 64 * MIB), ('"1GiB"', 1024 * MIB), ("1048576", MIB), ("0", 0)]
)
def test_sizes_may_have_units(file: Path, text: str, expected: int) -> None:
    assert load(file, f"[execution]\noutput_limit = {text}\n").execution.output_limit == expected


def test_sizes_and_lists_in_the_environment(file: Path) -> None:
    settings = load(
        file, OPSCONSOLE_EXECUTION__MIN_FREE="1M",
        OPSCONSOLE_HISTORY__KEEP_BYTES="2G", OPSCONSOLE_RETRY__EXIT_CODES="1, 75"
    )  # fmt: skip
    assert (settings.execution.min_free, settings.history.keep_bytes) == (MIB, 2048 * MIB)
    assert settings.retry.exit_codes == (1, 75)


def test_a_list_of_exit_codes_in_the_file(file: Path) -> None:
    assert load(file, "[retry]\nexit_codes = [1, 75]\n").retry.exit_codes == (1, 75)


# -- what is wrong


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("[execution]\nconcurency = 3\n", "execution.concurrency"),
        ("[execution]\ntimeout = 3\n", "execution.timeout_s"),
        ("concurrency = 3\n", "execution.concurrency"),
        ("[retries]\nbase_s = 3\n", r"retry\?"),
        ('on_hangupp = "drain"\n', "on_hangup"),
    ],
)
def test_an_unknown_key_in_the_file_names_the_nearest_known_one(file: Path, text: str, meant: str) -> None:
    with pytest.raises(SettingsError, match=f"config.toml: unknown setting .*did you mean {meant}") as raised:
        load(file, text)
    assert raised.value.exit_code == 2


def test_all_that_is_unknown_is_said_at_once_and_only_what_is_near_is_offered(file: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        load(file, "[console]\nnonsense = 1\ntheem = 2\n[runnner]\n")
    assert raised.value.message.endswith("unknown settings console.nonsense, console.theem, runnner")
    assert raised.value.hint == "did you mean console.theme?"


def test_an_unknown_variable_names_the_nearest_known_one(file: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        load(file, OPSCONSOLE_EXECUTION__CONCURENCY="3")
    assert "variable OPSCONSOLE_EXECUTION__CONCURENCY" in str(raised.value)
    assert "did you mean OPSCONSOLE_EXECUTION__CONCURRENCY?" in raised.value.hint


def test_a_key_that_is_like_nothing_says_where_all_are_listed(file: Path) -> None:
    with pytest.raises(SettingsError, match="opsconsole config"):
        load(file, "xyzzy = 1\n")


def test_variables_that_are_not_settings_are_left_alone(file: Path) -> None:
    assert load(file, **dict.fromkeys(RESERVED, "x")) == Settings()


@pytest.mark.parametrize(
    "text",
    [
        "[execution]\nconcurrency = 0\n",
        "[execution]\ntimeout_s = 0\n",
        "[execution]\ntimeout_s = 3601\n",
        "[execution]\ntimeout_s = nan\n",
        "[execution]\ngrace_s = -1\n",
        "[execution]\ngrace_s = inf\n",
        "[execution]\nkill_wait_s = -1\n",
        "[execution]\noutput_limit = -1\n",
        "[execution]\nmin_free = -1\n",
        "[queue]\ncapacity = 0\n",
        "[queue]\nageing_s = -1\n",
        "[queue]\nageing_s = inf\n",
        "[retry]\nbase_s = -1\n",
        "[retry]\nbase_s = 10\nmax_s = 5\n",
        "[retry]\nmax_s = inf\n",
        "[retry]\njitter = 1.5\n",
        "[retry]\njitter = -0.1\n",
        "[history]\nkeep_days = -1\n",
        "[history]\nkeep_tasks = -1\n",
        '[history]\nkeep_bytes = "-1"\n',
        'on_hangup = "shrug"\n',
        '[execution]\nconcurrency = "many"\n',
        '[execution]\nmin_free = "64Q"\n',
        "[retry]\nexit_codes = [1.5]\n",
    ],
)
def test_a_value_that_cannot_be_is_an_error_that_names_the_setting(file: Path, text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(file, text)
    key = text.rstrip().rsplit("\n", 1)[-1].partition(" ")[0]
    assert key in str(raised.value)


@pytest.mark.parametrize(
    "text", ["[execution]\ntimeout_s = 3600\n", "[retry]\njitter = 1\n", "[queue]\nageing_s = 0\n"]
)
def test_the_ends_of_the_ranges_are_allowed(file: Path, text: str) -> None:
    assert load(file, text) != Settings()


def test_a_section_in_the_place_of_a_value_and_the_reverse_are_errors(file: Path) -> None:
    with pytest.raises(SettingsError, match="execution is a section"):
        load(file, "execution = 5\n")
    with pytest.raises(SettingsError, match="on_hangup is a value"):
        load(file, "[on_hangup]\nx = 1\n")
    with pytest.raises(SettingsError, match="on_hangup is a value"):
        load(file, 'on_hangup = "drain"\n', OPSCONSOLE_ON_HANGUP__X="1")
    with pytest.raises(SettingsError, match="execution is a section"):
        load(file, OPSCONSOLE_EXECUTION="5")


def test_a_file_that_is_no_toml_says_where(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"not valid TOML.*line 2"):
        load(file, "[execution]\nconcurrency = \n")
    file.write_bytes(b"name = '\xff'\n")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load_settings(file, {})


def test_a_file_that_cannot_be_read_is_an_error_and_not_the_defaults(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*args: object, **kwargs: object) -> str:
        raise PermissionError(13, "Permission denied")

    file.touch()
    monkeypatch.setattr("opsconsole.toml_files.os.open", denied)
    with pytest.raises(SettingsError, match="cannot be read: Permission denied"):
        load_settings(file, {})


# -- documentation


def test_every_setting_is_documented() -> None:
    assert [name for name, _, text in documented() if len(text) < 10] == []


def test_the_documentation_lists_every_setting_with_its_default() -> None:
    listed = {name: default for name, default, _ in documented()}
    assert listed["execution.concurrency"] == 8
    assert listed["on_hangup"] == "leave"
    sections = {*Settings.__dataclass_fields__, "monitor", "alerts", "console"} - {"others"}
    assert {name.partition(".")[0] for name in listed} == sections


def test_sections_with_a_module_of_their_own(file: Path) -> None:
    settings = load(file, "[monitor]\ninterval_s = 2\n", OPSCONSOLE_MONITOR__AUTOSTART="false")
    assert (settings.monitor.interval_s, settings.monitor.autostart, settings.monitor.keep_raw_h) == (2, False, 48)
    assert settings.alerts == Settings().alerts
    for text in ("[monitor]\ninterval = 2\n", "[monitor]\nmax_share = 2\n", "[monitor]\ninterval_s = 'x'\n"):
        with pytest.raises(SettingsError, match="monitor"):
            load(file, text)


def test_the_defaults_cost_neither_pydantic_nor_the_settings_of_the_monitor() -> None:
    program = "import sys, opsconsole.settings as s; s.load_settings(None, {}); print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "opsconsole.settings" in found.stdout.split()
    unwanted = {"pydantic", "opsconsole.monitor_settings", "opsconsole.alert_settings"}
    assert unwanted & set(found.stdout.split()) == set()


def test_how_the_console_looks_is_set_with_the_rest(file: Path) -> None:
    text = '[console]\nstart = "tasks"\ntheme = "my-dusk"\ngraphs = "ascii"\nmouse = "off"\n'
    console = load(file, text, OPSCONSOLE_CONSOLE__MOUSE="on").console
    assert (console.start, console.theme, console.graphs, console.mouse) == ("tasks", "my-dusk", "ascii", "on")
    default = Settings().console
    assert (default.start, default.theme, default.graphs, default.mouse) == ("overview", "", "auto", "auto")
    assert load(file, '[console]\ntheme = ""\n').console.theme == ""


@pytest.mark.parametrize(
    "line",
    [
        'start = "host"', 'graphs = "sixel"', 'mouse = "yes"', "theme = 3", 'theme = "../evil"',
        r'theme = "a\u001b]0;x\u0007"', f'theme = "{"x" * 65}"',
    ],
)  # fmt: skip
def test_a_console_that_cannot_be_is_an_error_that_names_the_setting(file: Path, line: str) -> None:
    with pytest.raises(SettingsError, match=r"console\." + line.partition(" ")[0]):
        load(file, f"[console]\n{line}\n")


@pytest.mark.parametrize("name", RANGES)
def test_a_range_is_what_is_said_of_it(file: Path, name: str) -> None:
    section, _, key = name.partition(".")
    above, least, most = RANGES[name]
    assert range_of(name)
    wrong = [above if above is not None else least - 1, *([most + 1] if most != math.inf else [])]
    for value in wrong:
        with pytest.raises(SettingsError, match=re.escape(name)):
            load(file, f"[{section}]\n{key} = {value:.12g}\n")
    for value in (one for one in (least, most) if one is not None and one != math.inf):
        load(file, f"[{section}]\n{key} = {value:.12g}\n")


ALL_WRONG = """
on_hangup = "maybe"
nonsense = 1
execution = 7
[queue]
capacity = "many"
ageing_s = -1
[history]
index_output = "64Q"
[retry]
exit_codes = [1, "x", "y"]
[alerts]
notify = ["pigeon"]
maintenance = ["never"]
[alerts.rules.a]
foo = 1
[alerts.mail]
host = "x"
[monitor]
interval_s = 0
max_share = 3
[console]
theme = "a b"
graphs = "nice"
[redaction.rules]
a = "("
b = ""
"""


def test_all_that_is_wrong_is_said_at_once(file: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(file, ALL_WRONG, OPSCONSOLE_FOO="1", OPSCONSOLE_RETRY__JITTER="2")
    names = (
        "OPSCONSOLE_FOO", "on_hangup", "nonsense", "execution is a section", "queue.capacity", "queue.ageing_s",
        "history.index_output", "retry.exit_codes.1", "retry.exit_codes.2", "retry.jitter", "pigeon", "never",
        "alerts.rules.a.foo", "alerts.mail.to", "monitor.interval_s", "monitor.max_share", "console.theme",
        "console.graphs", "redaction.rules.a", "redaction.rules.b",
    )  # fmt: skip
    assert [name for name in names if name not in str(caught.value)] == []


def test_what_is_sound_beside_a_mistake_is_not_complained_of(file: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(file, '[queue]\ncapacity = "many"\nageing_s = 5\n[console]\nstart = "tasks"\n')
    assert str(caught.value).count("setting ") == 1 and "queue.capacity" in str(caught.value)
