"""Output of `--run`: as it is written, byte by byte, and harmless on a terminal."""

from __future__ import annotations

import re
import sqlite3
import time
from pathlib import Path

import pytest
from headless_console import Console, ndjson, read_line_with, terminal

EVERY_BYTE = "import os; data = bytes(range(256)) * 12288; os.write(1, b'no newline' + data); os.write(2, data[:70000])"
OUT = b"no newline" + bytes(range(256)) * 12288
ERR = (bytes(range(256)) * 12288)[:70000]


def test_bytes_into_a_pipe_are_exactly_the_scripts(console: Console) -> None:
    done = console.run("--run", console.script("bytes.py", EVERY_BYTE))
    assert (done.returncode, done.stdout, done.stderr) == (0, OUT, ERR)


def test_bytes_into_a_file_are_exactly_the_scripts(console: Console) -> None:
    console.script("bytes.py", EVERY_BYTE)
    assert console.shell("$OC --run bytes.py > out 2> err").returncode == 0
    assert (console.folder / "out").read_bytes() == OUT
    assert (console.folder / "err").read_bytes() == ERR


def test_a_line_is_seen_while_the_script_still_runs_and_soon(console: Console) -> None:
    gate = console.fifo("gate")
    text = f"exec 3<>{gate}; while read word <&3 && [ $word = go ]; do date +%s.%N; done; exit 5"
    running = console.start("-c", text)
    delays = []
    while len(delays) < 4 or (min(delays) >= 0.1 and len(delays) < 40):  # a busy host may well be late now and then
        gate.open()
        written = float(running.stdout.readline())  # type: ignore[union-attr]
        delays.append(time.time() - written)
        assert running.poll() is None
    gate.path.write_bytes(b"end\n")
    assert running.communicate(timeout=50) == (b"", b"")
    assert running.returncode == 5
    assert min(delays) < 0.1


def test_stdout_and_stderr_into_one_pipe_keep_their_order(console: Console) -> None:
    script = console.script("both.py", "import os\nfor n in range(2000): os.write(1 + n % 2, b'%d\\n' % n)\n")
    numbers = [int(line) for line in console.shell(f"$OC --run {script} 2>&1").stdout.split()]
    even, odd = [n for n in numbers if n % 2 == 0], [n for n in numbers if n % 2]
    assert (even, odd) == (list(range(0, 2000, 2)), list(range(1, 2000, 2)))


def test_a_closed_pipe_is_no_traceback_and_the_run_goes_on_to_its_end(console: Console) -> None:
    text = "for n in 1 2 3; do seq 20000; done; echo the end; exit 3"
    done = console.shell(f"$OC -c '{text}' | head -1; echo ${{PIPESTATUS[0]}}")
    assert (done.stdout, done.stderr) == (b"1\n3\n", b"")
    assert console.run("show", "1", "--output").stdout.endswith(b"the end\n")


