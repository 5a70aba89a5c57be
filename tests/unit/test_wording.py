"""Sizes, rates, durations and numbers are put in words in one way, and none of them is rounded past its unit."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from opsconsole import wording
from opsconsole.execution.supervisor import blame
from opsconsole.monitoring.detection.kinds import KINDS
from opsconsole.wording import duration, limit, long_duration, number, quantity, rate, short_quantity, short_size, size

KIB, MIB, GIB, TIB = (1024**power for power in (1, 2, 3, 4))
UNITS = {"B": 1, "KiB": KIB, "MiB": MIB, "GiB": GIB, "TiB": TIB}
LETTERS = {"": 1, "K": KIB, "M": MIB, "G": GIB, "T": TIB}
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
IN_FULL = {"s": 60, "m": 60, "min": 60, "h": 24, "ms": 1000}
"""How many of a unit are one of the next."""

edges = st.sampled_from(
    [unit * factor for unit in UNITS.values() for factor in (0.98, 0.9994, 0.9995, 1, 9.995, 99.95)]
)
sizes = st.one_of(
    st.integers(0, 999 * TIB), st.floats(0, 999 * TIB), edges.flatmap(lambda edge: st.floats(edge * 0.99, edge * 1.01))
)
times = st.one_of(
    st.floats(0, 1e8),
    st.sampled_from([0.001, 1.0, 10.0, 60.0, 3600.0, 86_400.0, 8_640_000.0]).flatmap(
        lambda edge: st.floats(edge * 0.99, edge * 1.01)
    ),
)
unknown = pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])


# -- sizes


@pytest.mark.parametrize(
    ("count", "words", "short"),
    [
        (0, "0 B", "0"),
        (812, "812 B", "812"),
        (1000, "1,000 B", "1.0K"),
        (1023, "1,023 B", "1.0K"),
        (1024, "1 KiB", "1.0K"),
        (1536, "1.50 KiB", "1.5K"),
        (999.4 * KIB, "999 KiB", "999K"),
        (1023.99 * KIB, "1.00 MiB", "1.0M"),
        (64 * MIB, "64 MiB", "64M"),
        (419.2 * MIB, "419 MiB", "419M"),
        (1000 * MIB, "0.98 GiB", "1.0G"),
        (9.96 * GIB, "9.96 GiB", "10G"),
        (18.04 * GIB, "18.0 GiB", "18G"),
        (1500 * TIB, "1,500 TiB", "1500T"),
        (-1536, "-1.50 KiB", "-1.5K"),
        (-0.3, "0 B", "0"),
    ],
)
def test_a_size_in_words_and_in_a_column(count: float, words: str, short: str) -> None:
    assert (size(count), short_size(count)) == (words, short)


def as_bytes(said: str, units: dict[str, int]) -> float:
    match = re.fullmatch(r"([\d,.]+) ?([A-Za-z]*)", said)
    assert match, said
    return float(match[1].replace(",", "")) * units[match[2]]


@given(sizes)
@example(1023.7)
@example(999.6 * KIB)
@example(9.997 * KIB)
@example(99.97 * MIB)
def test_a_size_is_true_to_three_digits_and_eight_cells(count: float) -> None:
    said = size(count)
    assert as_bytes(said, UNITS) == pytest.approx(count, rel=0.0052, abs=0.5)
    assert len(said) <= 8
    assert said != "1,024 B"
    assert said.endswith(" B") or len(re.sub(r"\D|^0\.", "", said)) <= 3


@given(sizes)
@example(999.5)
@example(9.95 * GIB)
def test_a_size_in_a_column_is_true_to_its_last_digit_in_four_cells(count: float) -> None:
    said = short_size(count)
    assert as_bytes(said, LETTERS) == pytest.approx(count, rel=0.051, abs=0.5)
    assert len(said) <= 4


@given(sizes, sizes)
def test_a_larger_size_never_reads_as_a_smaller_one(one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert as_bytes(size(less), UNITS) <= as_bytes(size(more), UNITS)
    assert as_bytes(short_size(less), LETTERS) <= as_bytes(short_size(more), LETTERS)


@given(st.integers(1, 999), st.sampled_from(list(UNITS.items())))
def test_a_whole_number_of_a_unit_is_said_without_decimals(count: int, unit: tuple[str, int]) -> None:
    assert size(count * unit[1]) == f"{count} {unit[0]}"


@given(sizes)
def test_a_rate_is_a_size_a_second(count: float) -> None:
    assert rate(count) == f"{size(count)}/s"


@given(sizes)
def test_the_supervisor_which_imports_nothing_puts_a_size_as_all_do(count: float) -> None:
    assert blame._size(count) == size(count)


@unknown
def test_what_is_not_known_is_the_empty_text(value: float | None) -> None:
    for put in (size, short_size, rate, duration, long_duration, number):
        assert put(value) == ""
    assert long_duration(value, whole=True) == quantity(value, "B/s") == quantity(value, "%") == ""
    assert duration(value, ticking=True) == ""


# -- durations


@pytest.mark.parametrize(
    ("seconds", "narrow", "ticking", "words"),
    [
        (0, "0s", "0s", "0 s"),
        (0.0004, "0s", "0s", "0 s"),
        (0.024, "24ms", "0s", "24 ms"),
        (0.4, "400ms", "0s", "400 ms"),
        (0.9996, "1s", "0s", "1 s"),
        (1.2, "1.2s", "1s", "1.2 s"),
        (9.87, "9.87s", "9s", "9.87 s"),
        (12.34, "12.3s", "12s", "12.3 s"),
        (59.94, "59.9s", "59s", "59.9 s"),
        (59.96, "1m00s", "59s", "1 min"),
        (60, "1m00s", "1m00s", "1 min"),
        (90, "1m30s", "1m30s", "1 min 30 s"),
        (119.6, "2m00s", "1m59s", "2 min"),
        (190, "3m10s", "3m10s", "3 min 10 s"),
        (3599.6, "1h00m", "59m59s", "1 h"),
        (27_900, "7h45m", "7h45m", "7 h 45 min"),
        (86_399.6, "1d00h", "23h59m", "1 d"),
        (5 * 86_400 + 20 * 3600 + 59 * 60, "5d20h", "5d20h", "5 d 20 h"),
        (120 * 86_400 + 3600, "120d", "120d", "120 d"),
        (-3, "0s", "0s", "0 s"),
    ],
)
def test_a_duration_in_a_column_and_in_a_sentence(seconds: float, narrow: str, ticking: str, words: str) -> None:
    assert (duration(seconds), duration(seconds, ticking=True), long_duration(seconds)) == (narrow, ticking, words)


def parts_of(said: str) -> list[tuple[float, str]]:
    found = re.findall(r"([\d.]+) ?(ms|min|[smhd])", said)
    assert found and "".join(map("".join, found)) == said.replace(" ", ""), said
    return [(float(count), unit) for count, unit in found]


@given(times, st.booleans())
def test_no_duration_has_as_many_of_a_unit_as_make_the_next_and_none_is_wider_than_a_column(
    seconds: float, ticking: bool
) -> None:
    for said in (duration(seconds, ticking=ticking), long_duration(seconds)):
        for count, unit in parts_of(said):
            assert count < IN_FULL.get(unit, math.inf), said
    assert len(duration(seconds, ticking=ticking)) <= 6


@given(times)
def test_both_forms_say_the_same_and_are_true_to_their_last_unit(seconds: float) -> None:
    narrow, words = parts_of(duration(seconds)), parts_of(long_duration(seconds))
    said = sum(count * SECONDS[unit] for count, unit in narrow)
    assert said == sum(count * SECONDS[unit] for count, unit in words)
    finest = SECONDS[narrow[-1][1]]
    off = 0.5 if seconds >= 59.95 else 0.05 if seconds >= 9.995 else 0.005 if seconds >= 0.9995 else 0.0005
    assert said - off - 1e-6 <= seconds <= said + max(off, finest if seconds >= 3600 else 0) + off + 1e-6


@given(times)
def test_what_goes_on_is_never_said_to_have_lasted_longer_than_it_has(seconds: float) -> None:
    assert sum(count * SECONDS[unit] for count, unit in parts_of(duration(seconds, ticking=True))) <= seconds


@given(times)
def test_a_duration_to_the_second_has_no_fraction_of_one(seconds: float) -> None:
    said = long_duration(seconds, whole=True)
    assert "." not in said and "ms" not in said


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "now"),
        (0.99, "now"),
        (1, "1m"),
        (59.9, "59m"),
        (60, "1h"),
        (1439, "23h"),
        (1440, "1d"),
        (1_439_999, "999d"),
        (1_440_000, "2y"),
    ],
)
def test_an_age_counts_what_has_passed_in_full(minutes: float, words: str) -> None:
    assert wording.age(int(minutes * 60_000_000)) == words
    assert wording.age(int(minutes * 60_000_000), ticking=True) == {0: "0s", 0.99: "59s"}.get(minutes, words)


# -- the rest


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.35, "0.35"), (4.2, "4.2"), (97.34, "97.3"), (99.96, "100"), (1204, "1,204"), (1e-5, "0"),
        (0.00012, "0.00012"), (-3.14159, "-3.14"), (0.0, "0"), (2e7, "20,000,000"),
    ],
)  # fmt: skip
def test_a_number(value: float, words: str) -> None:
    assert number(value) == words


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_never_a_power_of_ten(value: float) -> None:
    assert "e" not in number(value)


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (812, "B", "812 B"), (18.4 * MIB, "B/s", "18.4 MiB/s"), (1500, "MiB/s", "1.46 GiB/s"), (90, "s", "1 min 30 s"),
        (1250, "ms", "1.25 s"), (86.63, "%", "86.6 %"), (3, "", "3"), (120, "% of a core", "120 % of a core"),
    ],
)  # fmt: skip
def test_a_figure_with_the_unit_it_has_in_the_record(value: float, unit: str, words: str) -> None:
    assert quantity(value, unit) == words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("memory", 512 * MIB, "512 MiB"), ("cpu", 0.5, "50 %"), ("pids", 64, "64"), ("read_bps", 10 * MIB, "10 MiB/s"),
        ("open_files", 1024, "1,024"), ("swap", 0, "0 B"),
    ],
)  # fmt: skip
def test_a_limit_of_a_run(name: str, value: float, words: str) -> None:
    assert limit(name, value) == words


# -- figures of a column


@pytest.mark.parametrize(("value", "unit", "words"), [
    (97.25, "%", "97 %"), (100.0, "%", "100 %"), (0.35, "%/h", "0.35 %"), (25.4, "%/h", "25 %"), (0.0, "%", "0 %"),
    (1250.0, "% of a core", "1.2k %"), (2.7, "× cores", "2.7 ×"), (6.34, "× the threshold", "6.3 ×"),
    (4.0, "processes", "4"), (1204.0, "processes", "1.2k"), (340.0, "ms", "340ms"), (9_120.0, "s", "2h32m"),
    (18.4, "MiB/s", "18M/s"), (31.0, "points", "31"), (999.6, "%", "1.0k %"), (-3.2, "%", "-3.2 %"),
])  # fmt: skip
def test_a_figure_of_a_column(value: float, unit: str, words: str) -> None:
    assert short_quantity(value, unit) == words


@given(st.floats(0, 99_999), st.sampled_from(sorted({kind.unit for kind in KINDS.values()})))
def test_a_figure_of_every_unit_fits_its_column(value: float, unit: str) -> None:
    assert 0 < len(short_quantity(value, unit)) <= 6


@unknown
def test_an_unknown_figure_of_a_column_is_empty(value: float | None) -> None:
    assert short_quantity(value, "%") == ""


# -- why a run ended


@pytest.mark.parametrize(("reason", "in_words", "in_short"), [
    ("memory_limit", "it reached its memory limit", "memory limit"),
    ("open_files_limit", "it reached its files limit", "files limit"),
    ("pids_limit_suspected", "it seems to have reached its pids limit", ""),
    ("exit code 3", "exit code 3", ""), ("the new_limits of Anna", "the new_limits of Anna", ""), ("", "", ""),
    ("it is over its_limit", "it is over its_limit", ""), ("_limit", "_limit", ""),
])  # fmt: skip
def test_a_limit_as_the_reason_is_put_in_words_and_all_else_stays(reason: str, in_words: str, in_short: str) -> None:
    assert (wording.reason(reason), wording.limit_reached(reason)) == (in_words, in_short)
