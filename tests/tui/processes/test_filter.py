"""The filter language of the process list."""

from __future__ import annotations

import pytest

from opsconsole.samples import ProcessSample
from opsconsole.tui.screens.processes.filter import FilterError, parse
from tests.tui.processes.fake_processes import row, small_host

NOW = 10_000.0


def found(line: str, *more: ProcessSample) -> set[int]:
    wanted = parse(line)
    return {one.pid for one in [*small_host().processes, *more] if wanted.matches(one, NOW)}


ALL = {1, 400, 500, 501, 502, 600, 700, 701}


@pytest.mark.parametrize(
    ("line", "pids"),
    [
        ("", ALL),
        ("   ", ALL),
        ("nginx", {500, 501, 502}),
        ("NGINX worker", {501, 502}),
        ('"nginx: master"', {500}),
        ("shop.jar", {600}),
        ("cpu>5", {400, 501, 600}),
        ("cpu >= 7.5", {400, 501, 600}),
        ("cpu=7.5", {501}),
        ("cpu<5% and nginx", {500, 502}),
        ("rss>1G", {400, 600}),
        ("rss>=30MB rss<=31MB", {501, 502}),
        ("rss>=29M rss<30MiB", {501}),
        ("rss<=30M nginx", {500, 501, 502}),
        ("mem>4GiB", {600}),
        ("pid=1", {1}),
        ("pid!=1 and pid<501", {400, 500}),
        ("ppid=500", {501, 502, 700}),
        ("user=www", {501, 502, 600, 701}),
        ("user!=www", {1, 400, 500, 700}),
        ("user~post", {400}),
        ("state=Z", {701}),
        ("state=rz", {700, 701}),
        ("state!=S", {700, 701}),
        ("name=nginx", {500, 501, 502}),
        ("name~q or name~a", {600, 700}),
        ("name!~n", {400, 600, 700, 701, 1}),
        ("name~^ng.*x$", {500, 501, 502}),
        ("command~WORKER|master", {500, 501, 502}),
        (r'command~"^nginx: (worker|master)\b"', {500, 501, 502}),
        (r'command~"-Xmx\d+g"', {600}),
        ("user!~^(www|root)?$", {400, 700}),
        ('user!~"^w{3}$" and name~^n', {500}),
        ("(name~^(java|bash)$ or cpu>40)", {400, 600, 700}),
        ("threads>100", {600}),
        ("nice>0", {600}),
        ("time>1h", {400}),
        ("not user=www not user=root", {400, 700}),
        ("not (user=www or user=root)", {400, 700}),
        ("cpu>5 and (user=www or user=postgres) and not java", {400, 501}),
        ("java or nginx worker", {501, 502, 600}),
        ("! cpu<41", {400}),
        ("OR", None),
    ],
)
def test_what_passes(line: str, pids: set[int] | None) -> None:
    if pids is None:
        with pytest.raises(FilterError):
            parse(line)
    else:
        assert found(line) == pids


RUNS = {500: "14.1", 501: "14.2", 502: "14.2", 600: "140.1", 700: "2.14"}


@pytest.mark.parametrize(
    ("line", "pids"),
    [
        ("run=14", {500, 501, 502}),
        ("run=14.2", {501, 502}),
        ("run = 014.02", {501, 502}),
        ("RUN=14.1", {500}),
        ("task=2", {700}),
        ("run=1", set()),
        ("run=14.22", set()),
        ("run=*", {500, 501, 502, 600, 700}),
        ("run!=*", {1, 400, 701}),
        ("run!=14", ALL - {500, 501, 502}),
        ("run!=14.2", ALL - {501, 502}),
        ("not run=14 and run=*", {600, 700}),
        ("run=14 or run=140", {500, 501, 502, 600}),
        ("run=14 cpu>5", {501}),
        ('run="14"', {500, 501, 502}),
        ("run", set()),
    ],
)
def test_processes_of_our_own_runs(line: str, pids: set[int]) -> None:
    wanted = parse(line)
    assert {one.pid for one in small_host().processes if wanted.matches(one, NOW, RUNS)} == pids


def test_where_none_of_our_runs_is_under_way_no_process_is_of_one() -> None:
    assert found("run=*") == found("run=14") == set()
    assert found("run!=*") == found("run!=14.2") == ALL


