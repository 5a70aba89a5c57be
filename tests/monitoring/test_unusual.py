"""The learning detector, wired to the series of the samples."""

from __future__ import annotations

import itertools
import math
import random
import struct
import sys
from collections.abc import Callable

import pytest

from opsconsole.anomalies import Change, Severity
from opsconsole.monitoring.detection.observation import Look, Observation
from opsconsole.monitoring.detection.unusual import MOST, MOST_SUBJECTS, UnusualSource, informative
from opsconsole.monitoring.learning.detector import Detector
from opsconsole.samples import Cpu, Memory, Sample, Swap
from tests.monitoring.watched import GIB, START_US, Host


class Far:
    """How far a value is from the mean of what it learned: a detector small enough to see through."""

    threshold = 0.5
    made = 0

    def __init__(self) -> None:
        Far.made += 1
        self.mean, self.seen, self.learned = 0.0, 0, 0
        self.given: list[tuple[float, float, bool]] = []

    @property
    def ready(self) -> bool:
        return self.learned >= 5

    def update(self, timestamp_s: float, value: float, learn: bool = True) -> float:
        self.given = [*self.given[-199:], (timestamp_s, value, learn)]
        self.seen += 1
        score = min(abs(value - self.mean) / 20, 1.0) if self.ready else 0.0
        if learn:
            self.learned += 1
            self.mean += (value - self.mean) / min(self.learned, 50)
        return score

    def state(self) -> bytes:
        return struct.pack("<dq", self.mean, self.learned)

    @classmethod
    def restored(cls, data: bytes) -> Far:
        made = cls()
        try:
            made.mean, made.learned = struct.unpack("<dq", data)
        except struct.error as error:
            raise ValueError("not a state") from error
        return made


def watching(**given: object) -> Host:
    named = {"detector_factory": Far, **given}
    return Host(lambda _, book: UnusualSource(book.frozen, **named))  # type: ignore[arg-type]


def far(host: Host, name: str) -> Far:
    series = host.source._series[name]  # type: ignore[attr-defined]  # its detector is the test's own
    detector = series.detector
    assert isinstance(detector, Far)
    return detector


def minutes(host: Host, count: float, value: Callable[[], float], name: str = "cpu", step: float = 1.0) -> list[Change]:
    found = []
    for _ in range(int(count * 60 / step)):
        found += [t.change for t in host.tick(seconds=step, values={name: value()})]
    return found


def test_a_detector_is_fed_the_mean_of_each_minute() -> None:
    host = watching()
    for second in range(600):
        host.tick(values={"cpu": float(second % 60)})
    given = far(host, "cpu").given
    assert len(given) == 10
    assert [value for _, value, _ in given[1:]] == [29.5] * 9
    times = [at for at, _, _ in given]
    assert [after - before for before, after in itertools.pairwise(times)] == [60.0] * 9
    assert times[0] < START_US / 1e6 + 60


def test_longer_intervals_count_for_as_long_as_they_lasted() -> None:
    host = watching()
    host.tick(values={"cpu": 10.0})
    for _ in range(2):
        host.tick(seconds=30.0, values={"cpu": 10.0})
    host.tick(seconds=20.0, values={"cpu": 90.0})
    for _ in range(10):
        host.tick(seconds=1.0, values={"cpu": 0.0})
    minutes(host, 2, lambda: 0.0)
    values = [value for _, value, _ in far(host, "cpu").given]
    assert 10.0 < max(values) < 70.0  # by number of looks it would be far lower


def test_detectors_are_not_all_fed_at_the_same_look() -> None:
    host = watching(series_filter=lambda _: True)
    names = [f"disk:/{n}" for n in range(MOST_SUBJECTS)] + [f"metric{n}" for n in range(30)]
    values = dict.fromkeys(names, 1.0)
    most = before = 0
    for second in range(600):
        host.tick(values=values)
        fed = sum(far(host, name).seen for name in names) if second > 60 else 0
        if second > 61:
            most = max(most, fed - before)
        before = fed
    assert before >= 30 * 9
    assert most <= 2


