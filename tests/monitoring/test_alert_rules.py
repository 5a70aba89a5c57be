"""Who is told of what, how often, and when not."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from opsconsole.alert_settings import AlertRule, AlertSettings, Window
from opsconsole.anomalies import AnomalyState, Severity
from opsconsole.errors import SettingsError
from opsconsole.monitoring.alerts.rules import Rules, Trouble
from opsconsole.monitoring.detection.episodes import EpisodeBook
from opsconsole.monitoring.detection.observation import Look, Observation
from opsconsole.storage import alert_states, anomalies
from tests.monitoring.alert_support import HOST, NO_WAIT, START_US, anomaly, desk, process
from tests.monitoring.looks import CALM


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "opsconsole.db"


def targets(settings: AlertSettings, kind: str, severity: Severity = Severity.CRITICAL, subject: str = "") -> Any:
    return Rules(settings).targets(Trouble(kind, subject, HOST, severity))


# -- rules


def test_high_is_told_by_default_and_medium_is_not() -> None:
    assert targets(AlertSettings(), "cpu_high", Severity.HIGH) == ("bell",)
    assert targets(AlertSettings(), "cpu_high", Severity.MEDIUM) == ()


def test_unusual_is_never_told_even_where_a_rule_names_it() -> None:
    settings = AlertSettings(rules={"all": AlertRule(min_severity="low", kinds=("unusual",))})
    assert targets(settings, "unusual") == ()


def test_a_kind_that_does_not_page_is_told_only_where_a_rule_names_it() -> None:
    assert targets(AlertSettings(), "process_cpu_high") == ()
    assert targets(AlertSettings(rules={"a": AlertRule(kinds=("*",))}), "process_cpu_high") == ()
    assert targets(AlertSettings(rules={"a": AlertRule(kinds=("process_*",))}), "process_cpu_high") == ("bell",)


def test_rules_add_up_and_each_notifier_is_told_once() -> None:
    settings = AlertSettings(
        rules={
            "disk": AlertRule(kinds=("disk_*",), subjects=("/var*",), notify=("mail", "bell")),
            "worst": AlertRule(min_severity="critical", notify=("webhook", "mail")),
            "elsewhere": AlertRule(hosts=("web*",), notify=("desktop",)),
        }
    )
    assert targets(settings, "disk_full", Severity.HIGH, "/var/lib") == ("mail", "bell")
    assert targets(settings, "disk_full", Severity.HIGH, "/home") == ()
    assert targets(settings, "disk_full", Severity.CRITICAL, "/var") == ("mail", "bell", "webhook")


# -- one episode


def test_a_flapping_episode_is_told_once(database: Path) -> None:
    with desk(database) as here:
        one = here.opens(anomaly())
        for flips in range(1, 200):
            here.passes(180, step_s=180)
            one = here.seen(replace(one, state=AnomalyState.FLAPPING, flips=flips, value=85.0 + 3 * (-1) ** flips))
        assert here.said == ["[HIGH] db1: cpu_high  at 97.5 %"]


@pytest.mark.unmeasured
def test_a_day_of_separate_episodes_of_the_same_trouble_is_told_ever_more_seldom(database: Path) -> None:
    with desk(database, replace(NO_WAIT, recovery=False)) as here:
        for number in range(1, 241):
            one = here.opens(anomaly(number, at=here.clock.now()))
            here.passes(180, step_s=60)
            here.closes(one)
            here.passes(180, step_s=60)
        assert len(here.said) <= 12, "240 episodes in a day"
        suppressed = here.do(lambda c: c.execute("SELECT count(*) FROM alert WHERE told_at IS NULL").fetchone()[0])
        assert suppressed == 240 - len(here.said)


def test_a_suppressed_attempt_does_not_move_the_cooldown(database: Path) -> None:
    with desk(database, replace(NO_WAIT, recovery=False, cooldown_s=300)) as here:
        here.closes(here.opens(anomaly(1)))  # over before it went out: begins no cooldown
        here.opens(anomaly(2))
        here.goes_out()
        assert len(here.said) == 1
        here.closes(anomaly(2))
        here.clock.advance(299)
        here.closes(here.opens(anomaly(3, at=here.clock.now())))
        here.goes_out()
        assert len(here.said) == 1
        here.clock.advance(2)
        here.opens(anomaly(4, at=here.clock.now()))
        here.goes_out()
        assert len(here.said) == 2


def test_an_episode_that_closes_and_goes_on_is_told_anew_when_its_cooldown_is_over(database: Path) -> None:
    with desk(database) as here:
        one = here.opens(anomaly())
        here.goes_out()
        here.closes(one)
        here.goes_out()
        here.seen(one)
        here.passes(240)
        assert [line.split("]")[0] for line in here.said] == ["[HIGH", "[RESOLVED"]
        here.passes(120)
        assert [line.split("]")[0] for line in here.said] == ["[HIGH", "[RESOLVED", "[HIGH"]
        here.closes(one)
        here.goes_out()
        assert here.said[3:] == ["[RESOLVED] db1: CPU busy, after 7 min"]


@pytest.mark.unmeasured
@pytest.mark.parametrize(("kind", "period_s"), [("cpu_high", 150), ("cpu_high", 1200), ("disk_full", 600)])
def test_a_day_swinging_3_around_85_gives_2_notifications_at_the_most(
    database: Path, kind: str, period_s: float
) -> None:
    rules = {"all": AlertRule(min_severity="low")}
    settings = AlertSettings(rules=rules)
    book = EpisodeBook(HOST, itertools.count(1).__next__)
    chance = random.Random(85)
    with desk(database, settings) as here:
        for step in range(24 * 120):
            here.clock.advance(30)
            swing = 3 * math.sin(2 * math.pi * step * 30 / period_s) + chance.uniform(-0.3, 0.3)
            value = 85 + max(-3.0, min(3.0, swing))
            sample = replace(CALM, time_us=here.clock.now(), monotonic_s=here.clock.monotonic(), interval_s=30.0)
            observation = Observation(kind, "" if kind == "cpu_high" else "/var", value)
            for transition in book.update(Look(sample, {}), [observation]):
                here.seen(transition.anomaly, transition.change)
            here.alerts.tick()
            if step % 2:
                here.goes_out()
        assert 1 <= len(here.said) <= 2, here.said


def test_what_is_mild_is_told_once_and_not_repeated(database: Path) -> None:
    with desk(database, replace(NO_WAIT, min_severity="medium")) as here:
        here.opens(anomaly(severity=Severity.MEDIUM))
        here.passes(24 * 3600, step_s=600)
        assert len(here.said) == 1


def test_what_stays_open_is_repeated_every_four_hours(database: Path) -> None:
    with desk(database) as here:
        here.opens(anomaly())
        here.passes(9 * 3600, step_s=300)
        assert here.said == ["[HIGH] db1: cpu_high  at 97.5 %"] + ["[HIGH] db1: cpu_high  at 97.5 % (still open)"] * 2


def test_a_rise_is_told_once_and_a_second_look_at_it_is_not(database: Path) -> None:
    with desk(database) as here:
        one = here.opens(anomaly())
        here.goes_out()
        worse = here.seen(replace(one, severity=Severity.CRITICAL))
        here.goes_out()
        here.seen(replace(worse, count=99))
        here.goes_out()
        assert [line.split("]")[0] for line in here.said] == ["[HIGH", "[CRITICAL"]
        assert here.said[1].endswith("(worse)")


def test_a_rise_before_the_first_message_went_out_is_in_it(database: Path) -> None:
    with desk(database, AlertSettings(group_wait_s=10)) as here:
        one = here.opens(anomaly())
        here.seen(replace(one, severity=Severity.CRITICAL))
        here.passes(60)
        assert here.said == ["[CRITICAL] db1: cpu_high  at 97.5 %"]


def test_the_recovery_says_how_long_it_lasted(database: Path) -> None:
    with desk(database) as here:
        one = here.opens(anomaly())
        here.goes_out()
        here.clock.advance(12 * 60 + 5 - 60)
        here.closes(one)
        here.goes_out()
        assert here.said[1:] == ["[RESOLVED] db1: CPU busy, after 12 min 5 s"]


def test_what_is_over_before_it_was_told_is_not_told_at_all(database: Path) -> None:
    with desk(database, AlertSettings(group_wait_s=10)) as here:
        one = here.opens(anomaly())
        here.clock.advance(5)
        here.closes(one)
        here.passes(120)
        assert here.said == []
        assert [row.answer for row in here.rows()] == ["over before it was told"]


def test_missing_data_is_no_recovery(database: Path) -> None:
    with desk(database) as here:
        one = here.opens(anomaly())
        here.goes_out()
        here.seen(replace(one, unknown_since=here.clock.now()))
        here.passes(600)
        assert len(here.said) == 1


def test_an_acknowledged_episode_is_not_repeated_but_its_recovery_is_told(database: Path) -> None:
    with desk(database) as here:
        here.opens(anomaly())
        here.goes_out()
        here.do(lambda c: anomalies.acknowledge(c, 1, "ann", here.clock.now()))  # as another console does it
        here.passes(9 * 3600, step_s=300)
        here.closes(anomaly())
        here.goes_out()
        assert [line.split("]")[0] for line in here.said] == ["[HIGH", "[RESOLVED"]


def test_an_acknowledged_episode_that_gets_worse_is_told_once_more(database: Path) -> None:
    with desk(database) as here:
        known = here.opens(anomaly(acknowledged_at=START_US, acknowledged_by="ann"))
        here.goes_out()
        assert here.said == []
        here.do(lambda c: anomalies.acknowledge(c, 1, "ann", here.clock.now()))
        one = here.opens(anomaly(2, "memory_high"))
        here.goes_out()
        here.do(lambda c: anomalies.acknowledge(c, 2, "ann", here.clock.now()))
        here.seen(replace(one, severity=Severity.CRITICAL, acknowledged_at=START_US))
        here.goes_out()
        assert [line.split("]")[0] for line in here.said] == ["[HIGH", "[CRITICAL"]
        assert known.acknowledged_by == "ann"


# -- inhibition


def test_a_host_alarm_hides_its_consequences_until_it_ends(database: Path) -> None:
    rules = {"all": AlertRule(min_severity="low", kinds=("cpu_*", "load_high", "process_*"))}
    with desk(database, replace(NO_WAIT, rules=rules)) as here:
        cause = here.opens(anomaly(1, "cpu_high", processes=(process("burner", 41),)))
        here.opens(anomaly(2, "cpu_spike"))
        here.opens(anomaly(3, "load_high"))
        here.opens(anomaly(4, "process_cpu_high", "burner[41]"))
        here.opens(anomaly(5, "process_cpu_high", "other[77]"))
        here.passes(60)
        assert [line.split(": ")[1] for line in here.said] == [
            "cpu_high  at 97.5 %", "process_cpu_high other[77] at 97.5 %",
        ]  # fmt: skip
        here.closes(cause)
        here.passes(60)
        assert sorted(line.split(": ")[1] for line in here.said[2:]) == [
            "CPU busy, after 2 min", "cpu_spike  at 97.5 %", "load_high  at 97.5 %",
            "process_cpu_high burner[41] at 97.5 %",
        ]  # fmt: skip


def test_a_cause_that_opens_after_its_consequence_hides_it_within_the_group_wait(database: Path) -> None:
    rules = {"all": AlertRule(min_severity="low", kinds=("cpu_*",))}
    with desk(database, AlertSettings(rules=rules, group_wait_s=10)) as here:
        here.opens(anomaly(1, "cpu_spike"))
        here.clock.advance(4)
        here.opens(anomaly(2, "cpu_high"))
        here.passes(60)
        assert here.said == ["[HIGH] db1: cpu_high  at 97.5 %"]


def test_a_full_file_system_hides_only_its_own_fill_rate(database: Path) -> None:
    with desk(database) as here:
        here.opens(anomaly(1, "disk_full", "/var"))
        here.opens(anomaly(2, "disk_fill_rate", "/var"))
        here.opens(anomaly(3, "disk_fill_rate", "/home"))
        here.goes_out()
        assert [line.split(": ")[1] for line in here.said] == [
            "disk_full /var at 97.5 %", "disk_fill_rate /home at 97.5 %",
        ]  # fmt: skip


def test_two_kinds_that_a_site_lets_hide_each_other_are_not_both_hidden(database: Path) -> None:
    settings = replace(NO_WAIT, inhibit={"disk_full": ("oom_killed",), "oom_killed": ("disk_full",)})
    with desk(database, settings) as here:
        here.opens(anomaly(1, "disk_full", "/var"))
        here.opens(anomaly(2, "oom_killed"))
        here.passes(120)
        assert len(here.said) == 1


# -- maintenance


def test_in_a_maintenance_window_nothing_is_told_and_afterwards_what_is_still_open(database: Path) -> None:
    settings = replace(NO_WAIT, maintenance=("Mon 14:00-14:40",))
    with desk(database, settings, zone=UTC) as here:
        here.opens(anomaly(1))
        over = here.opens(anomaly(2, "disk_full", "/var"))
        here.passes(20 * 60)
        here.closes(over)
        assert here.said == []
        (alert, *_) = here.do(alert_states.open_ones)
        assert (alert.state, alert.suppressed_by) == ("suppressed", "maintenance Mon 14:00-14:40")
        here.passes(10 * 60)
        assert here.said == ["[HIGH] db1: cpu_high  at 97.5 %"]


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("Sun 02:00-04:00", "2026-11-22T03:59", "2026-11-22T04:00"),
        ("Sun 02:00-04:00", "2026-11-22T02:00", "2026-11-23T03:00"),
        ("Sat 23:00-01:00", "2026-11-22T00:30", "2026-11-21T00:30"),
        ("Mon-Fri 22:00-23:00", "2026-11-20T22:30", "2026-11-21T22:30"),
        ("Fri-Mon 08:00-09:00", "2026-11-23T08:30", "2026-11-24T08:30"),
        ("sat, sun 08:00-09:00", "2026-11-21T08:30", "2026-11-23T08:30"),
        ("03:00-03:15", "2026-11-24T03:14", "2026-11-24T03:15"),
        ("2026-12-01T00:00+01:00/2026-12-01T06:00+01:00", "2026-12-01T05:59", "2026-12-01T06:00"),
    ],
)
def test_windows_in_local_time(text: str, inside: str, outside: str) -> None:
    zone = timezone(timedelta(hours=1))
    window = Window.parse(text)
    assert window.holds(datetime.fromisoformat(inside).replace(tzinfo=zone))
    assert not window.holds(datetime.fromisoformat(outside).replace(tzinfo=zone))


BERLIN = ZoneInfo("Europe/Berlin")


def held(text: str, begin: str, hours: int) -> list[str]:
    """What the window has of the quarters of an hour (real ones) from `begin` UTC on: local time with its offset."""
    window = Window.parse(text)
    first = datetime.fromisoformat(begin).replace(tzinfo=UTC)
    moments = [(first + timedelta(minutes=15 * at)).astimezone(BERLIN) for at in range(4 * hours)]
    return [f"{moment:%d %H:%M%z}" for moment in moments if window.holds(moment)]


def test_windows_across_midnight_end_the_next_day() -> None:
    found = held("Sat 23:30-00:30", "2026-11-20T00:00", 96)
    assert found == ["21 23:30+0100", "21 23:45+0100", "22 00:00+0100", "22 00:15+0100"]
    assert held("Sun 23:30-24:00", "2026-11-20T00:00", 96) == ["22 23:30+0100", "22 23:45+0100"]
    assert held("Sun 23:30-00:00", "2026-11-20T00:00", 96) == ["22 23:30+0100", "22 23:45+0100"]
    assert len(held("Sun 00:00-24:00", "2026-11-20T00:00", 96)) == 96, "a whole day, once"


def test_windows_on_the_day_the_clock_goes_forward() -> None:
    """29 March 2026: 02:00 is 03:00."""
    assert held("Sun 01:30-03:30", "2026-03-28T22:00", 12) == [
        "29 01:30+0100", "29 01:45+0100", "29 03:00+0200", "29 03:15+0200",
    ]  # fmt: skip
    assert held("Sun 02:15-02:45", "2026-03-28T22:00", 12) == [], "that hour is skipped"
    assert held("Sat 23:45-03:15", "2026-03-28T22:00", 12)[-1] == "29 03:00+0200"
    assert len(held("Sun 00:00-24:00", "2026-03-28T00:00", 72)) == 23 * 4


def test_windows_on_the_day_the_clock_goes_back() -> None:
    """25 October 2026: 03:00 is 02:00 again."""
    assert held("Sun 02:30-03:00", "2026-10-24T22:00", 12) == [
        "25 02:30+0200", "25 02:45+0200", "25 02:30+0100", "25 02:45+0100",
    ]  # fmt: skip
    assert held("Sat 23:45-02:15", "2026-10-24T21:00", 12)[-1] == "25 02:00+0100"
    assert len(held("Sun 00:00-24:00", "2026-10-24T00:00", 72)) == 25 * 4


@pytest.mark.parametrize("name", ["Monday", "mon", "MON"])
def test_days_are_whole_names_or_three_letters(name: str) -> None:
    assert Window.parse(f"{name} 01:00-02:00").days == {0}
    assert Window.parse(f"{name} - sunday 01:00-02:00").days == frozenset(range(7))


@pytest.mark.parametrize(
    "text",
    ["monkey 01:00-02:00", "Mond 01:00-02:00", "mon-friend 01:00-02:00", "mon- 01:00-02:00", ",mon 01:00-02:00",
     "m on 01:00-02:00", "10:00-10:00", "00:00-00:00", "24:00-01:00", "23:00-24:01", "23:00-23:60"],
)  # fmt: skip
def test_what_is_nearly_a_window_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="maintenance"):
        AlertSettings(maintenance=(text,)).check()


@pytest.mark.parametrize("text", ["", "Sun", "Foo 02:00-04:00", "02:00-25:00", "2026-12-02/2026-12-01", "1/2/3"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="maintenance"):
        AlertSettings(maintenance=(text,)).check()
