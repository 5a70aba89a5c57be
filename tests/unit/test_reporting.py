"""Reports say what was found, in every format, and nothing that is in the data is taken for the format's own signs."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from opsconsole.errors import StorageError
from opsconsole.models import ENDED, Status
from opsconsole.reporting import documents, formats
from opsconsole.reporting.comparison import compare, difference
from opsconsole.reporting.document import Bars, Document, Harmless, Table
from opsconsole.reporting.printed import LeftOut
from opsconsole.reporting.quoting import csv_cell, fenced, markdown, xml
from opsconsole.reporting.runs import read_run
from opsconsole.safety.redact import Redaction
from opsconsole.settings import Settings
from opsconsole.storage.archive import Archive
from opsconsole.storage.course import Course, TaskEvent
from opsconsole.storage.history import Filter
from opsconsole.storage.trends import Tally, Trends
from tests.tui.fake_engine import NOW
from tests.tui.history.record import HOSTILE, HOUR, SECRET, SYNC, SYNC_NEW, RecordEngine

EVIL = HOSTILE + "```\n~~~\n|a|b|<img src=x onerror=alert(1)>&amp;\" ' ]]> --> =cmd|calc \ufffe \x00"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordEngine]:
    engine = RecordEngine(tmp_path_factory.mktemp("state"))
    script = f"#!/bin/bash\n# {EVIL}\ncurl -H 'Authorization: Bearer {SECRET}' x\n".encode("utf-8", "replace")
    output = f"{EVIL}\ntoken={SECRET}\nlast line\n".encode("utf-8", "replace")
    engine.ran("fine", ago=3 * HOUR, script=SYNC, output=b"one\ntwo\nthree\n")
    engine.ran("fine", ago=HOUR, took=2.1, script=SYNC_NEW, output=b"one\n2\nthree\n", stderr=b"oh\n")
    engine.ran(
        EVIL.replace("\x00", ""), Status.FAILED, ago=2 * HOUR, exit_code=3, reason=EVIL.replace("\x00", ""),
        script=script, output=output, stderr=output, attempts=2, actor="=HYPERLINK(1)", host="-web|03",
    )  # fmt: skip
    evil = (TaskEvent(NOW, EVIL, 1, EVIL, f"{EVIL} token={SECRET}", f"{EVIL} token={SECRET}"),)
    paused = TaskEvent(NOW, "pause_asked", 1, "anna (tui)", None, "the disk fills")
    engine.courses = {1: Course((paused,)), 3: Course(evil, complete=False)}
    yield engine
    engine.record.close()


def all_documents(record: RecordEngine) -> dict[str, Document]:
    archive = Archive(record.paths)
    ids = archive.index(Filter(statuses=ENDED))
    runs = [read_run(record, record.task(task_id)) for task_id in (3, 1)]
    harmless = Harmless(record.redaction_of())
    trends = archive.trends(Filter(statuses=ENDED), None, NOW, 12, "name")
    found = {
        "run": documents.of_run(runs[0], NOW),
        "comparison": documents.of_comparison(compare(*runs), NOW),
        "list": documents.of_list(archive.rows(ids), len(ids), EVIL, harmless, NOW),
        "statistics": documents.of_statistics(trends, "all", EVIL, harmless, NOW),
    }
    archive.close()
    return found


def every_text(record: RecordEngine) -> Iterator[tuple[str, str, str]]:
    for kind, document in all_documents(record).items():
        for format in formats.formats_of(kind):
            yield kind, format, formats.render(document, format)


def test_no_format_lets_a_control_or_a_secret_through(record: RecordEngine) -> None:
    for kind, format, text in every_text(record):
        plain = text.replace("\r\n", "\n") if format == "csv" else text
        assert not CONTROLS.search(plain), (kind, format)
        assert SECRET not in text, (kind, format)


def test_html_and_svg_are_well_formed_and_hold_no_element_of_the_data(record: RecordEngine) -> None:
    for kind, format, text in every_text(record):
        if format not in ("html", "svg"):
            continue
        tree = ElementTree.fromstring(text)  # noqa: S314 - ours
        tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
        assert not tags & {"script", "img", "iframe", "a", "link", "object"}, (kind, format)
        assert not any(name.lower().startswith("on") for element in tree.iter() for name in element.attrib)
        assert "http" not in re.sub(r'xmlns="[^"]*"', "", text).replace("http-equiv", ""), (kind, format)
        if kind != "comparison" or format == "html":
            assert "<script>" in "".join(tree.itertext()), (kind, format)


def test_json_and_csv_can_be_read_back(record: RecordEngine) -> None:
    made = all_documents(record)
    for kind, document in made.items():
        found = json.loads(formats.render(document, "json"))
        assert (found["report"], found["title"]) == (kind, document.title)
    rows = list(csv.DictReader(io.StringIO(formats.render(made["list"], "csv"), newline="")))
    assert [row["id"] for row in rows] == ["2", "3", "1"]
    assert rows[1]["actor"] == "'=HYPERLINK(1)"
    assert rows[1]["host"] == "'-web|03"
    assert rows[1]["exit_code"] == "3"
    groups = list(csv.DictReader(io.StringIO(formats.render(made["statistics"], "csv"), newline="")))
    assert {(row["runs"], row["failed"]) for row in groups} == {("2", "0"), ("1", "1")}


def test_a_run_s_report_tells_what_was_done_to_it_and_by_whom(record: RecordEngine) -> None:
    made = documents.of_run(read_run(record, record.task(1)), NOW)
    [event] = json.loads(formats.render(made, "json"))["events"]
    assert (event["event"], event["actor"]) == ("pause_asked", "anna (tui)")
    text = formats.render(made, "md")
    assert "What happened to it" in text and "pause asked" in text and "not recorded" not in text
    assert "reason" in text and "the disk fills" in text
    older = formats.render(documents.of_run(read_run(record, record.task(3)), NOW), "md")
    assert "Who did what to it was not recorded" in older


def test_a_run_s_report_tells_when_each_attempt_was_queued_began_and_ended(record: RecordEngine) -> None:
    run = read_run(record, record.task(1))
    ends = [
        TaskEvent(1, "queued", 1, "anna (tui)", "on web-03"), TaskEvent(2, "started", 1, None, "process 7"),
        TaskEvent(3, "failed", 1, None, "exit code 7"), TaskEvent(4, "claimed", 2, "a console"),
        TaskEvent(5, "started", 2, None, "process 9"), TaskEvent(6, "completed", 2),
    ]  # fmt: skip
    made = documents.of_run(replace(run, course=Course(tuple(ends))), NOW)
    [table] = [one for one in made.blocks if isinstance(one, Table) and one.caption == "What happened to it"]
    assert [tuple(row[1:3]) for row in table.rows] == [
        ("1", "queued"), ("1", "started"), ("1", "failed"), ("2", "claimed"), ("2", "started"), ("2", "completed"),
    ]  # fmt: skip
    assert [row[4] for row in table.rows][:3] == ["on web-03", "process 7", "exit code 7"]


def test_a_bar_of_what_fails_is_its_share_of_runs(record: RecordEngine) -> None:
    groups = {
        "often": Tally({Status.FAILED: 3, Status.COMPLETED: 14}, 1.0, 2.0),
        "seldom": Tally({Status.FAILED: 3, Status.COMPLETED: 39}, 1.0, 2.0),
        "never": Tally({Status.COMPLETED: 5}, 1.0, 2.0),
    }
    found = Trends(0, NOW, "name", Tally({Status.COMPLETED: 1}, 1.0, 1.0), [], groups)
    bars = documents.failing_bars(found, Harmless(record.redaction_of()), 12)
    assert [(name, round(value, 3), said) for name, value, said in bars] == [
        ("often", 0.176, "17.6 % (3 of 17)"), ("seldom", 0.071, "7.1 % (3 of 42)"),
    ]  # fmt: skip
    made = documents.of_statistics(found, "all", "", Harmless(record.redaction_of()), NOW)
    [block] = [one for one in made.blocks if isinstance(one, Bars) and "failing" in one.caption]
    assert "share failed" in block.caption and block.top == 1.0


def test_no_line_of_a_script_or_an_output_closes_its_fence(record: RecordEngine) -> None:
    text = formats.render(all_documents(record)["run"], "md")
    fences = re.findall(r"^(`{3,})(\w*)$", text, re.MULTILINE)
    opened = [fence for fence, language in fences]
    assert opened[0::2] == opened[1::2]
    outside = re.sub(r"^(`{3,})\w*\n.*?\n\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"(?<!\\)<script>", outside)
    assert "last line" not in outside


@pytest.mark.parametrize(
    "text",
    [
        "*a*",
        "[a](b)",
        "<b>",
        "# a",
        "1. a",
        "- a",
        "a|b",
        "&lt;",
        "`a`",
        "\\*a\\*",
        "~~a~~",
        "__init__",
        "_a_",
        "> a",
        "+ a",
        "1) a",
        "---",
        "***",
        "===",
        "![a](b)",
        "[a]: b",
        "<!-- a",
        "<https://a>",
        "a ##",
        "https://a.b",
        "www.a.b",
        "&#60;",
        "**a",
        "a\\",
        "\\",
        "\\<b>",
        "``` a",
        "~~~",
        ":-",
        "#",
        "a_b_ c_",
        "| a |",
        "\\|",
    ],
)
def test_markdown_has_no_markup_of_the_data(text: str) -> None:
    quoted = markdown(text)
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    shown = f"<p>{html.escape(text)}</p>\n"
    assert html.unescape(reader.render(quoted)) == html.unescape(shown)
    table = reader.render(f"| a | b |\n|---|---|\n| {quoted} | c |\n")
    assert f"<td>{text}</td>\n<td>c</td>" in html.unescape(table)
    heading = reader.render(f"## {quoted}\n")
    assert html.unescape(heading) == f"<h2>{text}</h2>\n"
    assert not re.search(r"(?<!\\)(?:://|\bwww\.)", quoted), "some make links of addresses by themselves"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21 12:22:37", "Run 7.1: backup-db", "after 12 min (exit 3)", "C:\\a\\b", "a < b > c",
        "cpu_high", "$HOME",
        "R&D", "2 * 3 = 6", "deploy@web-03", "-5 %", "#17", "sha256 1a2b", "it's \"so\"!", "~/.config", "1.5 s",
    ],
)  # fmt: skip
def test_markdown_leaves_alone_what_means_nothing_to_it(text: str) -> None:
    assert markdown(text) == text


def test_a_fence_is_longer_than_any_in_the_text() -> None:
    assert fenced("a ````` b").startswith("``````\n")


def test_what_xml_cannot_write_is_replaced() -> None:
    text = xml(chr(0) + chr(0xFFFE) + chr(0xD800) + "<&'\"")
    ElementTree.fromstring(f'<a b="{text}">{text}</a>')  # noqa: S314 - ours


def test_a_formula_becomes_a_text_and_a_number_stays_one() -> None:
    assert csv_cell("=1+1") == "'=1+1"
    assert csv_cell("@x") == "'@x"
    assert csv_cell(-3) == -3
    assert csv_cell(None) == ""


# -- comparing


def test_two_runs_beside_each_other(record: RecordEngine) -> None:
    found = compare(read_run(record, record.task(2)), read_run(record, record.task(1)))
    assert (found.before.task.id, found.after.task.id) == (1, 2)
    pairs = {pair.label: pair for pair in found.pairs}
    assert pairs["duration"].said == "2.1× slower"
    assert pairs["duration"].worse is True
    assert not pairs["status"].differs
    assert [line for line in documents.diff_lines(found.script) if line.startswith(("+", "-"))] == [
        "-rsync -a /srv/assets/ web-04:/srv/assets/",
        "+rsync -a --delete /srv/assets/ web-04:/srv/assets/",
    ]
    assert [(line.sign, line.text) for line in found.output.lines if line.sign in "+-"] == [
        ("-", "two"), ("+", "2"), ("+", "! oh"),
    ]  # fmt: skip


def test_a_difference_is_that_of_diff() -> None:
    before = [f"line {number}" for number in range(100)]
    after = [*before[:50], "new", *before[51:]]
    lines = [(line.sign, line.text) for line in difference(before, after).lines]
    assert lines[0] == ("@", "@@ -48,7 +48,7 @@")
    assert lines[4:6] == [("-", "line 50"), ("+", "new")]
    assert difference(before, list(before)).same


def test_what_is_too_much_to_compare_is_said() -> None:
    found = difference([f"a{n}" for n in range(50_000)], [f"b{n}" for n in range(40_000)])
    assert "87,000 more are not" in found.left_out
    assert found.removed == found.added == 1500


def test_a_huge_output_is_read_at_its_ends_only(tmp_path: Path) -> None:
    engine = RecordEngine(tmp_path)
    task_id = engine.ran("huge", output=b"".join(b"%07d\n" % number for number in range(100_000)), index=False)
    run = read_run(engine, engine.task(task_id), head=4096, tail=4096)
    assert run.output[0].text == "0000000"
    assert run.output[-1].text == "0099999"
    shown = [one for one in run.output if one.stream != "note"]
    assert run.left_out == LeftOut(100_000 - len(shown), 800_000 - 8 * len(shown))
    assert any(one.stream == "note" and "left out" in one.text for one in run.output)
    assert len(run.output) < 4000
    engine.record.close()


# -- writing


def test_a_report_is_for_its_owner_and_replaces_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    path = formats.save(folder, "a.md", "text")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with pytest.raises(StorageError, match="of that name"):
        formats.save(folder, "a.md", "other")
    assert path.read_text() == "text"
    assert [one.name for one in folder.iterdir()] == ["a.md"]


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "/etc/passwd", "a/b", "a\0b"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageError):
        formats.save(tmp_path, name, "text")


def test_file_names_hold_nothing_special() -> None:
    assert formats.file_name("run 3: ../x;rm", "html") == "run-3-..-x-rm.html"
    assert formats.file_name("\x1b\u202e", "md") == "report.md"


def test_secrets_are_taken_out_before_anything_is_cut() -> None:
    harmless = Harmless(Redaction.of({}, Settings().redaction))
    assert SECRET not in harmless.line(f"token {SECRET}")
    assert SECRET not in json.dumps(harmless.data({"a": [f"x {SECRET}"], SECRET: 1}))


def test_of_very_many_lines_the_first_and_the_last_are_there(tmp_path: Path) -> None:
    engine = RecordEngine(tmp_path)
    run = read_run(engine, engine.task(engine.ran("yes", output=b"first\n" + b"y\n" * 50_000 + b"last\n", index=False)))
    assert (run.output[0].text, run.output[-1].text) == ("first", "last")
    assert len(run.output) == 9001
    assert any(one.text == "⋯ 41,002 lines left out ⋯" for one in run.output)
    engine.record.close()


@pytest.mark.parametrize("text", ["a.b+c@d-e.example", "mailto:a@b.c", "a@b@c.d", "\u00e9@b.c", "x <a@b.c>"])
def test_no_address_of_mail_becomes_a_link(text: str) -> None:
    quoted = markdown(text)
    assert not re.search(r"@[\w-]+\.", quoted), "an escaped @ is linked all the same; across a comment nothing is"
    reader = MarkdownIt("commonmark", {"html": True})
    assert html.unescape(reader.render(quoted).replace("<!-- -->", "")) == f"<p>{text}</p>\n"


@pytest.mark.parametrize("text", ["_www.a.b_", "(www.a.b)", "*WWW.a.b"])
def test_no_address_of_a_host_becomes_a_link(text: str) -> None:
    assert "\\.a" in markdown(text)