def test_closed_standard_descriptors_do_not_harm_the_database(console: Console) -> None:
    assert console.shell("$OC -c 'echo lost; exit 4' >&- 2>&- <&-").returncode == 4
    with sqlite3.connect(console.state / "opsconsole.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    assert console.run("show", "1", "--output").stdout == b"lost\n"


def test_a_full_disk_behind_stdout_is_said_and_the_script_ends_as_it_ends(console: Console) -> None:
    done = console.shell("$OC -c 'echo lost; exit 4' > /dev/full")
    assert done.returncode == 4
    assert b"stdout cannot be written: No space left on device" in done.stderr


def test_a_full_disk_behind_a_listing_is_125(console: Console) -> None:
    done = console.shell("$OC config > /dev/full")
    assert done.returncode == 125
    assert b"stdout cannot be written" in done.stderr


def test_capped_output_says_how_much_is_missing_and_where_the_record_is(console: Console) -> None:
    done = console.run("-c", "head -c 9000000 /dev/zero", "--limit", "output=1M")
    told = re.search(rb"(\d+) bytes of stdout (are missing here|after the first \d+ were not kept)", done.stderr)
    assert told is not None
    assert str(console.state / "runs" / "1.1" / "stdout").encode() in done.stderr
    if b"missing here" in told[2]:
        assert len(done.stdout) + int(told[1]) == 9_000_000
    shown = console.run("show", "1", "--output")
    assert len(shown.stdout) == 1 << 20
    assert f"{9_000_000 - (1 << 20)} bytes of stdout were not kept here".encode() in shown.stderr


def test_what_was_not_kept_is_said_on_a_line_of_its_own_where_both_are_seen(console: Console) -> None:
    console.run("-c", "seq 1 600000", "--limit", "output=1M")
    seen = console.shell("$OC show 1 --output 2>&1").stdout.decode()
    assert re.search(r"\d\nopsconsole: \d+ bytes of stdout were not kept here\n\d", seen)
    assert console.shell("$OC show 1 --output 2> said").stdout.decode() == re.sub(r"\nopsconsole: .*\n", "", seen)
    assert (console.folder / "said").read_text().startswith("opsconsole: ")
    console.run("-c", "yes 1234567 | head -n 300000", "--limit", "output=1M")  # lines that end where the gap begins
    seen = console.shell("$OC show 2 --output 2>&1").stdout.decode()
    assert re.search(r"1234567\nopsconsole: \d+ bytes of stdout were not kept here\n1234567\n", seen)


def test_the_record_shows_both_streams_in_the_order_they_came(console: Console) -> None:
    gates = [console.fifo(f"gate{number}") for number in range(3)]
    running = console.start(
        "-c", f"echo 1; read < {gates[0]}; echo 2 >&2; read < {gates[1]}; echo 3; read < {gates[2]}"
    )
    for stream, gate in zip((running.stdout, running.stderr, running.stdout), gates, strict=True):
        assert stream is not None
        assert stream.readline()
        gate.open()
    assert running.communicate(timeout=20) == (b"", b"")
    assert console.run("show", "1", "--output").stdout == b"1\n2\n3\n"
    assert console.run("show", "1", "--stdout").stdout == b"1\n3\n"
    assert console.run("show", "1", "--stderr").stdout == b"2\n"
    timing = [line.split() for line in console.run("show", "1", "--timing").stdout.decode().splitlines()]
    assert [(stream, text) for _, stream, text in timing] == [("stdout", "1"), ("stderr", "2"), ("stdout", "3")]
    assert [float(when) for when, _, _ in timing] == sorted(float(when) for when, _, _ in timing)


def test_a_terminal_gets_colours_but_no_other_control_sequence(console: Console) -> None:
    script = console.script("hostile.sh", r"""printf '\033[31mred\033[0m \033]0;title\007\033[2Jcleared\n'""")
    with terminal(console, "--run", script) as screen:
        seen = screen.read_to_end()
    assert b"\x1b[31mred\x1b[0m " in seen
    assert b"cleared" in seen
    assert b"\x1b]" not in seen
    assert b"\x1b[2J" not in seen


def test_a_message_does_not_stand_behind_an_unfinished_line_of_the_script(console: Console) -> None:
    with terminal(console, "-c", "printf 'no newline'; kill -KILL $$") as screen:
        assert screen.read_to_end().startswith(b"no newline\r\nopsconsole: printf")


def test_no_color_is_respected(console: Console) -> None:
    script = console.script("red.sh", r"""printf '\033[31mred\033[0m\n'""")
    with terminal(console, "--run", script, NO_COLOR="1") as screen:
        assert screen.read_to_end() == b"red\r\n"


def test_an_environment_like_that_of_cron_is_enough(console: Console) -> None:
    done = console.shell("env -i HOME=$HOME OPSCONSOLE_STATE_DIR=$OPSCONSOLE_STATE_DIR $OC -c 'echo $HOME'")
    assert done.returncode == 0


# -- several scripts


def test_one_after_the_other_in_the_order_given(console: Console) -> None:
    script = console.script("second.sh", "echo second >&1")
    done = console.run("-c", "sleep 0.2; echo first", "--run", script, "-c", "echo third")
    assert done.stdout == b"first\nsecond\nthird\n"


def test_several_at_once_never_mix_within_a_line(console: Console) -> None:
    one, two = console.fifo("one"), console.fifo("two")
    begins = f"printf begin; echo go > {one}; read < {two}; echo end"
    between = f"read < {one}; echo between; printf 'no newline'; echo go > {two}"
    done = console.run("-c", begins, "-c", between, "--jobs", "2")
    assert sorted(done.stdout.splitlines()) == [b"beginend", b"between", b"no newline"]


def test_on_a_terminal_each_line_says_whose_it_is(console: Console) -> None:
    one, two = console.script("one.sh", "echo 1"), console.script("two.sh", "echo 2 >&2")
    with terminal(console, "--run", one, "--run", two, "--jobs", "2") as screen:
        lines = screen.read_to_end().decode().splitlines()
    assert {"one.sh │ 1", "two.sh │ 2"} <= set(lines)
    assert {"[1/2] one.sh", "[2/2] two.sh"} <= set(lines)
    assert {"[1/2] one.sh: completed", "[2/2] two.sh: completed"} <= {line.partition(", ")[0] for line in lines}


def test_progress_of_several_is_for_a_terminal_only(console: Console) -> None:
    assert console.run("-c", "true", "-c", "true").stderr == b""


# -- json


def test_json_keeps_the_scripts_output_in_the_record(console: Console) -> None:
    done = console.run("-c", "echo '{not json'; echo noise >&2", "--json")
    [result] = ndjson(done.stdout)
    assert done.stderr == b""
    assert Path(result["output"]["stdout_path"]).read_bytes() == b"{not json\n"
    assert result["output"]["stderr_bytes"] == 6


def test_json_has_one_object_for_each_attempt(console: Console) -> None:
    done = console.run("-c", "exit 9", "--retries", "2", "--json", OPSCONSOLE_RETRY__BASE_S="0.02")
    assert [result["execution_id"] for result in ndjson(done.stdout)] == ["1.1", "1.2", "1.3"]
    assert done.returncode == 9


def test_json_escapes_what_hides_in_a_name(console: Console) -> None:
    done = console.run("-c", "true", "--name", "evil\x1b[2J\u202ename", "--json")
    assert done.stdout.isascii()
    assert b"\x1b" not in done.stdout
    assert ndjson(done.stdout)[0]["name"] == "evil\x1b[2J\u202ename"


# -- what goes in


def test_a_script_from_standard_input(console: Console) -> None:
    done = console.run("--run", "-", "--", "a", "b c", input=b'echo $# "$2"')
    assert done.stdout == b"2 b c\n"
    assert console.result(1).name == "stdin"


def test_standard_input_is_empty_unless_given(console: Console) -> None:
    assert console.run("-c", "cat; echo end", input=b"not for the script").stdout == b"end\n"
    assert console.run("-c", "cat; echo end", "--stdin", "-", input=b"\0for it\n").stdout == b"\0for it\nend\n"
    file = console.folder / "data"
    file.write_bytes(b"from a file\n")
    assert console.run("-c", "cat", "--stdin", file).stdout == b"from a file\n"


def test_env_takes_the_callers_value_or_the_one_given(console: Console) -> None:
    done = console.run("-c", 'echo "$ONE $TWO"', "--env", "ONE=1 and a half", "--env", "TWO", TWO="secret")
    assert done.stdout == b"1 and a half secret\n"


def test_text_and_file_mix_and_arguments_reach_them_all(console: Console) -> None:
    script = console.script("where.sh", 'echo "$0 $1" | sed "s:.*/::"; pwd')
    done = console.run("-c", 'echo "$1"', "--run", script, "--cwd", "/", "--", "-x")
    assert done.stdout == b"-x\nscript -x\n/\n"


@pytest.mark.parametrize("given", ["FILE", "substitution"])
def test_a_script_can_be_a_pipe(console: Console, given: str) -> None:
    line = "$OC --run /dev/stdin <<< 'echo hi'" if given == "FILE" else "$OC --run <(echo 'echo hi')"
    assert console.shell(line).stdout == b"hi\n"


def test_waiting_is_said_once_with_what_it_waits_for(console: Console) -> None:
    gate = console.fifo("gate")
    first = console.start("-c", f"echo ready; read < {gate}")
    read_line_with(first.stdout, b"ready")
    second = console.start("-c", "echo mine", OPSCONSOLE_EXECUTION__CONCURRENCY="1")
    told = read_line_with(second.stderr, b"waits")
    assert b"1 of 1 runs are active" in told
    gate.open()
    assert first.communicate(timeout=20)[1] == b""
    assert second.communicate(timeout=20) == (b"mine\n", b"")
