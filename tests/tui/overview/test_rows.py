"""What the lists say, without an app."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
from rich.cells import cell_len

from opsconsole.anomalies import Anomaly, AnomalyState, Severity, most_urgent_first
from opsconsole.events import SampleTaken
from opsconsole.models import Priority, Status, Task
from opsconsole.samples import Disk, Drive
from opsconsole.storage.looks import DeadConsole, Happened
from opsconsole.tui import episodes
from opsconsole.tui.glyphs import ASCII, BRAILLE
from opsconsole.tui.screens.overview import figures, rows, since
from opsconsole.tui.screens.overview.cores import core_rows, heading
from opsconsole.tui.screens.overview.pane import Row
from opsconsole.tui.widgets.cells import fit_path
from tests.tui.fake_engine import _BLANK, NOW, SECOND
from tests.tui.fake_monitoring import process, sample
from tests.tui.scenes import HOSTILE, HOUR, MINUTE


def text(row: Row) -> str:
    return " ".join(cell.text for cells, _ in row for cell in cells)


def episode(**fields: object) -> Anomaly:
    blank = Anomaly(
        id=1, kind="memory_high", subject="", host="h", severity=Severity.HIGH, state=AnomalyState.OPEN,
        began_at=NOW - 4 * MINUTE, opened_at=NOW - 4 * MINUTE, last_at=NOW, closed_at=None, value=93.0, peak=93.0,
        mean=91.0, count=9, threshold=90.0, unit="%", message="memory at 93 %",
    )  # fmt: skip
    return dataclasses.replace(blank, **fields)  # type: ignore[arg-type]


def ended(number: int, status: Status, minutes: int = 1, **fields: object) -> Task:
    task = dataclasses.replace(_BLANK, id=number, name=f"task-{number}", status=status, duration_s=14.0)
    return dataclasses.replace(task, finished_at=NOW - minutes * MINUTE, **fields)  # type: ignore[arg-type]


# -- trouble


def test_trouble_names_who_causes_it() -> None:
    top = ({"pid": 4711, "name": "java", "rss_bytes": 5_100_000_000, "cpu_percent": 3.0},)
    assert rows.culprit(episode(processes=top)) == "java(4711) 4.7G"
    assert rows.culprit(episode(kind="cpu_high", processes=top)) == "java(4711) 3 %"
    assert rows.culprit(episode(kind="process_rss", subject="java[4711]")) == "java(4711)"
    assert rows.culprit(episode(kind="disk_full", processes=top)) == ""


@pytest.mark.parametrize("width", [30, 78, 158])
def test_trouble_says_how_grave_what_and_since_when(width: int) -> None:
    said = text(rows.trouble_row(episode(acknowledged_at=NOW, acknowledged_by="deploy"), NOW, width))
    assert "▲ HIGH memory at 93 %  · seen by deploy" in said and said.endswith("4m")
    assert ("since 13:58" in said) is (width >= 64)


LONG = "memory at 91 %, over 90 % for 74 s; hardly anything waits for it"


def looked(*alive: int, **values: float) -> rows.Present:
    return rows.Present(values, dict.fromkeys(alive, 5.0))


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (158, "memory at 91 %, over 90 % for 74 s; hardly anything waits for it · now 94 %"),
        (78, "memory at 91 %, over 90 % for 74 s · now 94 %"),
        (50, "memory at 91 % · now 94 %"),
        (32, "memory at 94 %"),
    ],
)
def test_trouble_says_how_it_is_now_however_little_room_there_is(width: int, said: str) -> None:
    row = rows.trouble_row(episode(message=LONG, value=93.0), NOW, width, looked(memory=94.0))
    cells, _ = row[2]
    assert "".join(cell.text for cell in cells) == said
    room = width - 1 - sum(abs(size) + 1 for _, size in row if size)
    assert len(said) <= room


MOUNT = "/tmp/of-somebody/run-2281/worker-1/test_a_full_disk_is_lost0/mounts/disk-0"


@pytest.mark.parametrize("now", [100.0, 97.0])
@pytest.mark.parametrize("width", [32, 48, 78, 100, 158])
def test_a_long_path_gives_way_to_what_is_wrong_with_it(width: int, now: float) -> None:
    one = episode(
        kind="disk_full",
        subject=MOUNT,
        message=f"{MOUNT} is 100 % full, over 95 % for 5 s",
        value=100.0,
        threshold=95.0,
    )
    row = rows.trouble_row(one, NOW, width, looked(**{f"disk:{MOUNT}": now}))
    said = "".join(cell.text for cell in row[2][0])
    assert cell_len(said) <= width - 1 - sum(abs(size) + 1 for _, size in row if size)
    assert f"{now:.0f} %" in said if width < 48 else "-0 is " in said and " % full" in said


@pytest.mark.parametrize(
    ("one", "values", "said"),
    [
        (episode(message=LONG, value=91.0), {}, ""),
        (episode(message=LONG, value=94.0), {"memory": 91.2}, ""),
        (episode(message=LONG, value=94.0), None, ""),
        (episode(message=LONG, value=94.0, unknown_since=NOW), {}, ""),
        (episode(message=LONG, value=94.0), {}, "now 94 %"),
        (episode(message="memory at 90.4 %, over 90 %", value=90.4), {}, ""),
        (episode(message="memory at 95 %, over 90 %", value=90.4), {}, "now 90.4 %"),
        (episode(kind="disk_full", subject="/v; x", message="/v; x is 85 % full"), {"disk:/v; x": 18.0}, "now 18 %"),
        (episode(kind="a_rule_of_ones_own", message="it is 3"), {}, ""),
    ],
)
def test_what_holds_still_is_not_said_twice(one: Anomaly, values: dict[str, float] | None, said: str) -> None:
    assert episodes.moved(one, values) == said


def test_one_that_wants_more_than_it_gets_is_said_to_want_it() -> None:
    said = "python[7] wants 100 % of a core and gets 19 %, over 90 % of a core for 1 min; others want the CPU too"
    one = episode(
        kind="process_cpu_high", subject="python[7]", unit="% of a core", value=100.0, threshold=90.0, message=said,
        details={"gets_percent": 19},
    )  # fmt: skip
    assert episodes.stands(one, {}) == "python[7] wants 100 % of a core and gets 19 %" and episodes.moved(one, {}) == ""
    assert episodes.moved(dataclasses.replace(one, details={"gets_percent": 25}), {}) == "now gets 25 %"
    alone = dataclasses.replace(one, value=99.0, details={})
    assert episodes.stands(alone, {}) == "python[7] uses 99 % of a core"


def test_what_does_not_fill_any_more_is_not_said_to_be_full_in_a_month() -> None:
    one = episode(
        kind="disk_fill_rate", subject="/t", unit="s", value=30 * 86400.0, message="/t will be full in 30 s, under 2 h",
        threshold=7200.0,
    )  # fmt: skip
    assert (episodes.stands(one, {}), episodes.moved(one, {})) == ("/t does not fill up now", "not now")


def test_all_scripts_fail_and_one_fails() -> None:
    assert episodes.what("all scripts", "fails", 40) == "all scripts fail"
    assert episodes.what("backup.sh", "fails", 40) == "backup.sh fails"


def test_nobody_is_blamed_for_who_was_killed() -> None:
    top = ({"pid": 4711, "name": "java", "rss_bytes": 5_100_000_000, "cpu_percent": 3.0},)
    assert rows.culprit(episode(kind="oom_killed", processes=top)) == ""


def test_a_culprit_that_has_ended_is_said_to_have_ended() -> None:
    top = ({"pid": 4711, "start_time": 5.0, "name": "java", "rss_bytes": 5_100_000_000},)
    one = episode(processes=top)
    assert rows.culprit(one, {4711: 5.0}) == "java(4711) 4.7G"
    assert rows.culprit(one, {4711: 90.0}) == "java(4711) ended", "another process has its number now"
    assert rows.culprit(one, {12: 5.0}) == "java(4711) ended"
    about = episode(kind="process_cpu_high", subject="python[19736]", details={"start_time": 5.0})
    assert rows.culprit(about, {19736: 5.0}) == "python(19736)" and rows.culprit(about, {}) == "python(19736) ended"
    long = rows.culprit(episode(processes=({"pid": 4194304, "name": "systemd-journald"},)), {1: 0.0})
    assert long.endswith("(4194304) ended") and len(long) <= 22


def test_of_a_view_with_the_busiest_processes_only_nobody_knows_who_has_ended() -> None:
    taken = SampleTaken(sample(NOW, processes=300), (process(1, "a"),), 1.0)
    assert rows.present(taken).alive is None and rows.present(None) == rows.NOBODY_LOOKS
    whole = SampleTaken(sample(NOW, processes=1), (process(1, "a"),), 1.0)
    assert set(rows.present(whole).alive or ()) == {1}


def test_what_wants_somebody_now_comes_first() -> None:
    found = [
        episode(id=1), episode(id=2, severity=Severity.LOW), episode(id=3, opened_at=NOW),
        episode(id=4, severity=Severity.CRITICAL, opened_at=NOW, acknowledged_at=NOW),
        episode(id=5, severity=Severity.CRITICAL, silenced_until=NOW + 1),
        episode(id=6, severity=Severity.CRITICAL, acknowledged_at=NOW),
    ]  # fmt: skip
    assert [one.id for one in most_urgent_first(found, NOW)] == [3, 1, 4, 6, 2, 5]


def test_what_is_worse_than_when_it_was_seen_is_unseen_again() -> None:
    link = {"at": NOW, "kind": "acknowledged", "ref": "deploy", "severity": "medium"}
    seen = {"acknowledged_at": NOW, "acknowledged_by": "deploy", "links": (link,)}
    worse, still = episode(id=1, **seen), episode(id=2, severity=Severity.MEDIUM, **seen)
    other = episode(id=3, severity=Severity.MEDIUM)
    assert [one.id for one in most_urgent_first([other, still, worse], NOW)] == [1, 3, 2]
    assert "worse since deploy saw it" in text(rows.trouble_row(worse, NOW, 158))
    assert "· seen by deploy" in text(rows.trouble_row(still, NOW, 158))


# -- runs


def test_the_queue_is_one_line_that_names_the_next() -> None:
    task = dataclasses.replace(_BLANK, name="rotate-logs", status=Status.QUEUED)
    assert text(rows.running_row(rows.Running(task, 4, 2), rows.History(), "", NOW, 80, BRAILLE)) == (
        "◦ 5 queued, next: rotate-logs (NORMAL), 2 waiting"
    )
    held = dataclasses.replace(task, status=Status.WAITING)
    assert text(rows.running_row(rows.Running(held, 0, 3), rows.History(), "", NOW, 80, BRAILLE)) == "◌ 3 waiting"


@pytest.mark.parametrize("width", [40, 60, 72, 100])
def test_a_run_says_what_it_uses_as_far_as_there_is_room(width: int) -> None:
    task = dataclasses.replace(
        _BLANK, name="reindex", status=Status.RUNNING, started_at=NOW - 192 * SECOND, priority=Priority.HIGH
    )
    used = rows.History([10.0, 38.4], [4e8, 4.12e8])
    row = rows.running_row(rows.Running(task), used, "output 4s ago", NOW, width, ASCII)
    said = text(row)
    assert "reindex" in said and "3m12s" in said and "38 %" in said and "393M" in said
    assert ("HIGH" in said) is (width >= 76) and ("output" in said) is (width >= 50)
    assert sum(abs(size) + 1 for _, size in row) < width


def test_when_a_run_printed_last() -> None:
    assert rows.printed(None, 80) == ""
    assert rows.printed(0.4, 80) == "printing"
    assert rows.printed(125, 80) == "output 2m05s ago" and rows.printed(125, 60) == "2m05s"


# -- what happened


def test_what_happened_stands_in_the_order_of_time_with_the_counts_at_the_end() -> None:
    found = Happened(
        [ended(5, Status.REFUSED, 1), ended(4, Status.FAILED, 2, exit_code=3), ended(3, Status.TIMED_OUT, 9)],
        Counter({Status.COMPLETED: 17, Status.CANCELLED: 1, Status.FAILED: 1, Status.TIMED_OUT: 1}),
        [episode(id=8, state=AnomalyState.CLOSED, closed_at=NOW), episode(id=9)],
        [DeadConsole(2, 77, "tui", "root", NOW - 5 * MINUTE)],
    )
    items = since.items(found, NOW)
    assert [one.place for one in items] == [
        ("anomaly", 8), ("task", 5), ("task", 4), ("console", 2), ("task", 3), ("opened", 0), ("completed", 0),
        ("cancelled", 0),
    ]  # fmt: skip
    assert [one.tone for one in items[2:5]] == ["bad", "bad", "bad"]
    said = [text(since.item_row(one, NOW, 80)) for one in items]
    assert said[2] == "✗ 14:00 task-4   exit 3 after 14s" and "of root, process 77" in said[3]
    assert "17 runs succeeded" in said[6] and "1 run was cancelled" in said[7]
    assert "".join(cell.text for cell in since.summary(found)) == "✗ 2 failed  ✔ 17 succeeded"


def test_the_same_name_that_failed_again_is_counted() -> None:
    runs = [ended(number, Status.FAILED, 10 - number, name="sync", exit_code=1) for number in (3, 2, 1)]
    items = since.items(Happened(runs, Counter({Status.FAILED: 3})), NOW)
    assert [one.more for one in items] == [
        "exit 1 (3rd time) after 14s",
        "exit 1 (2nd time) after 14s",
        "exit 1 after 14s",
    ]


def test_open_ones_are_one_line_without_a_time_of_their_own() -> None:
    """Each of them is in the list of trouble on the same screen."""
    items = since.items(Happened(anomalies=[episode(id=number) for number in range(500)]), NOW)
    assert [(one.text, one.at_us) for one in items] == [("500 anomalies opened", 0)]
    (only,) = since.items(Happened(anomalies=[episode()]), NOW)
    assert text(since.item_row(only, NOW, 80)) == "▲  1 anomaly opened   still open, see Trouble"


def test_the_title_says_since_when() -> None:
    assert since.title(None, NOW) == "In the last 24 h"
    assert since.title(NOW - 2 * HOUR - 22 * MINUTE, NOW) == "Since you last looked (11:40)"
    assert since.title(NOW - 30 * HOUR, NOW) == "Since you last looked (2026-11-19 08:02)"


def test_hostile_names_are_harmless() -> None:
    task = ended(1, Status.FAILED, name=HOSTILE, signal=HOSTILE)
    found = Happened(
        [task], Counter(), [episode(message=HOSTILE, subject=HOSTILE)], [DeadConsole(1, 1, HOSTILE, HOSTILE, NOW)]
    )
    said = [text(since.item_row(one, NOW, 90)) for one in since.items(found, NOW)]
    said.append(rows.culprit(episode(processes=({"pid": HOSTILE[:3], "name": HOSTILE, "rss_bytes": 1},))))
    said += figures.busiest([process(1, HOSTILE, cpu_percent=9.0)]) + figures.largest([process(1, HOSTILE)])
    assert not [char for one in said for char in one if ord(char) < 32 or 127 <= ord(char) < 160 or char == "\u202e"]


# -- figures


def test_the_busiest_are_added_up_by_name_and_idle_ones_left_out() -> None:
    found = [
        process(1, "pg", cpu_percent=20.4),
        process(2, "pg", cpu_percent=20.4),
        process(3, "idle", cpu_percent=0.2),
    ]
    assert figures.busiest(found) == ["pg 41"]
    assert figures.largest([process(1, "pg", rss_bytes=2e9), process(2, "pg", rss_bytes=1e9)]) == ["pg 1.9G"]


def test_a_disk_that_fills_goes_before_the_fullest() -> None:
    one = sample(NOW, disks=(Disk("/", "a", "ext4", 9, 8, 1, 81.0), Disk("/srv", "b", "ext4", 9, 5, 4, 61.4)))
    assert figures.disk_shown(one, []) == ("/", "disk:/", 81.0, "81 %", ())
    fills = episode(kind="disk_fill_rate", subject="/srv", value=1.0, details={"eta_s": 32_400.0})
    assert figures.disk_shown(one, [fills]) == ("/srv", "disk:/srv", 61.4, "61 %", ("full in 9h00m",))


def test_the_disk_of_the_worst_episode_is_the_one_that_is_named() -> None:
    one = sample(NOW, disks=(Disk("/", "a", "ext4", 9, 8, 1, 29.0), Disk("/run/shm", "t", "tmpfs", 9, 9, 0, 100.0)))
    full = episode(id=1, kind="disk_full", subject="/run/shm", value=100.0, severity=Severity.CRITICAL)
    fills = episode(id=2, kind="disk_fill_rate", subject="/", value=60.0, severity=Severity.MEDIUM)
    assert figures.disk_shown(one, [fills, full]) == ("/run/shm", "disk:/run/shm", 100.0, "100 %", ())
    assert figures.shown_mount(one, [fills]) == "/" and figures.shown_mount(one, []) == "/run/shm"
    gone = episode(id=3, kind="inode_full", subject="/mnt/usb", value=97.0, severity=Severity.CRITICAL)
    no_sample_has_it = figures.disk_shown(one, [fills, gone])
    assert no_sample_has_it == ("/mnt/usb", "inodes:/mnt/usb", None, "inodes 97 %", ("space –",))


def test_where_inodes_are_fewer_the_graph_is_of_them() -> None:
    one = sample(NOW, disks=(Disk("/", "a", "ext4", 9, 4, 5, 40.0, 1000, 970, 97.0),))
    assert figures.disk_shown(one, []) == ("/", "inodes:/", 97.0, "inodes 97 %", ("space 40 %",))


@pytest.mark.parametrize(("width", "said"), [
    (40, "/var/lib/docker/overlay2"), (24, "/var/lib/docker/overlay2"), (23, "…/lib/docker/overlay2"),
    (20, "…/docker/overlay2"), (10, "…/overlay2"), (9, "…overlay2"), (4, "…ay2"), (1, "…"), (0, ""),
])  # fmt: skip
def test_a_path_gives_way_on_its_left(width: int, said: str) -> None:
    assert fit_path("/var/lib/docker/overlay2", width) == said


def test_a_path_of_wide_letters_fits_too() -> None:
    assert all(cell_len(fit_path("/日本語/日本語", width)) <= width for width in range(16))


def test_traffic_of_what_lies_on_other_drives_counts_once() -> None:
    both = sample(NOW, drives=(Drive("sda", 10.0, 2.0), Drive("dm-0", 10.0, 2.0)))
    assert figures.drive_traffic(both) == (10.0, 2.0)
    assert figures.drive_traffic(sample(NOW, drives=(Drive("dm-0", 10.0, 2.0),))) == (10.0, 2.0)


def test_noise_moves_no_process() -> None:
    one, other = (
        process(1, "a", cpu_percent=0.4, rss_bytes=5_000_000),
        process(2, "b", cpu_percent=0.1, rss_bytes=9_000_000),
    )
    assert rows.by_use([one, other], by_memory=False) == [other, one]


# -- cores


@pytest.mark.parametrize("count", [1, 2, 8, 16, 64, 128, 256, 1024])
@pytest.mark.parametrize("room", [(38, 3), (38, 8), (60, 12), (156, 30)], ids=str)
def test_any_number_of_cores_finds_room(count: int, room: tuple[int, int]) -> None:
    seen = [[float((core * 7 + at) % 100) for core in range(count)] for at in range(50)]
    lines = core_rows(seen, *room)
    assert 1 <= len(lines) <= room[1]
    assert all(sum(len(cell.text) for cell in line) <= room[0] for line in lines)


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (60, "Cores 2  busiest 1: 100 %  2 above 85 %"), (39, "Cores 2  busiest 1: 100 %  2 above 85 %"),
        (38, "Cores 2  busiest 1: 100 % …"), (27, "Cores 2  busiest 1: 100 % …"), (26, "Cores 2 …"), (8, "Cores 2"),
    ],
)  # fmt: skip
def test_what_the_title_of_the_cores_has_no_room_for_goes_by_whole_words(width: int, said: str) -> None:
    assert "".join(cell.text for cell in heading([[90.0, 100.0]], width)) == said


def test_folded_cores_show_their_busiest() -> None:
    seen = [[0.0] * 255 + [99.0]]
    assert [cell.tone for line in core_rows(seen, 8, 2) for cell in line].count("bad") == 1


def test_a_lane_has_number_graph_and_percent() -> None:
    first = core_rows([[10.0, 97.0]], 30, 4)[1]
    assert first[0].text.strip() == "1" and first[-1].text.strip() == "97" and first[-1].tone == "bad"
