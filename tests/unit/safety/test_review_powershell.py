"""The judge of PowerShell: what only looks is proven so, everything else is not, and nothing makes it fail."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.safety.review import review
from opsconsole.safety.review.model import Judgement, Severity, Source, Span, describe
from opsconsole.safety.review.powershell import LARGEST, judge
from opsconsole.safety.review.powershell.mending import mend
from tests.cases import each
from tests.unit.safety.rule_pages import Page, pages

HERE = Path(__file__).parent


def rows(name: str) -> list[str]:
    return [line for line in (HERE / name).read_text("utf-8").splitlines() if line and not line.startswith("# ")]


READ_ONLY = rows("powershell_read_only.txt")
REFUSED = rows("powershell_refused.txt")
REFUSED_OF_SEVERAL_LINES = [
    "gps ` \nrm x",
    "gps `\r\n rm",
    "gps |\n rm",
    "gps\n| rm",
    "gps #<# \nrm x #>",
    "<# a #> rm x",
    "<# <# #> rm x #>",
    "gps a#b\nrm x",
    'echo @"\nfoo\n"@; rm x',
    "@'\n$(rm x)\n'@; rm x",
    "gps\rrm x",
    "gps\x0brm x",
    "gps\x85rm x",
    "gps\u00a0x; rm y",
    "gps\u2028rm x",
    "# a\rrm x",
    "# a\u2028rm x",
    '"a\u201d; rm x; \u201cb"',
    "'a\u2019; rm x; \u2018b'",
    "gps\x00; rm x",
    "gps -Name `\n a; rm x",
    "if (1) { gps\n}\nrm x",
    "function gps { rm x }\ngps",
    "function f { & $args[0] }\nf rm",
    "switch (1) { {rm x} {1}\n}",
    'switch (1) { "$(rm x)" {1}\n}',
    'echo "\n"; rm x\necho "\n"',
    "gps -x:\nrm x",
    "gps\n-Name\nrm x",
    "return\nrm x",
    "$a b:c = 1",
    "$a[int]b& = { 1 }",
    "$a 'b' = 1",
]
PAGES = pages("ps-")


def found(text: str) -> Judgement:
    return judge(Source(text))


def rules(text: str) -> set[str]:
    judgement = found(text)
    return {finding.rule for finding in judgement.findings + judgement.denials}


@each(READ_ONLY)
def test_what_only_looks_is_allowed(script):
    judgement = found(script)
    assert judgement.parsed
    assert [finding.message for finding in judgement.denials] == []


def test_the_read_only_list_is_large_enough_to_mean_something():
    assert len(READ_ONLY) >= 60


@each(REFUSED + REFUSED_OF_SEVERAL_LINES)
def test_what_may_do_more_than_look_is_not_proven(script):
    assert found(script).denials


@each(PAGES)
def test_the_bad_example_of_a_page_is_found_and_the_good_one_is_not(page: Page):
    assert page.rule in rules(page.bad)
    assert page.good is None or page.rule not in rules(page.good)


@each(PAGES)
def test_the_severity_of_a_page_is_the_one_that_is_reported(page: Page):
    judgement = found(page.bad)
    severities = {str(one.severity) for one in judgement.findings + judgement.denials if one.rule == page.rule}
    assert page.severity in severities


@each(READ_ONLY)
def test_line_ends_of_windows_and_a_byte_order_mark_are_plain_powershell(script):
    here, there = found(f"{script}\nGet-Date\n"), found(f"\ufeff{script}\r\nGet-Date\r\n")
    assert {one.rule for one in there.findings} == {one.rule for one in here.findings}
    assert not there.denials


@each([*REFUSED, "# said\nRemove-Item x", "gps `\n-Name x; Remove-Item x", "gps\nrm x"])
def test_what_is_refused_is_refused_with_line_ends_of_windows(script):
    lines = f"Get-Date\n{script}\nGet-Date\n".replace("\n", "\r\n")
    assert found(lines).denials or not found(lines.replace("\r", "")).denials
    assert "ps-hidden-character" not in {one.rule for one in found(lines).findings} - {
        one.rule for one in found(script).findings
    }


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ('"$env:TEMP\\*"', r"if $env:TEMP is empty, this deletes \* instead"),
        ('"${dir}/old"', "if ${dir} is empty, this deletes /old instead"),
        ("$dir", "what $dir holds shows only at run time: with a wrong value this deletes another tree"),
    ],
)
def test_what_an_empty_variable_would_delete_is_said(path, said):
    (found,) = [
        one
        for one in review(f"Remove-Item -Recurse -Force {path}", "powershell", "standard").findings
        if one.rule == "ps-remove-variable"
    ]
    assert found.message == said


def test_a_finding_stands_where_its_command_does():
    (finding,) = [one for one in found("Get-Date\n  Clear-Disk -Number 1").findings if one.rule == "ps-format-disk"]
    assert (finding.line, finding.column, finding.end_line, finding.end_column) == (2, 3, 2, 23)
    assert finding.severity is Severity.CATASTROPHIC


def test_columns_count_characters_after_letters_outside_of_ascii():
    (finding,) = [one for one in found("echo 'äöü€𝄞'; r`m x").findings if one.rule == "ps-obfuscated-name"]
    assert finding.column == 15


def test_the_effects_are_told_for_people():
    text = "Get-Content C:\\a.txt\nRemove-Item C:\\b.txt\nInvoke-RestMethod https://h/x -OutFile c.txt\ngps | kill"
    assert describe(found(text).effects) == [
        "reads C:\\a.txt (line 1)",
        "writes c.txt (line 3)",
        "deletes C:\\b.txt (line 2)",
        "contacts https://h/x (line 3)",
        "signals processes (line 4)",
    ]


def test_an_encoded_command_is_decoded_and_judged():
    program = base64.b64encode("Remove-Item -Recurse C:\\".encode("utf-16-le")).decode()
    judgement = found(f"powershell.exe -NoP -W Hidden -e {program}")
    assert {"ps-encoded-command", "ps-remove-system"} <= {finding.rule for finding in judgement.findings}
    assert any("Remove-Item" in note for note in judgement.notes)


def test_a_command_string_is_judged_at_its_own_place():
    (finding,) = [one for one in found("pwsh -Command 'gps; Clear-Disk 1'").findings if one.rule == "ps-format-disk"]
    assert finding.column == 21


def test_powershell_in_powershell_ends_somewhere():
    text = "Get-Date"
    for _ in range(8):
        text = f"pwsh -e {base64.b64encode(text.encode('utf-16-le')).decode()}"
    assert found(text).denials


def test_a_shell_program_goes_to_the_judge_of_shell_text():
    seen = []

    def shell(text: str, offset: int) -> Judgement:
        seen.append((text, offset))
        source = Source(text)
        return Judgement(findings=[source.finding("x", Severity.ERROR, "no", Span(0, 2))])

    judgement = judge(Source("bash -c 'rm -rf /'"), shell)
    assert seen == [("rm -rf /", 9)]
    assert [(one.rule, one.column) for one in judgement.findings if one.rule == "x"] == [("x", 10)]


def test_an_alias_is_replaced_by_its_fix():
    text = "$a = 1\ngci C:\\x\n"
    (finding,) = [one for one in found(text).findings if one.rule == "ps-alias"]
    assert finding.fix is not None
    (edit,) = finding.fix
    assert text[: edit.start] + edit.text + text[edit.end :] == "$a = 1\nGet-ChildItem C:\\x\n"


@pytest.mark.parametrize(
    "root", ["C:\\", "C:\\*", "/", "/etc", "~", "$env:SystemRoot", "C:\\Windows", "HKLM:\\SOFTWARE"]
)
def test_every_spelling_of_the_system_is_catastrophic(root):
    assert "ps-remove-system" in rules(f"Remove-Item {root} -Recurse -Force")
    assert "ps-remove-system" in rules(f"rm -r '{root}'") or root.startswith("$")


def test_switching_a_protection_on_is_not_switching_it_off():
    assert "ps-disable-protection" in rules("Set-MpPreference -DisableRealtimeMonitoring $true")
    assert "ps-disable-protection" not in rules("Set-MpPreference -DisableRealtimeMonitoring $false")
    assert "ps-disable-protection" not in rules("Set-NetFirewallProfile -Enabled True")


def test_an_empty_script_changes_nothing():
    assert found("").denials == []
    assert found(" \n").denials == []


def test_a_script_that_is_too_long_is_refused():
    judgement = found("#" * (LARGEST + 1))
    assert judgement.denials
    assert not judgement.parsed


def test_without_the_parser_it_says_what_to_install():
    program = (
        "import sys; sys.modules['tree_sitter_powershell'] = None\n"
        "from opsconsole.safety.review.powershell import judge\n"
        "from opsconsole.safety.review.model import Source\n"
        "found = judge(Source('Get-Date')); print(found.parsed, found.denials[0].message)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.startswith("False")
    assert "tree-sitter-powershell" in done.stdout


def test_the_parser_is_loaded_only_when_it_is_needed():
    program = "import sys, opsconsole.safety.review.powershell; print('tree_sitter' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "False"


LONG = [
    "(" * 50_000,
    "{" * 50_000,
    '"$(' * 20_000,
    "1" + "+1" * 50_000,
    "@(" * 20_000,
    "<#" * 50_000,
    "a|" * 15_000,
    "[int]" * 20_000 + "$x = 1",
    "$x" + ".Replace('a','b')" * 5_000,
    "if(1){" * 20_000,
    "$a=" * 15_000 + "1",
    "$x" + "[0]" * 20_000,
    "a " + "b," * 25_000,
    "a,   " * 25_000,
    "`" * 50_000,
    "'" * 50_001,
    "-x:" * 10_000,
    "echo (" * 20_000,
    "iex (" * 20_000,
    "iex | " * 10_000,
    "echo é (" * 20_000,
    "$x.f(" * 20_000,
    "pwsh -c " * 5_000,
    "& " * 10_000,
    "$x.y" * 10_000,
    "a -b c " * 10_000,
    "." * 50_000,
    "(($x)).a=" * 5_000,
]


@pytest.mark.unmeasured
@pytest.mark.parametrize("text", LONG, ids=lambda text: text[:6])
def test_nesting_and_length_do_not_stop_it(text):
    found(text)


@pytest.mark.unmeasured
@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_is_judged(text):
    judgement = found(text)
    assert all(finding.line >= 1 and finding.column >= 1 for finding in judgement.findings + judgement.denials)


@pytest.mark.unmeasured
@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_judged(raw):
    found(raw.decode("utf-8", "surrogateescape"))
    assert len(mend(raw)) == len(raw)


@pytest.mark.unmeasured
@given(
    st.sampled_from(READ_ONLY + REFUSED),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 5), st.sampled_from([*"\"'`$(){}@#;|&,<>\n\r ", "rm "]))),
)
@settings(max_examples=400, deadline=None)
def test_a_damaged_script_is_judged(script, changes):
    for at, length, text in changes:
        script = script[:at] + text + script[at + length :]
    found(script)


@pytest.mark.unmeasured
@given(st.sampled_from(READ_ONLY), st.sampled_from([" ; ", "\n", " | ", "; & ", "; . ", "\r\n"]), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_a_removal_after_a_read_only_line_is_never_allowed(script, joint, blanks):
    assert found(f"{script}{joint}{' ' * blanks}Remove-Item x").denials


@pytest.mark.unmeasured
@given(st.sampled_from(READ_ONLY), st.data())
@settings(max_examples=300, deadline=None)
def test_a_sub_expression_anywhere_in_a_double_quoted_string_is_seen(script, data):
    quoted = [index for index in range(len(script)) if script[index] == '"']
    if not quoted or script.count('"') % 2 or "'" in script:
        return
    at = data.draw(st.sampled_from(quoted[::2])) + 1
    assert found(f"{script[:at]}$(Remove-Item x){script[at:]}").denials