def test_words_that_are_signs_elsewhere_are_texts_in_quotes() -> None:
    odd = row(900, "odd", cmdline='run "and" (x>y) \\')
    assert found('"and"', odd) == {900}
    assert found('"(x>y)"', odd) == {900}
    assert found(r'"\"and\"" "\\"', odd) == {900}
    assert found('command="run \\"and\\" (x>y) \\\\"', odd) == {900}


def test_a_text_that_is_long_is_searched_at_its_beginning() -> None:
    long = row(902, "long", cmdline="a" * 40_000 + "b")
    assert found("command~^a+$", long) >= {902} and found("command~ab", long) == set()


def test_age_is_since_the_start() -> None:
    young = row(901, "young", start_time=NOW - 90)
    assert found("age<2m", young) == {901}
    assert found("age<1m", young) == set()


@pytest.mark.parametrize(
    ("line", "pids"),
    [
        ("mem>=10%", {600}), ("rss>1% nginx", set()), ("mem<0.1% and nginx", {500, 501, 502}), ("not mem<10%", {600}),
        ("mem>=1G", {400, 600}),
    ],
)  # fmt: skip
def test_memory_is_also_a_share_of_the_host_s(line: str, pids: set[int]) -> None:
    wanted, everybody = parse(line), small_host().processes
    assert {one.pid for one in everybody if wanted.matches(one, NOW, memory=40_000_000_000)} == pids


def test_no_share_of_a_memory_that_nobody_knows_passes() -> None:
    assert found("mem>0%") == found("mem<100%") == set()


def test_and_binds_more_than_or() -> None:
    assert found("java or nginx and cpu>5") == found("java or (nginx and cpu>5)") == {501, 600}


@pytest.mark.parametrize(
    ("line", "at", "said"),
    [
        ("cpu>", 4, "a value after > is missing"),
        ("cpu> )", 5, "a value after > is wanted"),
        ("nginx and", 9, "a condition is missing"),
        ("nginx and or java", 10, "a condition is wanted, not or"),
        ("(nginx", 6, "a ) is missing"),
        ("nginx)", 5, "a ) too many"),
        ("()", 1, "a condition is wanted"),
        ("> 5", 0, "a field is wanted before >"),
        ("user=www colour=red", 9, "colour is no field (column 10): there are cpu rss"),
        ("rss>10q", 4, "not q"),
        ("rss>10q", 4, "tib tb %, not q"),
        ("pid>1%", 4, "pid takes no unit, not %"),
        ("rss~1%", 3, "rss is a number: ~ is for texts"),
        ("rss>ten", 4, "rss takes a number, not ten"),
        ("pid=1k", 4, "no unit"),
        ("cpu~5", 3, "~ is for texts"),
        ("user>5", 4, "> is for numbers"),
        ('name~"x(y"', 6, "not a regular expression: missing )"),
        ("name~*", 5, "not a regular expression: nothing to repeat"),
        ('name~"(a+)+$"', 6, "can take for ever"),
        ('name~"(a|b)*c"', 6, "can take for ever"),
        ('name="x', 5, "a quote that is not closed"),
        ("run=", 4, "a value after = is missing"),
        ("run>14", 3, "run is one of ours: > is not for it"),
        ("run~14", 3, "~ is not for it"),
        ("run=reindex", 4, "the number of a task, of an attempt as 14.2, or *, not reindex"),
        ("run=14.2.1", 4, "not 14.2.1"),
        ("run=14.", 4, "not 14."),
        ("run=-1", 4, "not -1"),
        ("run=٣", 4, "not ٣"),
        ("run=99999999999999999999", 4, "not 99999999999999999999"),
        ("not " * 200 + "x", 244, "too many"),
        ("(" * 2000, 61, "too many"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(line: str, at: int, said: str) -> None:
    with pytest.raises(FilterError, match=r"\(column \d+\)(\Z|:)") as caught:
        parse(line)
    assert caught.value.at == at
    assert said in str(caught.value)


def test_any_line_is_a_filter_or_an_error_for_the_operator() -> None:
    import random

    pieces = [
        "cpu",
        ">",
        "5",
        "and",
        "or",
        "not",
        "(",
        ")",
        '"',
        "~",
        "[",
        "*",
        "+",
        "\\",
        "=",
        "!=",
        "~",
        "!",
        "rss",
        "1M",
        "run",
        "14.2",
        "é",
        " ",
        "\t",
    ]
    chance = random.Random(7)
    for _ in range(3000):
        line = "".join(chance.choices(pieces, k=chance.randint(0, 12)))
        try:
            found(line)
        except FilterError as error:
            assert 0 <= error.at <= len(line)
