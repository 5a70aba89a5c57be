"""Order, tree, folds, and whose a process is: without a screen."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from opsconsole.storage.running import Running
from opsconsole.tui.screens.processes.filter import parse
from opsconsole.tui.screens.processes.listing import SORTS, Listing, Wish, arrange, parents_of, without_folder
from opsconsole.tui.screens.processes.owners import owners
from tests.tui.processes.fake_processes import row, small_host

HOST = small_host().processes


def pids(listing: Listing) -> list[int]:
    return [one.pid for one in listing.processes]


@pytest.mark.parametrize(
    ("command", "name", "expected"),
    [
        ("/usr/bin/python3 -m opsconsole --path /a/b", "python3", "python3 -m opsconsole --path /a/b"),
        ("/usr/lib/jvm/java-21/bin/java -jar a", "java", "java -jar a"),
        ("/usr/bin/python3 /usr/local/bin/backup", "backup", "python3 /usr/local/bin/backup"),
        ("/opt/My App/bin/server --port 1", "server", "server --port 1"),
        ("sshd: /usr/sbin/sshd -D", "sshd", "sshd: /usr/sbin/sshd -D"),
        ("-bash", "bash", "-bash"), ("/sbin/init", "systemd", "init"), ("/", "", "/"),
    ],
)  # fmt: skip
def test_a_program_without_its_folder(command: str, name: str, expected: str) -> None:
    assert without_folder(command, name) == expected


def test_equals_keep_their_order() -> None:
    one = [row(pid, "x", cpu_percent=2.01 + pid / 1000) for pid in (5, 3, 4)]
    assert pids(arrange(one, Wish(), 0.0)) == [3, 4, 5]


def test_every_column_can_be_sorted_by_and_turned_round() -> None:
    first = {
        "cpu": 400, "rss": 600, "name": 700, "pid": 1, "user": 700, "state": 700, "threads": 600, "nice": 1,
        "time": 400, "command": 700, "age": 1,
    }  # fmt: skip
    assert set(first) == set(SORTS)
    for column, pid in first.items():
        assert pids(arrange(HOST, Wish(sort=column), 0.0))[0] == pid, column
        turned = Wish(sort=column).sorted_by(column)
        assert turned.reverse and len(arrange(HOST, turned, 0.0).processes) == 8


def test_the_next_column_goes_round() -> None:
    seen, wish = [], Wish()
    for _ in SORTS:
        wish = wish.next_sort()
        seen.append(wish.sort)
    assert seen == [*list(SORTS)[1:], "cpu"]


def test_a_tree_leaves_nobody_out() -> None:
    circle = [row(10, "a", ppid=11), row(11, "b", ppid=10), row(12, "own", ppid=12), row(13, "lone", ppid=9999)]
    deep = [row(100 + n, "deep", ppid=99 + n) for n in range(1, 3000)]
    everybody = [*circle, *deep]
    for folded in (frozenset(), frozenset({circle[0].identity}), frozenset({deep[0].identity, deep[9].identity})):
        listing = arrange(everybody, Wish(tree=True, folded=folded), 0.0)
        assert len(listing.branches) == len(listing.processes)
        assert max(len(branch) for branch in listing.branches) < 60
        hidden = sum(listing.below.values())
        assert len(set(pids(listing))) == len(listing.processes) >= len(everybody) - hidden
        assert set(pids(arrange(everybody, Wish(tree=True), 0.0))) == {one.pid for one in everybody}


def folded(*pids: int) -> Listing:
    return arrange(HOST, Wish(tree=True, folded=frozenset((pid, pid * 10) for pid in pids)), 0.0)


def test_a_fold_hides_all_below_and_says_how_many() -> None:
    assert {pid for pid, _ in parents_of(folded())} == {1, 500, 600}
    assert pids(folded(500)) == [1, 400, 600, 701, 500] and folded(500).below == {(500, 5000): 3}
    assert pids(folded(1, 500)) == [1] and folded(1, 500).below == {(1, 10): 7}
    assert folded(400).below == {}
    assert {pid for pid, _ in parents_of(folded(1))} == {1}


def test_a_tree_of_a_filter_shows_where_those_that_pass_hang() -> None:
    listing = arrange(HOST, Wish(tree=True, filter=parse("worker")), 0.0)
    assert pids(listing) == [1, 500, 501, 502] and listing.around == {1, 500} and listing.found == 2


# -- whose they are


def test_a_run_owns_all_below_its_supervisor_and_nobody_else() -> None:
    runs = [Running("14.2", 1, 500, 5000, 0), Running("9.1", 1, 600, None, 0), Running("3.1", 1, 400, 1, 0)]
    assert owners(HOST, runs) == {500: "14.2", 501: "14.2", 502: "14.2", 700: "14.2", 600: "9.1", 701: "9.1"}
    assert owners(HOST, []) == {}
    circle = [row(10, "a", ppid=11), row(11, "b", ppid=10)]
    found: Sequence[Running] = [Running("1.1", 1, 99, None, 0)]
    assert owners(circle, found) == {}
