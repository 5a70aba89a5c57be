"""`opsconsole lint`: verdicts and exit codes, the three formats, fixes; real files through a real process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from headless_console import Console, terminal

from opsconsole.safety.review import shellcheck

needs_shellcheck = pytest.mark.skipif(shellcheck.find() is None, reason="shellcheck is not installed")

RISKY_PYTHON = "import os\nimport sys\nos.system(f'ls {sys.argv[1]}')\n"
UNQUOTED = "#!/bin/bash\nset -euo pipefail\necho $1\n"


def _json(console: Console, *words: str | Path) -> list[dict[str, Any]]:
    done = console.run("lint", "--format", "json", *words)
    found = json.loads(done.stdout.decode("ascii"))
    assert isinstance(found, list)
    return found


def _rules(linted: dict[str, Any]) -> set[str]:
    return {finding["rule"] for finding in linted["findings"]}


# -- verdicts and exit codes


def test_what_is_not_refused_exits_0_and_what_is_exits_1(console: Console) -> None:
    script = console.script("look.sh", "#!/bin/bash\nls -l /etc\n")
    fine = console.run("lint", script, "--policy", "safe")
    assert (fine.returncode, fine.stderr) == (0, b"")
    assert b"look.sh: allow: would run under policy safe" in fine.stdout
    refused = console.run("lint", "-c", "echo $(rm -rf /)")
    assert refused.returncode == 1
    assert b"-c: refuse: refused under policy standard" in refused.stdout


def test_a_confirmation_is_no_refusal(console: Console) -> None:
    done = console.run("lint", "-c", "true", "--policy", "elevated")
    assert done.returncode == 0
    assert b"-c: confirm: needs a confirmation under policy elevated" in done.stdout


def test_the_policy_decides(console: Console) -> None:
    script = console.script("write.sh", "#!/bin/bash\ntouch /srv/marker\n")
    assert console.run("lint", script).returncode == 0
    assert console.run("lint", script, "--policy", "safe").returncode == 1
    assert not Path("/srv/marker").exists()


def test_an_unreadable_file_exits_2_and_the_others_are_linted(console: Console) -> None:
    script = console.script("look.sh", "#!/bin/bash\nls /etc\n")
    done = console.run("lint", console.folder / "absent.sh", script)
    assert done.returncode == 2
    assert b"absent.sh: No such file or directory" in done.stderr
    assert b"look.sh: allow" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--policy", "lax", "x"),
        ("--interpreter", "cobol", "-c", "true"),
        ("--explain", "no-such-rule"),
        ("--fix", "--format", "json", "-"),
        ("--fix", "-c", "true", "-c", "false"),
    ],
)
def test_nonsense_is_a_usage_error(console: Console, words: tuple[str, ...]) -> None:
    done = console.run("lint", *words)
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"hint: " in done.stderr or b"--fix" in done.stderr


def test_a_shebang_that_nothing_here_runs_exits_2(console: Console) -> None:
    done = console.run("lint", console.script("report.pl", "#!/usr/bin/perl\nprint 1;\n"))
    assert done.returncode == 2
    assert b"report.pl: the shebang asks for '/usr/bin/perl'" in done.stderr


def test_nothing_is_run_and_nothing_is_kept(console: Console) -> None:
    console.run("lint", "-c", f"touch {console.folder}/marker")
    assert not (console.folder / "marker").exists()
    assert not console.state.exists()


# -- what is read


def test_stdin_is_a_script(console: Console) -> None:
    done = console.run("lint", "-", "--format", "json", "--interpreter", "python", input=RISKY_PYTHON.encode())
    [linted] = json.loads(done.stdout)
    assert (linted["file"], linted["interpreter"]) == ("-", "python")
    assert "py-os-system" in _rules(linted)


def test_the_language_is_chosen_as_a_run_would(console: Console) -> None:
    names = {"a.py": "", "b.ps1": "", "c.sh": "", "d": "#!/usr/bin/env python3\n", "e.applescript": "", "f": ""}
    files = [console.script(name, f"{text}\n") for name, text in names.items()]
    found = [linted["interpreter"] for linted in _json(console, *files)]
    assert found == ["python", "powershell", "bash", "python", "applescript", "bash"]


def test_of_a_folder_the_scripts_are_read(console: Console) -> None:
    folder = console.folder / "tree"
    (folder / "deep").mkdir(parents=True)
    (folder / ".git").mkdir()
    for name, text in {
        "a.sh": "true\n", "deep/b.py": "pass\n", "tool": "#!/bin/sh\ntrue\n", "notes.txt": "rm -rf /\n",
        ".git/hook.sh": "true\n", ".hidden.sh": "true\n", "binary.sh": "\0\0", "old.pl": "#!/usr/bin/perl\n",
    }.items():  # fmt: skip
        (folder / name).write_text(text)
    (folder / "link.sh").symlink_to("a.sh")
    os.mkfifo(folder / "pipe.sh")
    done = console.run("lint", "tree", "-v", "--format", "json")
    assert done.returncode == 0
    assert [linted["file"] for linted in json.loads(done.stdout)] == ["tree/a.sh", "tree/tool", "tree/deep/b.py"]
    for left_out in (b".git: left out: hidden", b"binary.sh: left out: binary", b"old.pl: left out: the shebang asks",
                     b"link.sh: left out: not a regular file", b"pipe.sh: left out: not a regular file"):  # fmt: skip
        assert left_out in done.stderr
    assert console.run("lint", "tree").stderr == b""


def test_a_file_named_like_an_option_comes_after_two_dashes(console: Console) -> None:
    console.script("-c", "ls /etc\n")
    assert b"-c: allow" in console.run("lint", "--", "-c").stdout


# -- for people


def test_a_finding_shows_its_line_and_carets(console: Console) -> None:
    console.script("risky.py", RISKY_PYTHON)
    lines = console.run("lint", "risky.py").stdout.decode().split("\n")
    [at] = [number for number, line in enumerate(lines) if "py-os-system: " in line]
    assert lines[at].startswith("risky.py:3:1: error py-os-system: ")
    assert lines[at + 1] == "    os.system(f'ls {sys.argv[1]}')"
    assert lines[at + 2].startswith("    ^^^^")


def test_carets_stand_under_tabs_and_wide_characters(console: Console) -> None:
    console.script("wide.sh", "#!/bin/bash\n\techo 漢é $1\n")
    lines = console.run("lint", "wide.sh").stdout.decode().split("\n")
    [at] = [number for number, line in enumerate(lines) if " unquoted-expansion: " in line]
    assert lines[at + 1] == "    " + " " * 8 + "echo 漢é $1"
    assert lines[at + 2] == "    " + " " * 17 + "^^"
    assert lines[at + 3] == '    fix: echo 漢é "$1"'


def test_no_terminal_obeys_what_is_shown(console: Console) -> None:
    name = "evil\x1b[2J\u202e.py"
    console.script(name, "import os\nos.system(f'\x1b]0;x\x07\u202e\x9b2J{os}')\r\n")
    for words in ((name,), (name, "--format", "json"), (name, "--format", "sarif"), (name, "--policy", "safe")):
        said = console.run("lint", *words)
        for stream in (said.stdout.decode(), said.stderr.decode()):
            assert not {character for character in stream if character < " " and character != "\n"}
            assert not set(stream) & {"\x9b", "\u202e", "\x7f"}


def test_colours_are_for_terminals_without_no_color(console: Console) -> None:
    assert b"\x1b" not in console.run("lint", "-c", "echo $(rm -rf /)").stdout
    with terminal(console, "lint", "-c", "echo $(rm -rf /)") as opened:
        assert b"\x1b[31mrefuse\x1b[0m" in opened.read_to_end()
    with terminal(console, "lint", "-c", "echo $(rm -rf /)", NO_COLOR="1") as opened:
        assert b"\x1b" not in opened.read_to_end()


def test_what_the_script_does_is_said(console: Console) -> None:
    assert b"-c: does: reads /etc" in console.run("lint", "-c", "ls -l /etc", "--policy", "safe").stdout


def test_less_severe_findings_can_be_left_out(console: Console) -> None:
    console.script("risky.py", RISKY_PYTHON)
    [all_of_them] = _json(console, "risky.py")
    [serious] = _json(console, "risky.py", "--severity", "catastrophic")
    assert all_of_them["findings"]
    assert serious["findings"] == []
    assert serious["verdict"] == all_of_them["verdict"]


def test_secrets_are_shown_nowhere(console: Console) -> None:
    secret = "pW-9f3kq77LmXz-secret"  # noqa: S105 - not one
    text = f"import os\nos.system(f'mysql -p{secret} {{os.getcwd()}}')\npassword = '{secret}'\n"
    console.script("leaky.py", text)
    for form in ("text", "json", "sarif"):
        for policy in ("safe", "standard"):
            said = console.run("lint", "leaky.py", "--format", form, "--policy", policy, DB_PASSWORD=secret)
            assert said.stdout
            assert secret.encode() not in said.stdout + said.stderr


# -- ShellCheck


@needs_shellcheck
def test_its_findings_are_merged_by_place(console: Console) -> None:
    console.script("unused.sh", UNQUOTED.replace("echo", "unused=1\necho"))
    [linted] = _json(console, "unused.sh")
    assert _rules(linted) == {"SC2034", "unquoted-expansion"}
    places = [(finding["line"], finding["column"]) for finding in linted["findings"]]
    assert places == sorted(places)


@needs_shellcheck
def test_it_can_be_left_out_and_changes_no_verdict(console: Console) -> None:
    console.script("odd.sh", "#!/bin/bash\nset -euo pipefail\n[ 1 = 1 ]]\n")
    [with_it] = _json(console, "odd.sh")
    [without] = _json(console, "odd.sh", "--no-shellcheck")
    assert any(rule.startswith("SC") for rule in _rules(with_it))
    assert not any(rule.startswith("SC") for rule in _rules(without))
    assert with_it["verdict"] == without["verdict"]


# -- fixes


@needs_shellcheck
def test_fixes_are_made_in_place_and_told(console: Console) -> None:
    script = console.script("unquoted.sh", UNQUOTED + "ls $2$3\n")
    script.chmod(0o750)
    done = console.run("lint", "unquoted.sh", "--fix")
    assert done.returncode == 0
    assert b"unquoted.sh:3:6: fixed " in done.stdout
    assert script.read_text().endswith('echo "$1"\nls "$2""$3"\n')
    assert script.stat().st_mode & 0o777 == 0o750
    assert [path.name for path in console.folder.glob("*unquoted*")] == ["unquoted.sh"]
    assert not _rules(_json(console, "unquoted.sh")[0]) & {"SC2086", "unquoted-expansion"}


@needs_shellcheck
def test_of_stdin_the_fixed_text_is_printed(console: Console) -> None:
    done = console.run("lint", "-", "--fix", input=UNQUOTED.encode())
    assert done.stdout.decode() == UNQUOTED.replace("$1", '"$1"')
    assert b"-:3:6: fixed " in done.stderr


@needs_shellcheck
def test_a_link_stays_a_link_and_its_file_is_fixed(console: Console) -> None:
    script = console.script("real.sh", UNQUOTED)
    link = console.folder / "link.sh"
    link.symlink_to("real.sh")
    console.run("lint", link, "--fix")
    assert link.is_symlink()
    assert '"$1"' in script.read_text()


def test_what_has_no_fix_is_not_touched(console: Console) -> None:
    script = console.script("risky.py", RISKY_PYTHON)
    before = script.stat()
    assert console.run("lint", "risky.py", "--fix").returncode == 0
    after = script.stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )


def test_a_file_that_is_not_utf8_is_linted_but_not_fixed(console: Console) -> None:
    script = console.folder / "latin.sh"
    script.write_bytes(b"#!/bin/bash\n# caf\xe9\necho $1\n")
    done = console.run("lint", "latin.sh", "--fix")
    assert b"latin.sh: not fixed: it is not UTF-8" in done.stderr
    assert b"latin.sh: allow" in done.stdout
    assert script.read_bytes().endswith(b"echo $1\n")


# -- SARIF


@pytest.fixture
def sarif(console: Console) -> dict[str, Any]:
    console.script("a b.sh", UNQUOTED)
    console.script("risky.py", RISKY_PYTHON)
    done = console.run("lint", "a b.sh", "./risky.py", "absent.sh", "--format", "sarif")
    assert done.returncode == 2
    log = json.loads(done.stdout.decode("ascii"))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    [run] = log["runs"]
    assert isinstance(run, dict)
    return run


def test_sarif_results_point_at_rules_and_places(sarif: dict[str, Any]) -> None:
    rules = sarif["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert sarif["columnKind"] == "unicodeCodePoints"
    assert sarif["results"]
    for result in sarif["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"note", "warning", "error"}
        assert result["message"]["text"]
        [location] = result["locations"]
        place, region = location["physicalLocation"]["artifactLocation"], location["physicalLocation"]["region"]
        assert sarif["artifacts"][place["index"]]["location"]["uri"] == place["uri"]
        assert place["uri"] in {"a%20b.sh", "risky.py"}
        start, end = (region["startLine"], region["startColumn"]), (region["endLine"], region["endColumn"])
        assert (1, 1) <= start <= end


def test_sarif_rules_bring_their_pages(sarif: dict[str, Any]) -> None:
    rules = {rule["id"]: rule for rule in sarif["tool"]["driver"]["rules"]}
    rule = rules["py-os-system"]
    assert rule["shortDescription"]["text"] == "A command goes through a shell"
    assert "## Bad" in rule["help"]["markdown"]
    assert rule["defaultConfiguration"]["level"] == "warning"
    assert all(rule["help"]["text"] for rule in rules.values())


def test_sarif_has_the_verdicts_and_what_could_not_be_read(sarif: dict[str, Any]) -> None:
    verdicts = {one["location"]["uri"]: one["properties"]["verdict"] for one in sarif["artifacts"]}
    assert verdicts == {"a%20b.sh": "allow", "risky.py": "confirm"}
    [invocation] = sarif["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "absent.sh" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_sarif_fixes_are_replacements(sarif: dict[str, Any]) -> None:
    [result] = [one for one in sarif["results"] if one["ruleId"] == "unquoted-expansion"]
    assert result["level"] == "warning"
    [change] = result["fixes"][0]["artifactChanges"]
    [replacement] = change["replacements"]
    assert replacement["insertedContent"]["text"] == '"$1"'
    region = {"startLine": 3, "startColumn": 6, "endLine": 3, "endColumn": 8}
    assert replacement["deletedRegion"] == region


# -- rules


def test_a_rule_is_explained(console: Console) -> None:
    done = console.run("lint", "--explain", "py-os-system")
    assert done.returncode == 0
    assert done.stdout.startswith(b"# py-os-system: ")
    assert b"shellcheck.net/wiki/SC2086" in console.run("lint", "--explain", "sc2086").stdout
    assert b"did you mean py-os-system" in console.run("lint", "--explain", "py-os-sistem").stderr


def test_every_rule_is_listed(console: Console) -> None:
    done = console.run("lint", "--list-rules", "--format", "json")
    listed = json.loads(done.stdout)
    assert len(listed) >= 40
    assert all(one["title"] and one["severity"] in {"info", "warning", "error", "catastrophic"} for one in listed)
    lines = console.run("lint", "--list-rules").stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == [one["rule"] for one in listed]


def test_help_shows_examples(console: Console) -> None:
    assert b"opsconsole lint deploy.sh --fix" in console.run("lint", "--help").stdout
    assert b"lint" in console.run("--help").stdout
