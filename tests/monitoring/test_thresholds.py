"""Thresholds: what the settings may change, what is refused and how it is named, which one is in force."""

from __future__ import annotations

import math
import tomllib

import pytest

from opsconsole.alert_settings import AlertSettings
from opsconsole.anomalies import Severity
from opsconsole.errors import SettingsError
from opsconsole.monitoring.alerts.rules import Rules, Trouble
from opsconsole.monitoring.detection import messages
from opsconsole.monitoring.detection.kinds import GONE_AFTER_S, KINDS, Kind
from opsconsole.monitoring.detection.thresholds import KEYS, Threshold, parse

LOW, MEDIUM, HIGH, CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL
REQUIRED = (
    "cpu_high", "cpu_spike", "memory_high", "swap_thrash", "memory_pressure", "io_pressure", "disk_full",
    "disk_fill_rate", "inode_full", "load_high", "process_cpu_high", "process_memory_high", "process_memory_leak",
    "zombie_processes", "fd_exhaustion", "network_errors", "oom_killed", "disk_health", "run_failure_rate",
    "run_unusual_duration", "run_stuck", "unusual",
)  # fmt: skip


def in_force(kind: str, given: dict[str, object], subject: str = "") -> Threshold:
    return parse({kind: given}).lookup(kind, subject, "here")


# -- the kinds


def test_every_kind_that_was_asked_for_is_there_with_its_defaults() -> None:
    assert set(REQUIRED) <= set(KINDS)
    assert (KINDS["cpu_high"].levels[0][1], KINDS["cpu_high"].for_s, KINDS["cpu_high"].clear_for) == (85, 60, 120)
    assert (KINDS["memory_high"].levels[0][1], KINDS["memory_high"].for_s) == (90, 30)
    assert (KINDS["disk_full"].levels[0][1], KINDS["disk_full"].for_s) == (85, 0)
    assert KINDS["cpu_spike"].levels[0][1] == 20
    general = parse().general
    assert (general("cpu_high").clear, general("memory_high").clear, general("disk_full").clear) == (75, 85, 82)
    assert not KINDS["unusual"].pages


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_is_whole(kind: Kind) -> None:
    assert kind.category in ("cpu", "memory", "disk", "io", "network", "process", "run", "learning")
    assert kind.subject in ("host", "script", *GONE_AFTER_S)
    assert set(kind.inhibited_by) <= set(KINDS) - {kind.name}
    assert len(kind.what_to_do) > 20
    assert kind.what_to_do.endswith(".")
    values = [value for _, value in kind.levels]
    assert values == sorted(values, reverse=kind.below)
    assert list(kind.levels) == sorted(kind.levels)
    assert (kind.subject == "host") != ("{subject}" in kind.says)
    threshold = parse().general(kind.name)
    assert threshold.recovered(threshold.clear)
    assert threshold.severity(threshold.clear) is None
    told = messages.begun(threshold, "subject", 3.0, kind.levels[-1][0], 70.0, "")
    assert "{" not in told
    assert ("for 1 min 10 s" in told) is not kind.of_itself


# -- what the settings change


def test_a_level_changes_that_level_and_keeps_the_others_that_still_fit() -> None:
    found = in_force("disk_full", {"high": 93})
    assert found.levels == ((LOW, 85), (MEDIUM, 90), (HIGH, 93), (CRITICAL, 98))
    assert in_force("disk_full", {"high": 88}).levels == ((LOW, 85), (HIGH, 88), (CRITICAL, 98))
    assert in_force("disk_full", {"low": 96}).levels == ((HIGH, 96), (CRITICAL, 98))


def test_enter_moves_the_mildest_level_and_clear_follows() -> None:
    found = in_force("cpu_high", {"enter": 70})
    assert found.levels == ((MEDIUM, 70), (HIGH, 90), (CRITICAL, 95))
    assert (found.enter, found.clear) == (70, 60)
    assert in_force("cpu_high", {"enter": 5}).clear == 0