def test_what_it_never_saw_is_unusual_and_over_when_it_is_usual_again() -> None:
    host = watching()
    assert minutes(host, 20, lambda: 30.0) == []
    assert minutes(host, 3, lambda: 80.0) == [Change.OPENED]
    (found,) = host.open()
    assert (found.kind, found.subject, found.severity) == ("unusual", "cpu", Severity.LOW)
    assert found.details is not None
    assert found.details["others"] == []
    assert minutes(host, 5, lambda: 30.0) == [Change.CLOSED]


def test_it_does_not_learn_while_an_episode_is_open() -> None:
    host = watching()
    minutes(host, 20, lambda: 30.0)
    minutes(host, 30, lambda: 80.0)
    detector = far(host, "cpu")
    assert detector.mean < 35
    assert [learn for _, _, learn in detector.given[-20:]] == [False] * 20


def test_it_does_not_learn_from_an_incident_of_another_kind() -> None:
    frozen: set[tuple[str, str]] = set()
    host = Host(lambda _, __: UnusualSource(lambda *key: key in frozen, detector_factory=Far))
    minutes(host, 10, lambda: 30.0)
    frozen.add(("cpu_high", ""))
    minutes(host, 2, lambda: 30.0)
    assert far(host, "cpu").given[-1][2] is False


def test_nothing_is_said_before_it_has_learned() -> None:
    host = watching()
    luck = random.Random(3)
    assert minutes(host, 4, lambda: luck.uniform(0, 100)) == []


def test_the_settings_threshold_counts_before_the_detectors_own() -> None:
    strict, loose = watching(threshold=0.9), watching(threshold=0.1)
    for host in (strict, loose):
        minutes(host, 20, lambda: 30.0)
        minutes(host, 3, lambda: 43.0)
    assert (len(strict.open()), len(loose.open())) == (0, 1)


def test_alone_it_stays_low_and_together_it_may_be_more() -> None:
    levels = {"unusual": {"low": 1.0, "medium": 1.2}}
    for count, expected in ((1, Severity.LOW), (3, Severity.MEDIUM)):
        host = Host(lambda _, book: UnusualSource(book.frozen, detector_factory=Far), levels)
        names = ["cpu", "memory", "load1", "processes", "forks"]
        for _ in range(20 * 60):
            host.tick(values=dict.fromkeys(names, 30.0))
        odd = dict.fromkeys(names, 30.0) | dict.fromkeys(names[:count], 90.0)
        for _ in range(180):
            host.tick(values=odd)
        found = host.open()
        assert len(found) == count
        assert max(one.severity for one in found) is expected
        last = max(found, key=lambda one: one.id)
        assert last.details is not None
        assert len(last.details["others"]) == count - 1
        assert last.details["host_rate"] == count / len(names) * 100


def test_missing_data_is_no_recovery_and_no_mean() -> None:
    host = watching()
    minutes(host, 20, lambda: 30.0)
    minutes(host, 3, lambda: 80.0)
    for _ in range(240):
        assert not [t for t in host.tick(values={"memory": 1.0}) if t.change is Change.CLOSED]
    fed = far(host, "cpu").seen
    minutes(host, 0.5, lambda: 80.0)
    assert host.open()
    assert far(host, "cpu").seen <= fed + 2


def test_what_was_learned_survives_a_restart() -> None:
    host = watching()
    minutes(host, 20, lambda: 30.0)
    states = host.source.states()  # type: ignore[attr-defined]
    again = watching()
    again.source.restore({**states, "core:0": b"not watched any more"})  # type: ignore[attr-defined]
    assert again.source.states() == states  # type: ignore[attr-defined]  # also before the series has been seen
    assert minutes(again, 3, lambda: 80.0) == [Change.OPENED]


def test_a_state_that_cannot_be_read_begins_anew(caplog: pytest.LogCaptureFixture) -> None:
    host = watching()
    host.source.restore({"cpu": b"xyz"})  # type: ignore[attr-defined]
    assert minutes(host, 10, lambda: 30.0) == []
    assert far(host, "cpu").mean == pytest.approx(30.0)
    assert "begins anew" in caplog.text


