"""The judge of AppleScript: the phrases that reach out of it are found, it is never called harmless."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.safety.review.applescript import LARGEST, judge, lex
from opsconsole.safety.review.model import Judgement, Severity, Source, Span, describe
from tests.unit.safety.rule_pages import Page, pages

PAGES = pages("as-")


def rules(text: str) -> set[str]:
    judgement = judge(Source(text))
    return {finding.rule for finding in judgement.findings + judgement.denials}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.rule)
def test_the_bad_example_of_a_page_is_found_and_the_good_one_is_not(page: Page):
    assert page.rule in rules(page.bad)
    assert page.good is None or page.rule not in rules(page.good)


@pytest.mark.parametrize("text", ["", "beep", "-- nothing"])
def test_it_never_calls_a_script_harmless(text):
    (denial,) = judge(Source(text)).denials
    assert "cannot be proven" in denial.message


@pytest.mark.parametrize(
    "text",
    [
        '-- do shell script "x"',
        '# do shell script "x"',
        '(* do shell script "x" *)',
        '(* a (* b *) do shell script "x" *)',
        'display alert "do shell script \\"x\\""',
        'set do_shell_script to "x"',
        'say "a" -- do shell script "x"',
    ],
)
def test_words_in_comments_and_strings_are_no_phrases(text):
    assert "as-do-shell-script" not in rules(text)


@pytest.mark.parametrize(
    "text",
    [
        'do shell script "x"',
        'DO Shell   SCRIPT "x"',
        'do ¬\n shell script "x"',
        'do ¬ -- a comment\r\n shell script "x"',
        'do (* between *) shell script "x"',
        '(* -- *) do shell script "x"',
        '"(*" & "*)"\ndo shell script "x"',
        '-- (*\ndo shell script "x"',
        'set a to "\\""\ndo shell script "x" -- "',
    ],
)
def test_a_phrase_is_found_however_it_is_laid_out(text):
    assert "as-do-shell-script" in rules(text)


def test_a_literal_command_goes_to_the_judge_of_shell_text():
    seen = []

    def shell(text: str, offset: int) -> Judgement:
        seen.append(text)
        return Judgement(findings=[Source(text).finding("x", Severity.ERROR, "no", Span(0, 2))])

    judgement = judge(
        Source('beep\ndo shell script "rm -rf /"\ndo shell script "ls " & "-l"\ndo shell script "ls" & x'), shell
    )
    assert seen == ["rm -rf /", "ls -l"]
    first = next(finding for finding in judgement.findings if finding.rule == "x")
    assert (first.line, first.column) == (2, 18)


def test_a_command_put_together_at_run_time_is_an_error():
    found = [
        one for one in judge(Source('do shell script "rm " & theFile')).findings if one.rule == "as-do-shell-script"
    ]
    assert [one.severity for one in found] == [Severity.ERROR]
    assert "quoted form of" in found[0].message


def test_the_effects_are_told_for_people():
    text = 'tell application "Finder" to delete file "a"\ndo shell script "id" with administrator privileges\nrestart'
    assert describe(judge(Source(text)).effects) == [
        "deletes a (line 1)",
        "runs id (line 2)",
        "runs as root (line 2)",
        "changes the host: finder (line 1)",
        "changes the host: restart (line 3)",
    ]


def test_a_comment_without_an_end_is_no_script():
    judgement = judge(Source("beep\n (* never"))
    assert not judgement.parsed
    assert [(one.rule, one.line, one.column) for one in judgement.findings] == [("as-syntax", 2, 2)]


LONG = [
    "(*" * 100_000,
    "(*" * 50_000 + "*)" * 50_000,
    '"' * 100_001,
    "¬" * 100_000,
    "«" * 100_000,
    "|" * 100_001,
    "do shell script " * 5_000,
    'do shell script "a" & ' * 5_000,
    "tell " * 10_000,
    "try " * 30_000,
    '"\\' * 50_000,
    "-" * 100_000,
    "delete " * 10_000,
    " " * 100_000,
    "a" * 100_000,
    "#" * (LARGEST + 1),
]


@pytest.mark.unmeasured
@pytest.mark.parametrize("text", LONG, ids=lambda text: ascii(text[:6]))
def test_nesting_and_length_do_not_stop_it(text):
    assert judge(Source(text)).denials


@pytest.mark.unmeasured
@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_is_judged(text):
    judgement = judge(Source(text))
    assert all(finding.line >= 1 and finding.column >= 1 for finding in judgement.findings)
    tokens, _ = lex(text)
    assert all(one.start < one.end <= two.start for one, two in itertools.pairwise(tokens))


@pytest.mark.unmeasured
@given(
    st.sampled_from(PAGES), st.lists(st.tuples(st.integers(0, 99), st.integers(0, 4), st.text(max_size=4)), max_size=4)
)
@settings(max_examples=200, deadline=None)
def test_a_damaged_script_is_judged(page, changes):
    script = page.bad
    for at, length, text in changes:
        script = script[:at] + text + script[at + length :]
    assert judge(Source(script)).denials