@pytest.mark.parametrize(
    ("kind", "given", "levels"),
    [
        ("memory_high", {"enter": 98}, ((CRITICAL, 98),)),
        ("cpu_high", {"enter": 96}, ((CRITICAL, 96),)),
        ("cpu_high", {"enter": 92}, ((HIGH, 92), (CRITICAL, 95))),
        ("cpu_high", {"medium": 96}, ((CRITICAL, 96),)),
        ("disk_fill_rate", {"enter": 3600}, ((CRITICAL, 3600),)),
        ("run_stuck", {"enter": 7200}, ((HIGH, 7200),)),
        ("disk_full", {"enter": 97, "critical": 99}, ((HIGH, 97), (CRITICAL, 99))),
        # what is said with words holds
        ("cpu_high", {"medium": 96, "high": 99}, ((MEDIUM, 96), (HIGH, 99))),
        ("cpu_high", {"enter": 96, "critical": False}, ((HIGH, 96),)),
        ("cpu_high", {"enter": 96, "high": False, "critical": False}, ((MEDIUM, 96),)),
        ("cpu_high", {"enter": 96, "medium": False, "high": False, "critical": False}, ((MEDIUM, 96),)),
    ],
)
def test_a_level_is_as_grave_as_what_it_displaces(
    kind: str, given: dict[str, object], levels: tuple[tuple[Severity, float], ...]
) -> None:
    assert in_force(kind, given).levels == levels


@pytest.mark.parametrize(("kind", "enter"), [("memory_high", 98), ("cpu_high", 96)])
def test_a_raised_threshold_still_wakes_somebody(kind: str, enter: float) -> None:
    severity = in_force(kind, {"enter": enter}).severity(enter + 1)
    assert severity is not None
    assert Rules(AlertSettings()).targets(Trouble(kind, "", "here", severity)) == ("bell",)


def test_a_special_level_displaces_no_more_than_it_must() -> None:
    found = parse({"memory_high": {"enter": 98, "on": {"a": {"enter": 92}, "b": {"enter": 99}, "c": {"medium": 97}}}})
    assert found.lookup("memory_high", "", "a").levels == ((MEDIUM, 92), (HIGH, 95), (CRITICAL, 98))
    assert found.lookup("memory_high", "", "b").levels == ((CRITICAL, 99),)
    assert found.lookup("memory_high", "", "c").levels == ((HIGH, 97), (CRITICAL, 98))


def test_false_takes_a_level_away() -> None:
    assert in_force("cpu_high", {"critical": False, "high": False}).levels == ((MEDIUM, 85),)
    assert in_force("cpu_high", {"low": 60, "medium": False}).levels == ((LOW, 60), (HIGH, 90), (CRITICAL, 95))


def test_for_brings_its_double_along_unless_that_is_set() -> None:
    assert (in_force("cpu_high", {"for_s": 5}).for_s, in_force("cpu_high", {"for_s": 5}).clear_for_s) == (5, 10)
    assert in_force("cpu_high", {"for_s": 5, "clear_for_s": 0}).clear_for_s == 0
    assert in_force("disk_full", {"for_s": 0}).clear_for_s == 10


def test_where_small_is_bad_everything_is_the_other_way_round() -> None:
    found = in_force("disk_fill_rate", {"enter": 3600, "critical": 600})
    assert found.levels == ((MEDIUM, 3600), (CRITICAL, 600))
    assert found.clear == 5 * 3600
    assert found.severity(3600) is None
    assert found.severity(3599) is MEDIUM
    assert found.severity(10) is CRITICAL
    assert found.recovered(5 * 3600)
    assert not found.recovered(5 * 3600 - 1)


def test_the_severity_of_a_value() -> None:
    found = parse().general("disk_full")
    assert [found.severity(value) for value in (85, 85.1, 90.1, 95.1, 100)] == [None, LOW, MEDIUM, HIGH, CRITICAL]
    assert [found.level_of(each) for each in (Severity.INFO, LOW, HIGH)] == [85, 85, 95]


