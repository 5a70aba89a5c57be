"""`opsconsole detect`: what it reads, what it writes, what it says where it cannot."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from opsconsole.cli.main import main
from opsconsole.errors import UsageError
from opsconsole.monitoring import Detector
from opsconsole.monitoring.learning import recorded
from opsconsole.monitoring.learning.picture import COLUMNS, SHOWN, Columns, svg
from opsconsole.monitoring.learning.recorded import Scored
from tests.monitoring.faults import DAY, START, noise

Printed = pytest.CaptureFixture[str]
SPIKE = 900


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.fixture
def series(tmp_path: Path) -> str:
    values = noise(0.8, 1)
    values[SPIKE] = 500.0
    rows = "".join(f"{START + 60 * n:.0f},{value!r}\n" for n, value in enumerate(values))
    return write(tmp_path / "cpu.csv", "timestamp,value\n" + rows)


def test_writes_each_row_with_the_detectors_score_to_the_last_digit(series: str, capfd: Printed) -> None:
    assert main(["detect", series]) == 0
    head, *rows = capfd.readouterr().out.splitlines()
    detector = Detector()
    expected = []
    for line in Path(series).read_text().splitlines()[1:]:
        timestamp, value = line.split(",")
        expected.append(f"{timestamp},{value},{detector.update(float(timestamp), float(value))!r}")
    assert head == "timestamp,value,score"
    assert rows == expected


def test_tells_how_many_rows_reached_the_threshold(series: str, capfd: Printed) -> None:
    assert main(["detect", series, "--threshold", "0.999999"]) == 0
    assert "1152 rows, 0 anomalies at a score of 1 or more" in capfd.readouterr().err


def test_reads_stdin() -> None:
    command = [sys.executable, "-m", "opsconsole", "detect", "-"]
    done = subprocess.run(command, input=b"2014-02-14 14:30:00,1.50\n", capture_output=True, check=True)
    assert done.stdout == b"timestamp,value,score\n2014-02-14 14:30:00,1.50,0.0\n"


@pytest.mark.parametrize(
    "text",
    [
        "timestamp,value\n2014-02-14 14:30:00,1.5\n",
        "2014-02-14 14:30:00,1.5\n",
        "\ufefftimestamp,value\r\n2014-02-14 14:30:00,1.5\r\n",
        "Value , Timestamp\n1.5,2014-02-14 14:30:00\n",
        "host,value,unit,timestamp\n'db,1',1.5,%,2014-02-14 14:30:00\n".replace("'", '"'),
        "timestamp,cpu\n2014-02-14 14:30:00,1.5\n",
        "\n\n2014-02-14 14:30:00, 1.5 \n\n",
        'timestamp,value\n"2014-02-14 14:30:00","1.5"',
        "timestamp,value\n2014-02-14 14:30:00,1.5,\n",
        "2014-02-14 14:30:00,1.5,db1\n",
    ],
)
def test_takes_columns_in_any_order_with_or_without_names(text: str) -> None:
    assert [row[:2] for row in recorded.rows(text.encode().splitlines(True), "x")] == [("2014-02-14 14:30:00", "1.5")]


@pytest.mark.parametrize(
    "text",
    [
        "2014-02-14 14:30:00",
        "2014-02-14T14:30:00Z",
        "2014-02-14T16:30:00.000+02:00",
        "1392388200",
        "1392388200.0",
        "1392388200000",
        "1.3923882e9",
    ],
)
def test_knows_the_usual_forms_of_a_time(text: str) -> None:
    assert recorded.seconds(text) == 1392388200.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there are no values"),
        ("\n\n", "there are no values"),
        ("timestamp,value\n", "there are no values"),
        ("timestamp,cpu,disk\n1,2,3\n", "line 1 has no column named value"),
        ("when,value\n1,2\n", "line 1 has no column named timestamp"),
        ("yesterday,2\n", "line 1 begins with 'yesterday'"),
        ("1,2\n3\n", "line 2 has 1 of the 2 columns"),
        ("1,2\nsoon,3\n", "line 2 has 'soon' for a timestamp"),
        ("1,2\n2026-02-30 00:00:00,3\n", "line 2 has '2026-02-30 00:00:00' for a timestamp"),
        ("1,2\ninf,3\n", "line 2 has 'inf' for a timestamp"),
        ("timestamp,value\n1,high\n", "line 2 has 'high' for a value"),
        ("1,1_000\n", "line 1 has '1_000' for a value"),
        ("1,2\n3,\x00\n", "line 2 is binary data"),
        ("timestamp,value\n1,2\n2,1,000\n", "line 3 has 3 fields, 2 are expected"),
        ("timestamp,value\n2,1,000,000.5\n", "line 2 has 4 fields, 2 are expected"),
        ("1,2\n2,1,000\n", "line 2 has 3 fields, 2 are expected"),
        ("1,1,000\n", "line 1 has 3 fields, 2 are expected"),
        ('timestamp,value\n1,"1,000"\n', "line 2 has '1,000' for a value"),
        ("timestamp,value,unit\n1,1,000,MB\n", "line 2 has 4 fields, 3 are expected"),
        ("1,2\n" + "9" * 70_000 + ",2\n", "line 2 is longer than 65536 bytes"),
    ],
)
def test_says_which_line_is_wrong_and_what_a_line_looks_like(text: str, said: str, tmp_path: Path) -> None:
    path = write(tmp_path / "bad.csv", text)
    with Path(path).open("rb") as file, pytest.raises(UsageError, match=r"no values|line ") as caught:
        list(recorded.rows(recorded.lines_of(file), "bad.csv"))
    assert said in caught.value.message
    assert "timestamp,value" in caught.value.hint


def test_a_file_that_is_no_text_is_refused(tmp_path: Path, capfd: Printed) -> None:
    (tmp_path / "x.csv").write_bytes(b"\x7fELF\xff\xfe\x01\n" * 9)
    assert main(["detect", str(tmp_path / "x.csv")]) == 2
    shown = capfd.readouterr()
    assert shown.out == "" and "line 1 is binary data" in shown.err


@pytest.mark.parametrize("name", ["missing.csv", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_told(name: str, tmp_path: Path, capfd: Printed) -> None:
    assert main(["detect", str(tmp_path / name)]) == 2
    assert "cannot be read" in capfd.readouterr().err


@pytest.mark.parametrize("threshold", ["0", "-1", "1.1", "nan", "high"])
def test_a_threshold_that_is_no_score_is_refused(threshold: str, series: str, capfd: Printed) -> None:
    assert main(["detect", series, "--threshold", threshold]) == 2
    assert "is no score" in capfd.readouterr().err


def test_a_blank_value_scores_nothing_and_is_counted(tmp_path: Path, capfd: Printed) -> None:
    path = write(tmp_path / "gap.csv", "timestamp,value\n1,5\n2,\n3,NaN\n4,5\n")
    assert main(["detect", path]) == 0
    shown = capfd.readouterr()
    assert shown.out.splitlines()[2:4] == ["2,,0.0", "3,NaN,0.0"]
    assert "2 rows without a value scored 0" in shown.err


def test_what_stood_before_a_wrong_line_is_written(tmp_path: Path, capfd: Printed) -> None:
    path = write(tmp_path / "torn.csv", "timestamp,value\n1,5\n2,6\n3,#\n")
    assert main(["detect", path]) == 2
    assert capfd.readouterr().out.splitlines()[-1] == "2,6,0.0"


def test_draws_the_anomalies_that_reach_the_threshold(series: str, tmp_path: Path, capfd: Printed) -> None:
    picture = tmp_path / "cpu.svg"
    assert main(["detect", series, "--plot", str(picture)]) == 0
    root = ElementTree.fromstring(picture.read_text())  # noqa: S314 - our own
    marks = [each for each in root.iter() if each.get("class") == "mark"]
    told = [each[0].text or "" for each in marks]
    assert any(text.startswith(f"{START + 60 * SPIKE:.0f}: value 500") for text in told)
    assert f"{len(marks)} anomal" in capfd.readouterr().err


@pytest.mark.parametrize("plot", ["{series}", "{folder}/none/x.svg", "{folder}"])
def test_a_picture_that_cannot_be_written_is_told(plot: str, series: str, tmp_path: Path, capfd: Printed) -> None:
    before = Path(series).read_text()
    assert main(["detect", series, "--plot", plot.format(series=series, folder=tmp_path)]) == 2
    assert Path(series).read_text() == before
    assert "opsconsole: " in capfd.readouterr().err


def test_hostile_text_is_only_text_in_the_picture() -> None:
    columns = Columns(0.5)
    columns.add(Scored('"><script>alert(1)</script>\x1b\x00', "1", 1.0, 1.0, 0.9))
    drawn = svg(columns, "</title><script>&\x07")
    tags = {each.tag.rpartition("}")[2] for each in ElementTree.fromstring(drawn).iter()}  # noqa: S314 - our own
    assert tags == {"svg", "title", "style", "text", "rect", "line", "polyline"}
    assert "<script" not in drawn and "\x1b" not in drawn


def test_the_picture_is_self_contained_and_has_colours_for_dark_screens() -> None:
    columns = Columns(0.5)
    columns.add(Scored("1", "1", 1.0, 1.0, 0.1))
    drawn = svg(columns, "x")
    assert "prefers-color-scheme:dark" in drawn
    assert not any(word in drawn.replace("http://www.w3.org/2000/svg", "") for word in ("http", "url(", "@import"))


@pytest.mark.parametrize("values", [[], [float("nan")], [1e308, -1e308], [5.0], [0.0, 0.0]])
def test_any_series_can_be_drawn(values: list[float]) -> None:
    columns = Columns(0.5)
    for n, value in enumerate(values):
        columns.add(Scored(str(n), str(value), float(n), value, 0.0))
    drawn = svg(columns, "x")
    assert ElementTree.fromstring(drawn) is not None  # noqa: S314 - our own
    assert "inf" not in drawn and "nan" not in drawn


@pytest.mark.unmeasured
def test_a_large_series_is_read_and_drawn_in_constant_memory() -> None:
    def lines() -> Iterator[bytes]:
        for n in range(20_000):
            yield b"%d,%d\n" % (n * 60, n % DAY)

    columns = Columns(0.5)
    tracemalloc.start()
    for timestamp, text, at, value in recorded.rows(lines(), "x"):
        columns.add(Scored(timestamp, text, at, value, 0.9))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1 << 20
    assert COLUMNS <= len(columns.columns) <= 2 * COLUMNS
    assert (len(columns.marks), columns.unnamed) == (SHOWN, 20_000 - SHOWN)
    assert max(column[1] for column in columns.columns) == DAY - 1
