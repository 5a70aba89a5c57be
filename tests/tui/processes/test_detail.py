"""One process closely: what is known of it, what is not, and what must not be shown."""

from __future__ import annotations

from typing import Any

import pytest

from opsconsole.monitoring.sampling.proc_sockets import Socket
from opsconsole.monitoring.sampling.selected import Limit, OpenFile, Thread
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.storage.running import Running
from opsconsole.tui.screens.processes.detail import FactView
from tests.tui.fake_engine import FakeEngine
from tests.tui.hostile import Seen
from tests.tui.processes.fake_processes import FakeSampler, child, closely, install, row, small_host
from tests.tui.processes.scene import Patch, asked, opened, screen, selected, stand_still, table
from tests.tui.scenes import HOSTILE
from tests.tui.waiting import lines_of, shown, told, until


async def test_it_fills_a_small_screen_and_back(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    sampler.put(*sampler.processes, row(900, "mysql", cmdline="mysql --password=Tr0ub4dor-and-3 -u shop"))
    async with opened(engine, sampler, monkeypatch, (80, 24)) as pilot:
        assert "mysql --password=" in shown(pilot) and "Tr0ub4dor" not in shown(pilot)
        assert "Environment" not in shown(pilot) and "oom score" not in shown(pilot)
        await pilot.press("j", "enter")
        await until(pilot, lambda: "oom score" in shown(pilot))
        text = shown(pilot)
        assert all(len(line) == 80 for line in lines_of(pilot))
        for words in (
            "java 600", "sleeping, 212 threads, nice 5", "/srv/shop", "/system.slice/shop.service", "667",
            "5.59 GiB at its peak", "esc back", "2h00m ago", "/usr/bin/java",
        ):  # fmt: skip
            assert words in text
        await pilot.press("G")
        await until(pilot, lambda: "DB_PASSWORD=[redacted]" in shown(pilot))
        assert "2, without secrets" in shown(pilot) and "LANG=C.UTF-8" in shown(pilot)
        assert "hunter2" not in screen(pilot).query_one(FactView).text
        await pilot.press("escape")
        await until(pilot, lambda: "postgres" in shown(pilot))
        assert selected(pilot) == 600 and pilot.app.screen.focused is table(pilot)


async def test_beside_the_list_with_graphs_rates_threads_and_its_run(engine: FakeEngine, monkeypatch: Patch) -> None:
    times: dict[int, int] = {}

    def details(pid: int, ticks: int) -> Any:
        n = times[pid] = times.get(pid, 0) + 1
        return closely(
            pid, ticks, monotonic_s=100.0 + n, read_bytes=n * 2_000_000, written_bytes=n * 1000, threads=3,
            cmdline=("postgres", "hunter2-hunter2"), thread_list=(Thread(400, "walwriter", "S", 5400.0),),
        )  # fmt: skip

    engine.put(id=3, name="vacuum-db")
    engine.running = [Running("3.1", 1, 400, None, 0)]
    async with opened(engine, small_host(), monkeypatch, (160, 60), details) as pilot:
        facts = screen(pilot).query_one(FactView)
        await until(pilot, lambda: times.get(400) and "0.0.0.0:8080  listen" in facts.text)
        assert "pipe:[4711]" in facts.text and "1,024, up to 4,096 files" in facts.text
        assert "1h30m S  walwriter" in facts.text and "… and 2 more" in facts.text
        assert "3.1  vacuum-db" in facts.text and "run 3.1" in shown(pilot)
        assert "hunter2" not in facts.text  # what its environment calls a secret is none elsewhere
        await until(pilot, lambda: "CPU 41.3 %" in shown(pilot) and "Memory 1.86 GiB" in shown(pilot))
        await screen(pilot)._inspect()
        moved = "1.91 MiB/s read, 1,000 B/s written"
        await until(pilot, lambda: moved in facts.text and "I/O 1.91 MiB/s" in shown(pilot))
        await pilot.press("j")
        await until(pilot, lambda: times.get(600) and "so far" in facts.text)
        assert "CPU 41.3 %" not in shown(pilot) and "run 3.1" not in shown(pilot)
        if times[600] == 1:
            assert "/s read" not in facts.text  # rates are of two looks at the same process


async def test_what_has_ended_and_what_may_not_be_read_is_said(engine: FakeEngine, monkeypatch: Patch) -> None:
    def details(pid: int, ticks: int) -> Any:
        if pid == 400:
            return None
        why = dict.fromkeys(("environment", "exe", "read_bytes", "open_files"), "permission denied")
        return closely(
            pid, ticks, environment=(), exe=None, read_bytes=None, files=(), open_files=None, sockets_open=None,
            missing=why,
        )  # fmt: skip

    async with opened(engine, small_host(), monkeypatch, (160, 60), details) as pilot:
        await until(pilot, lambda: "It has ended." in shown(pilot))
        await pilot.press("j")
        await until(pilot, lambda: shown(pilot).count("permission denied") >= 5)


async def test_a_real_process(engine: FakeEngine, monkeypatch: Patch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "not-to-be-seen-anywhere")
    with child("sleep", "611") as (_, process):
        async with opened(engine, FakeSampler(process), monkeypatch, (160, 50), None) as pilot:
            await until(pilot, lambda: "sleep 611" in shown(pilot) and "Open files" in shown(pilot))
            assert "/dev/null" in shown(pilot) or "pipe:" in shown(pilot) or "/dev/" in shown(pilot)
            await until(pilot, lambda: "SOME_TOKEN=[redacted]" in screen(pilot).query_one(FactView).text)
            assert "not-to-be-seen" not in screen(pilot).query_one(FactView).text


# -- what others write

NOBODY = 4_200_000
"""No process of any host has a number as large: what is done to it is done to nobody."""


def hostile_details(pid: int, ticks: int) -> Any:
    return closely(
        pid, ticks, name=HOSTILE, state=HOSTILE, cmdline=(HOSTILE, HOSTILE * 900), exe=HOSTILE, cwd=HOSTILE,
        cgroup=HOSTILE, files=(OpenFile(3, HOSTILE),), sockets=(Socket("unix", 3, HOSTILE, HOSTILE, HOSTILE),),
        limits=(Limit(HOSTILE, 1, 2, HOSTILE),), environment=((HOSTILE, HOSTILE),), missing={"limits": HOSTILE},
        thread_list=(Thread(9, HOSTILE, HOSTILE, 1.0),),
    )  # fmt: skip


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
async def test_hostile_names_are_harmless(engine: FakeEngine, monkeypatch: Patch, size: tuple[int, int]) -> None:
    sampler = FakeSampler(
        row(NOBODY, HOSTILE, user=HOSTILE, cmdline=HOSTILE, state="R"),
        row(NOBODY + 1, HOSTILE * 900, user="", cmdline="", ppid=NOBODY),
        row(NOBODY + 2, "数据" * 40, user="数据" * 9, cmdline="数据" * 200, ppid=NOBODY + 1),
    )
    engine.put(id=5, name=HOSTILE)
    engine.running = [Running("5.1", 1, NOBODY, None, 0)]
    install(monkeypatch, sampler, hostile_details)
    async with opened(engine, sampler, monkeypatch, size, hostile_details) as pilot:
        assert sanitise_name(HOSTILE)[:12] in shown(pilot)
        for key in ("t", "minus", "F", "plus", "j", "enter", "G", "escape", "G", "space"):
            await pilot.press(key)
            Seen().check(pilot)
            assert all(len(line) <= size[0] for line in lines_of(pilot))
        for key, answer in (("K", "t"), ("r", "1")):
            await asked(pilot, key)
            Seen().check(pilot)
            await pilot.press(answer, "enter")
            await until(pilot, lambda: "ended meanwhile" in told(pilot))
            Seen().check(pilot)


async def test_what_is_too_long_is_broken_between_words(engine: FakeEngine, monkeypatch: Patch) -> None:
    def details(pid: int, ticks: int) -> Any:
        return closely(
            pid, ticks, cwd="/srv/shop/releases/2026-11-19T14-02-11Z/application", swap_bytes=12_000_000,
            limits=(Limit("Max open files", 524_288, 1_048_576, "files"), Limit("Max stack size", 0, None, "bytes")),
            sockets=(Socket("tcp", 1, "10.0.4.3:5432", "10.0.4.17:51122", "established"),),
            environment=(("A_NAME_THAT_LEAVES_NO_ROOM_FOR_ITS_VALUE", "one two three four five"),),
        )  # fmt: skip

    async with opened(engine, small_host(), monkeypatch, (110, 60), details) as pilot:
        facts = screen(pilot).query_one(FactView)
        await until(pilot, lambda: "5432" in facts.text)
        drawn = [strip.text.rstrip() for strip in (facts.render_line(y) for y in range(facts.size.height))]
        words = {word for line in drawn for word in line.split()}
        whole = {"established", "1,048,576", "524,288,", "swapped", "out", "unlimited", "10.0.4.17:51122", "three"}
        assert whole <= words
        folder = next(line for line in drawn if line.startswith("folder"))
        assert folder.endswith(("/", "-")), "a path that fits no line is broken where it has a joint"
        assert max(map(len, drawn)) <= facts.size.width


async def test_graphs_say_that_somebody_looks_and_then_what_there_is(engine: FakeEngine, monkeypatch: Patch) -> None:
    looked: dict[int, int] = {}

    def details(pid: int, ticks: int) -> Any:
        looked[pid] = looked.get(pid, 0) + 1
        if pid == 501:
            return None
        moved = None if pid == 600 else looked[pid] * 1_000_000
        return closely(pid, ticks, monotonic_s=100.0 + looked[pid], read_bytes=moved, written_bytes=moved)

    sampler = small_host()
    async with opened(engine, sampler, monkeypatch, (160, 45), details) as pilot:
        await until(pilot, lambda: looked.get(400, 0) >= 2 and not screen(pilot)._busy)
        await until(pilot, lambda: "I/O 1.91 MiB/s" in shown(pilot))  # of the very next look
        assert "looking" not in shown(pilot) and "no data" not in shown(pilot)
        monkeypatch.setattr(screen(pilot), "_settled", lambda: None)
        await stand_still(pilot, monkeypatch)
        await pilot.press("j")
        assert "CPU 18.0 %" in shown(pilot) and "Memory 4.66 GiB" in shown(pilot), "the look before knows it"
        assert shown(pilot).count("looking …") == 1
        await screen(pilot)._inspect()
        await until(pilot, lambda: "looking" not in shown(pilot) and shown(pilot).count("no data") == 1)
        await pilot.press("j")
        assert "CPU 7.5 %" in shown(pilot)
        await screen(pilot)._inspect()
        await until(pilot, lambda: "It has ended." in shown(pilot) and shown(pilot).count("no data") == 1)