# -- for whom


SETTINGS = tomllib.loads("""
[cpu_high]
for_s = 20
[cpu_high.on."web*"]
enter = 95
[disk_full.on."/var"]
enabled = false
[disk_full.on."/mnt/*"]
enter = 97
[disk_full.on."/dev/vdb"]
low = 91
[disk_full.on.here]
low = 50
[process_cpu_high.on.stress]
enter = 200
""")


@pytest.mark.parametrize(
    ("kind", "subject", "host", "aliases", "expected"),
    [
        ("cpu_high", "", "db1", (), 85),
        ("cpu_high", "", "web1", (), 95),
        ("disk_full", "/", "there", (), 85),
        ("disk_full", "/", "here", (), 50),
        ("disk_full", "/mnt/a", "here", (), 97),
        ("disk_full", "/mnt", "there", (), 85),
        ("disk_full", "/", "here", ("/dev/vdb",), 91),
        ("disk_full", "/mnt/a", "here", ("/dev/vdb",), 97),
        ("process_cpu_high", "stress[12]", "here", (), 200),
        ("process_cpu_high", "stress", "here", (), 200),
        ("process_cpu_high", "stress-ng[12]", "here", (), 90),
    ],
)
def test_the_most_special_one_is_in_force(
    kind: str, subject: str, host: str, aliases: tuple[str, ...], expected: float
) -> None:
    found = parse(SETTINGS)
    for _ in range(2):
        assert found.lookup(kind, subject, host, aliases).enter == expected


def test_a_special_one_has_what_the_kind_has_in_general() -> None:
    found = parse(SETTINGS)
    assert found.lookup("cpu_high", "", "web1").for_s == 20
    assert found.lookup("cpu_high", "", "web1").clear == 85
    assert not found.lookup("disk_full", "/var", "here").enabled
    assert list(found.special("disk_full")) == ["/var", "/mnt/*", "/dev/vdb", "here"]


def test_a_clear_set_in_general_gives_way_to_special_levels_on_its_other_side() -> None:
    found = parse({"disk_full": {"clear": 80, "on": {"/a": {"enter": 60}, "/b": {"enter": 82}}}})
    assert found.lookup("disk_full", "/a", "").clear == 57
    assert found.lookup("disk_full", "/b", "").clear == 80


def test_very_many_subjects_do_not_make_it_grow() -> None:
    found = parse({"process_cpu_high": {"on": {"x*": {"enter": 95}}}})
    for pid in range(10_000):
        found.lookup("process_cpu_high", f"x[{pid}]", "here")
    assert len(found._found) < 5_000


# -- what is refused