def test_a_series_can_be_forgotten() -> None:
    host = watching()
    minutes(host, 20, lambda: 30.0)
    host.source.reset("cpu")  # type: ignore[attr-defined]
    assert minutes(host, 4, lambda: 80.0) == []
    assert far(host, "cpu").mean == pytest.approx(80.0)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("cpu", True), ("core:0", False), ("cpu_user", False), ("load1", True), ("load5", False),
        ("memory_used", False),
        ("disk:/var", True), ("inodes:/", False), ("drive_latency:sda", True), ("net_rx:eth0", True),
        ("net_rx:lo", False), ("net_tx:veth12ab", False), ("temperature:cpu", False), ("pressure_io", True),
    ],
)  # fmt: skip
def test_informative_series_are_watched(name: str, wanted: bool) -> None:
    assert informative(name) is wanted


class Light:
    """Costs nothing, so that a day passes quickly; counts what it is given."""

    threshold = 0.5
    ready = True

    def __init__(self) -> None:
        self.seen = 0

    def update(self, timestamp_s: float, value: float, learn: bool = True) -> float:
        self.seen += 1
        return 0.0

    def state(self) -> bytes:
        return b"%08d" % self.seen

    @classmethod
    def restored(cls, data: bytes) -> Light:
        made = cls()
        made.seen = int(data)
        return made


@pytest.mark.unmeasured
def test_a_day_of_thirty_series_needs_no_more_memory_than_its_first_hour() -> None:
    source = UnusualSource(lambda *_: False, detector_factory=Light, series_filter=lambda _: True)
    names = [f"metric{n}" for n in range(30)]
    values = dict.fromkeys(names, 1.0)
    memory, swap, cpu = Memory(50.0, 8 * GIB, GIB, GIB), Swap(0.0, 0, 0), Cpu(1.0)
    sizes: list[int] = []
    for second in range(86_400):
        sample = Sample(START_US + second * 1_000_000, float(second), 1.0, cpu, (0.0, 0.0, 0.0), memory, swap)
        assert not list(source.observe(Look(sample, values)))
        if second % 3600 == 3599:
            sizes.append(sum(map(_size, vars(source).values())))
    assert max(sizes) == sizes[0]
    assert sum(int(state) for state in source.states().values()) >= 30 * 1438


def _size(part: object) -> int:
    """Bytes of a part of the source, two levels deep."""
    inner = part.values() if isinstance(part, dict) else ()
    return sys.getsizeof(part) + sum(sys.getsizeof(one) for one in inner)


def test_the_number_of_detectors_is_bounded_and_places_are_given_back() -> None:
    Far.made = 0
    host = watching()
    for hour in range(30):
        names = [f"disk:/mnt/{hour}-{n}" for n in range(40)] + [f"net_rx:eth{hour}-{n}" for n in range(40)]
        for _ in range(6):
            host.tick(seconds=600.0, values={"cpu": 1.0, **dict.fromkeys(names, 1.0)})
        assert host.source.watched <= 1 + 2 * MOST_SUBJECTS  # type: ignore[attr-defined]
        assert host.source.watched <= MOST  # type: ignore[attr-defined]
    assert Far.made > 1 + 2 * MOST_SUBJECTS


@pytest.mark.unmeasured
def test_the_shipped_detector_finds_a_fault_in_a_daily_cycle_and_survives_a_restart() -> None:
    def build() -> Host:
        return Host(lambda _, book: UnusualSource(book.frozen))

    luck = random.Random(5)

    def load(host: Host) -> float:
        return 30 + 10 * math.sin(host.clock.now_us / 1e6 / 86_400 * 2 * math.pi) + luck.gauss(0, 1.5)

    host = build()
    opened = 0
    for _ in range(2 * 2880):
        opened += sum(t.change is Change.OPENED for t in host.tick(seconds=30.0, values={"cpu": load(host)}))
    assert opened <= 2
    again = Host(lambda _, book: UnusualSource(book.frozen), clock=host.clock)
    again.source.restore(host.source.states())  # type: ignore[attr-defined]
    changes = [t.change for _ in range(12) for t in again.tick(seconds=30.0, values={"cpu": 95 + luck.gauss(0, 1)})]
    assert Change.OPENED in changes
    assert isinstance(again.source._series["cpu"].detector, Detector)  # type: ignore[attr-defined]


def test_the_shipped_detector_that_has_not_learned_says_nothing() -> None:
    host = Host(lambda _, book: UnusualSource(book.frozen))
    for n in range(100):
        look = host.look(seconds=30.0, values={"cpu": float(n)})
        assert [each for each in host.source.observe(look) if each.value is not None] == list[Observation]()
