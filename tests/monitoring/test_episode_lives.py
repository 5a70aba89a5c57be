"""Episodes over changed settings, restarts and what people do to them; the watch that gathers observations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsconsole.anomalies import Anomaly, AnomalyState, Change, Transition
from opsconsole.monitoring.detection.episodes import COOLDOWN_S, EpisodeBook
from opsconsole.monitoring.detection.observation import Look, Observation
from opsconsole.monitoring.detection.thresholds import parse
from opsconsole.monitoring.detection.watch import Watch
from tests.monitoring.episode_support import SHORT, busy, flapping, full, opened
from tests.monitoring.looks import CALM, HOST, START_US, Hands, process

# -- settings, restart, people


def test_new_thresholds_are_in_force_from_the_next_look_on() -> None:
    hands = opened()
    hands.watch.reload(parse({"cpu_high": {"enabled": False}}))
    assert hands.cpu(88.0) == ["closed cpu_high: switched off in the settings"]
    assert hands.cpu(*[99.0] * 100) == []
    hands = opened()
    hands.watch.reload(parse({"cpu_high": {"enabled": False}}))
    assert [each.change for each in hands.tell()] == [Change.CLOSED]


def test_what_it_was_beyond_stays_when_a_threshold_is_raised() -> None:
    hands = opened()
    hands.watch.reload(parse({"cpu_high": {"enter": 99}}))
    hands.cpu(88.0)
    assert (hands.one.threshold, hands.one.value) == (85.0, 88.0)


def test_a_threshold_may_be_another_for_a_device() -> None:
    hands = Hands({"disk_full": {"on": {"/dev/vdb*": {"enabled": False}, "/var": {"enter": 95}}}})
    assert hands.tell(full(99.0, "/mnt", aliases=("/dev/vdb1",)), full(94.0, "/var")) == []
    assert [each.anomaly.subject for each in hands.tell(full(99.0, "/"), full(96.0, "/var"))] == ["/", "/var"]


def restarted(hands: Hands, found: list[Anomaly]) -> Hands:
    later = Hands(hands.settings)
    later.at_s = hands.at_s + 60.0
    later.ids = hands.ids
    later.book = later.new_book(parse(hands.settings))
    later.book.restore(found, START_US + round(later.at_s * 1e6), 1000.0 + later.at_s)
    return later


def test_a_restart_continues_the_episode_as_unknown() -> None:
    hands = opened()
    before = hands.one
    later = restarted(hands, hands.book.open())
    assert later.book.frozen("cpu_high")
    assert later.book.following("cpu_high") == [""]
    assert later.one == replace(before, unknown_since=before.last_at, message=before.message + "; no data just now")
    assert later.cpu(*[None] * 100) == []
    assert later.cpu(88.0) == ["changed cpu_high: data again"]
    assert (later.one.id, later.one.began_at, later.one.count) == (before.id, before.began_at, 12)
    assert later.one.mean == pytest.approx(88.0)
    assert later.cpu(*[40.0] * 21) == ["closed cpu_high: recovered"]
    assert later.one.id == before.id


def test_a_restart_is_no_recovery() -> None:
    hands = opened()
    later = restarted(hands, hands.book.open())
    assert later.cpu(*[40.0] * 20) == ["changed cpu_high: data again"]
    assert later.cpu(40.0) == ["closed cpu_high: recovered"]


def test_a_restart_goes_on_flapping() -> None:
    later = restarted(hands := flapping(), hands.book.open())
    assert later.cpu(*[40.0] * 299) == ["changed cpu_high: data again"]
    assert later.one.state is AnomalyState.FLAPPING
    assert "it comes and goes; " not in later.one.message


@pytest.mark.parametrize("moved_s", [5 * 365 * 86400, -5 * 365 * 86400, -30])
def test_a_clock_that_was_set_before_the_restart_makes_no_episode_of_years(moved_s: int) -> None:
    hands = opened()
    hands.wall_us = moved_s * 1_000_000
    later = Hands(hands.settings)
    later.at_s, later.ids, later.wall_us = hands.at_s + 60.0, hands.ids, hands.wall_us
    sample = later.sample()
    later.book.restore(hands.book.open(), sample.time_us, sample.monotonic_s)
    later.cpu(*[40.0] * 22)
    found = later.one
    assert found.state is AnomalyState.CLOSED and found.closed_at is not None
    assert found.began_at <= found.opened_at <= found.last_at <= found.closed_at
    assert found.duration_s is not None and 20 < found.duration_s < 120
    assert "over after" in found.message and " d" not in found.message.split(":")[0]


def closed() -> Hands:
    hands = opened()
    hands.cpu(*[40.0] * 21)
    assert hands.one.state is AnomalyState.CLOSED
    return hands


def test_what_begins_again_soon_after_a_restart_is_the_same_episode() -> None:
    hands = closed()
    later = restarted(hands, hands.book.recent())
    assert later.book.open() == [] and not later.book.frozen("cpu_high")
    assert later.cpu(*[88.0] * 11) == ["opened cpu_high: again"]
    assert later.one.id == hands.one.id
    assert later.one.began_at == hands.one.began_at


def test_what_was_closed_long_before_the_restart_or_by_hand_is_over() -> None:
    hands = closed()
    by_hand = replace(hands.one, links=({"kind": "closed_by_hand", "ref": "ann"},))
    hands.at_s += COOLDOWN_S
    for found in ([hands.one], [by_hand]):
        later = restarted(hands, found)
        later.cpu(*[88.0] * 11)
        assert later.one.id != hands.one.id
    hands.at_s -= COOLDOWN_S
    later = restarted(hands, [by_hand])
    later.cpu(*[88.0] * 11)
    assert later.one.id != hands.one.id


def test_only_open_episodes_of_this_host_and_of_known_kinds_are_continued() -> None:
    found = opened().one
    later = Hands(SHORT)
    others = [
        replace(found, host="elsewhere"),
        replace(found, kind="of_a_newer_version"),
        replace(found, state=AnomalyState.CLOSED),
    ]
    later.book.restore(others, START_US, 1000.0)
    assert later.book.open() == []


def test_a_process_that_ended_while_nobody_watched_is_gone() -> None:
    hands = Hands({"process_cpu_high": {"for_s": 0}})
    hands.tell(busy(120.0), processes=(process(7),))
    later = restarted(hands, hands.book.open())
    assert later.tell(processes=(process(8),)) == []
    assert later.tell(after_s=2.0, processes=(process(8),))[0].what == "subject gone"


def test_what_people_did_is_taken_over_once() -> None:
    hands = opened()
    stored = replace(
        hands.one,
        acknowledged_at=START_US,
        acknowledged_by="ann",
        silenced_until=START_US + 1,
        notes=({"at": START_US, "by": "ann", "text": "x"},),
        links=({"at": START_US, "kind": "fix", "ref": "3"},),
    )
    (changed,) = hands.book.refresh([stored])
    assert changed.change is Change.CHANGED
    assert changed.what == "acknowledged by ann, silenced, noted, linked to what was done about it"
    assert changed.anomaly == stored
    assert hands.book.refresh([stored]) == []
    assert hands.one.acknowledged_by == "ann"
    assert [each.what for each in hands.book.refresh([replace(stored, silenced_until=None)])] == ["no longer silenced"]


def test_one_that_was_closed_by_hand_is_forgotten_and_may_begin_anew() -> None:
    hands = opened()
    closed = replace(
        hands.one,
        state=AnomalyState.CLOSED,
        closed_at=START_US + 5,
        links=({"at": START_US, "kind": "closed_by_hand", "ref": "ann", "note": ""},),
    )
    assert hands.book.refresh([closed]) == [Transition(Change.CLOSED, closed, "closed by ann")]
    assert hands.book.refresh([closed]) == []
    assert hands.one == closed
    assert hands.cpu(*[88.0] * 11) == ["opened cpu_high"]
    assert hands.book.open()[0].id == 2


def test_a_row_that_is_behind_closes_nothing() -> None:
    hands = opened()
    behind = replace(hands.one, state=AnomalyState.CLOSED, closed_at=START_US)
    assert hands.book.refresh([behind]) == []
    assert hands.one.state is AnomalyState.OPEN


def test_the_last_hundred_are_remembered_newest_first() -> None:
    hands = Hands()
    hands.tell(*[full(91.0, f"/{number}") for number in range(150)])
    hands.tell(*[full(50.0, f"/{number}") for number in range(150)])
    hands.tell(*[full(50.0, f"/{number}") for number in range(150)], after_s=10.0)
    assert [each.id for each in hands.book.recent()] == list(range(150, 50, -1))
    assert hands.book.open() == []


# -- the watch


class Counting:
    def __init__(self, fails: int = 0) -> None:
        self.asked = 0
        self.fails = fails
        self.reloaded = 0

    def observe(self, look: Look) -> list[Observation]:
        self.asked += 1
        if self.asked <= self.fails:
            raise RuntimeError("no such thing")
        return [Observation("memory_high", "", 95.0)]

    def reload(self, thresholds: object) -> None:
        self.reloaded += 1


def looked(watch: Watch, seconds: range) -> None:
    for number in seconds:
        watch.look(Look(replace(CALM, monotonic_s=float(number)), {}))


def test_a_source_that_fails_is_left_alone_and_the_others_are_heard() -> None:
    told: list[str] = []
    bad, good = Counting(fails=10**6), Counting()
    book = EpisodeBook(HOST, iter(range(1, 9)).__next__)
    watch = Watch(book.thresholds, HOST, [bad, good], book, told.append)
    looked(watch, range(40))
    assert (bad.asked, good.asked) == (3, 40)
    assert told == [
        "Counting failed 3 times in a row and is asked only now and then: RuntimeError: no such thing",
    ]
    assert list(watch.notes) == told
    assert len(book.open()) == 1
    looked(watch, range(40, 10_000))  # after 1, 2, 4, 8, 16 minutes, and then every half hour
    assert bad.asked == 3 + 5 + 4
    assert len(told) == len(watch.notes) == 1


def test_a_source_that_was_left_alone_is_heard_again_when_it_works() -> None:
    told: list[str] = []
    source = Counting(fails=4)
    book = EpisodeBook(HOST, iter(range(1, 9)).__next__)
    watch = Watch(book.thresholds, HOST, [source], book, told.append)
    looked(watch, range(182))
    assert (source.asked, watch.notes) == (4, (told[0],))
    looked(watch, range(182, 220))
    assert source.asked == 4 + 38
    assert (watch.notes, told[1:]) == ((), ["Counting works again"])
    assert len(book.open()) == 1


def test_other_settings_give_a_source_its_tries_back_at_once() -> None:
    source = Counting(fails=3)
    book = EpisodeBook(HOST, iter(range(1, 9)).__next__)
    watch = Watch(book.thresholds, HOST, [source], book)
    looked(watch, range(10))
    watch.reload(parse({}))
    assert watch.notes == ()
    looked(watch, range(10, 12))
    assert source.asked == 5


def test_a_source_that_works_again_has_all_its_tries_back() -> None:
    class Sometimes(Counting):
        def observe(self, look: Look) -> list[Observation]:
            self.asked += 1
            if self.asked % 3:
                raise RuntimeError
            return []

    source = Sometimes()
    book = EpisodeBook(HOST, iter(range(1, 9)).__next__)
    watch = Watch(book.thresholds, HOST, [source], book)
    for number in range(30):
        watch.look(Look(replace(CALM, monotonic_s=float(number)), {}))
    assert source.asked == 30
    watch.reload(parse({}))
    assert source.reloaded == 1


def test_a_kind_that_nobody_knows_breaks_nothing() -> None:
    hands = Hands()
    found = hands.tell(Observation("no_such_kind", "", 5.0), full(91.0))
    assert [each.anomaly.kind for each in found] == ["disk_full"]


def test_a_thing_two_sources_speak_of_counts_once() -> None:
    hands = Hands(SHORT)
    for _ in range(10):
        hands.tell(Observation("cpu_high", "", 88.0), Observation("cpu_high", "", 88.0))
    assert hands.seen == []