@pytest.mark.parametrize(
    ("settings", "named", "hint"),
    [
        ({"cpu_hihg": {}}, "monitor.thresholds.cpu_hihg", "did you mean cpu_high?"),
        ({"zzz": {}}, "monitor.thresholds.zzz", "anomalies kinds"),
        ({"cpu_high": {"entr": 5}}, "monitor.thresholds.cpu_high.entr", "did you mean enter?"),
        ({"cpu_high": {"on": {"a": {"fro_s": 5}}}}, 'monitor.thresholds.cpu_high.on."a".fro_s', "for_s"),
        ({"cpu_high": 90}, "monitor.thresholds.cpu_high must be a table", "enter"),
        ({"cpu_high": {"on": {"a": 5}}}, 'monitor.thresholds.cpu_high.on."a" must be a table', ""),
        ({"cpu_high": {"on": {"a": {"on": {}}}}}, "cannot have `on`", ""),
        ({"cpu_high": {"enter": "90"}}, "monitor.thresholds.cpu_high.enter must be a number", ""),
        ({"cpu_high": {"enter": True}}, "monitor.thresholds.cpu_high.enter must be a number", ""),
        ({"cpu_high": {"enter": math.nan}}, "monitor.thresholds.cpu_high.enter must be a number", ""),
        ({"cpu_high": {"high": math.inf}}, "monitor.thresholds.cpu_high.high must be a number", ""),
        ({"cpu_high": {"enter": 101}}, "at most 100, not 101", ""),
        ({"cpu_high": {"for_s": -1}}, "monitor.thresholds.cpu_high.for_s must be at least 0", ""),
        ({"cpu_high": {"clear": 86}}, "monitor.thresholds.cpu_high.clear is 86", ""),
        ({"cpu_high": {"enter": 50, "clear": 51}}, "monitor.thresholds.cpu_high.clear is 51", ""),
        ({"disk_fill_rate": {"clear": 100}}, "must be at least the level at which it begins, 28800", ""),
        ({"cpu_high": {"medium": 90, "high": 80}}, "high (80) must be above medium (90)", ""),
        ({"cpu_high": {"medium": 90, "high": 90}}, "high (90) must be above medium (90)", ""),
        ({"disk_fill_rate": {"medium": 10, "critical": 20}}, "critical (20) must be below medium (10)", ""),
        ({"cpu_high": {"enter": 80, "medium": 70}}, "enter is the same as monitor.thresholds.cpu_high.medium", ""),
        ({"cpu_high": {"medium": False, "high": False, "critical": False}}, "leaves no level", "enabled = false"),
        ({"cpu_high": {"enabled": "no"}}, "monitor.thresholds.cpu_high.enabled must be true or false", ""),
    ],
)
def test_what_is_wrong_is_named(settings: dict[str, dict[str, object]], named: str, hint: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parse(settings)
    assert named in raised.value.message
    assert hint in raised.value.hint


def test_every_key_is_known() -> None:
    assert set(KEYS) == {"enter", "low", "medium", "high", "critical", "for_s", "clear", "clear_for_s", "enabled", "on"}
    with pytest.raises(KeyError):
        parse().lookup("no_such_kind", "", "")


# -- words


def test_amounts() -> None:
    def told(kind: str, value: float) -> str:
        return messages.amount(KINDS[kind], value)

    assert told("cpu_high", 97.4) == "97 %"
    assert told("network_errors", 0.123) == "0.12 %"
    assert told("oom_killed", 1) == "1 process"
    assert told("oom_killed", 3) == "3 processes"
    assert told("process_cpu_high", 120) == "120 % of a core"
    assert told("load_high", 2.25) == "2.2 × the cores"
    assert told("run_stuck", 700) == "11 min 40 s"
    assert told("swap_thrash", 1500) == "1.46 GiB/s"
    assert told("drive_latency", 1250) == "1.25 s"


def test_a_level_of_nothing_is_not_spoken_of() -> None:
    told = messages.begun(parse().general("oom_killed"), "", 1.0, HIGH, 0.0, "")
    assert told == "the kernel killed 1 process in 5 minutes for lack of memory"


# -- what is said of them


def test_a_sentence_names_a_level_that_its_value_is_beyond() -> None:
    """An episode that opens anew is as grave as it once was; its value need not be."""
    rate, disk = parse().general("run_failure_rate"), parse().general("disk_full")
    assert messages.begun(rate, "sync-assets", 60.0, CRITICAL, 0, "") == (
        "60 % of the last runs of sync-assets failed, over 50 %"
    )
    assert (rate.passed(60.0, LOW), rate.passed(20.0, CRITICAL)) == (30.0, None)
    assert messages.begun(rate, "sync-assets", 20.0, HIGH, 0, "") == "20 % of the last runs of sync-assets failed"
    assert messages.begun(disk, "/var", 85.09, LOW, 0, "") == "/var is 85.1 % full, over 85 %"
    assert messages.begun(parse().general("unusual"), "net_tx:eth0", 2.6, LOW, 0, "") == (
        "net_tx:eth0 is unusual: 2.6 × the limit of what is usual"
    )
