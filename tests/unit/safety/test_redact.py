"""Redaction: whatever the cut, before any cutting, in every spelling."""

from __future__ import annotations

import base64
import json
import shlex
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.safety.redact import Redaction, Redactor, rule_set
from opsconsole.safety.redaction.blocks import BOUND, MARK
from opsconsole.safety.redaction.known import Known, KnownStream
from opsconsole.safety.redaction.lines import WINDOW
from opsconsole.safety.redaction.names import Secret, looks_secret, secrets_of
from opsconsole.settings import RedactionSettings

VALUE = "s3cr3t/Value+with spaces&x=1"
KEY = (
    b"-----BEGIN OPENSSH PRIVATE KEY-----\n"
    + b"".join(base64.b64encode(bytes([n]) * 48) + b"\n" for n in range(5))
    + b"c2hvcnQ=\n-----END OPENSSH PRIVATE KEY-----\n"
)


def whole(data: bytes, secrets: tuple[str | bytes, ...] = ()) -> bytes:
    stream = Redactor(secrets)
    return stream.feed(data) + stream.finish()


def in_pieces(data: bytes, cuts: list[int], secrets: tuple[str | bytes, ...]) -> bytes:
    stream, out, at = Redactor(secrets), b"", 0
    for cut in sorted({cut % (len(data) + 1) for cut in cuts}):
        out += stream.feed(data[at:cut])
        at = cut
    return out + stream.feed(data[at:]) + stream.finish()


SECRETS = ("hunter2hunter2", "hunter2x", "aaaaaa", "aaab aaac", "line one\nline two")
PIECES = st.sampled_from(
    [
        b"hunter2",
        b"hunter2hunter2",
        b"hunter2x",
        b"aaa",
        b"aaab ",
        b"aaac",
        b"a",
        b"\n",
        b"\r",
        b"\r\n",
        b" ",
        b"password=",
        b"token: abc123def456",
        b"://u:",
        b"p@h",
        b"line one",
        b"\nline two",
        b"-----BEGIN ",
        b"PRIVATE KEY-----",
        b"-----END ",
        b"-----",
        KEY,
        KEY[:200],
        b"eyJhbGciOiJIUzI1NiJ9.",
        b"eyJzdWIiOiIxMjM0NTY3ODkwIn0.xxxxxxx",
        b"mysql -p",
        b"x" * 50,
        b"\x1b[31m",
        b"\xff\xc3",
        "é".encode(),
        b"sk-",
        b"ghp_" + b"A1b2" * 9,
        b"...",
    ]
)


@pytest.mark.unmeasured
@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=30).map(b"".join), st.lists(st.integers(0, 1 << 20), max_size=12))
def test_what_comes_out_does_not_depend_on_how_it_came_in(data: bytes, cuts: list[int]) -> None:
    assert in_pieces(data, cuts, SECRETS) == whole(data, SECRETS)


@pytest.mark.unmeasured
@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_nor_does_it_byte_by_byte(data: bytes) -> None:
    assert in_pieces(data, list(range(len(data))), SECRETS) == whole(data, SECRETS)


@pytest.mark.unmeasured
@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 3 * WINDOW),
    st.sampled_from([b"password=hunter2hunter", b"token: abc123def456", b"x aaaaaa"]),
    st.lists(st.integers(0, 1 << 20), max_size=6),
    st.sampled_from([b"x", b"word ", b"token ", b"key=1 "]),
)
def test_nor_in_a_line_without_an_end(at: int, secret: bytes, cuts: list[int], filling: bytes) -> None:
    line = (filling * (4 * WINDOW))[: 3 * WINDOW]
    data = line[:at] + b" " + secret + b" " + line[at:]
    assert in_pieces(data, cuts, ("aaaaaa",)) == whole(data, ("aaaaaa",))
    assert b"hunter2hunter" not in whole(data) and b"abc123def456" not in whole(data)


@pytest.mark.unmeasured
@settings(max_examples=300, deadline=None)
@given(st.text("ab", min_size=6, max_size=9), st.text("ab", max_size=80), st.lists(st.integers(0, 80), max_size=8))
def test_a_known_secret_is_never_left(secret: str, text: str, cuts: list[int]) -> None:
    known = Known([Secret(secret.encode())])
    stream, out, at = KnownStream(known), b"", 0
    for cut in sorted(cuts):
        out += stream.feed(text[at:cut].encode())
        at = max(at, cut)
    out += stream.feed(text[at:].encode()) + stream.finish(torn=False)
    assert secret.encode() not in out
    assert out.replace(b"[redacted:secret]", secret.encode()) == text.encode()


@pytest.mark.parametrize(
    "printed",
    [
        VALUE,
        *(base64.b64encode(b"x" * shift + VALUE.encode() + b"yz").decode() for shift in range(3)),
        *(base64.urlsafe_b64encode(b"??>"[:shift] + VALUE.encode()).decode() for shift in range(3)),
        quote(VALUE),
        quote(VALUE, safe=""),
        quote_plus(VALUE),
        VALUE.encode().hex(),
        VALUE.encode().hex().upper(),
        json.dumps(VALUE),
        shlex.quote(VALUE),
        r"s3cr3t/Value+with\ spaces\&x=1",
    ],
)
def test_a_known_secret_is_found_in_every_spelling(printed: str) -> None:
    clean = whole(f"before {printed} after".encode(), (VALUE,)).decode()
    assert "[redacted:secret]" in clean
    for part in ("Value", "spaces", base64.b64encode(VALUE[3:18].encode()).decode(), VALUE[2:12].encode().hex()):
        assert part not in clean


def test_a_key_is_hidden_from_the_first_byte_to_the_last_line() -> None:
    assert whole(b"before\n" + KEY + b"after\n") == b"before\n" + MARK + b"\nafter\n"


def test_a_key_on_one_line_of_json_is_hidden() -> None:
    text = json.dumps({"id": 1, "private_key": KEY.decode(), "then": "shown"})
    clean = whole(text.encode())
    assert b"AAAA" not in clean and b"shown" in clean and MARK in clean


def test_a_key_that_was_cut_off_ends_where_something_else_begins() -> None:
    assert whole(KEY[:220] + b"\n\nnow: something else here\n") == MARK + b"\nnow: something else here\n"


def test_a_key_without_an_end_is_hidden_up_to_a_bound() -> None:
    body = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo\n" * 2000
    clean = whole(b"-----BEGIN RSA PRIVATE KEY-----\n" + body)
    assert len(body) - BOUND - 40 <= len(clean) <= len(body) - BOUND + 40


def test_a_text_that_speaks_of_keys_stays() -> None:
    text = b"look for -----BEGIN RSA PRIVATE KEY----- in it\nthen go on\n"
    assert whole(text) == b"look for " + MARK + b" in it\nthen go on\n"


def test_what_comes_after_a_gap_may_be_the_end_of_a_secret() -> None:
    stream = Redaction([Secret(b"hunter2hunter2")], rule_set()).stream(torn=True)
    assert stream.feed(b"ter2hun") + stream.feed(b"ter2 next word") + stream.finish() == b"[redacted:torn] next word"
    stream = Redaction(rules=rule_set()).stream(torn=True)
    assert stream.feed(KEY[90:] + b"after\n") + stream.finish() == b"[redacted:torn]\n" + MARK + b"\nafter\n"


def test_what_comes_before_a_gap_may_be_the_beginning_of_one() -> None:
    redaction = Redaction([Secret(b"hunter2hunter2", "TOKEN")], rule_set())
    assert redaction.text("worker hunter2hu", torn=True) == "worker [redacted:TOKEN]"
    assert redaction.text("worker hunter2hu") == "worker hunter2hu"


def test_what_cannot_become_a_secret_is_shown_at_once() -> None:
    stream = Redactor(["hunter2hunter2"])
    assert stream.feed(b"working ..") == b"working .."
    assert stream.feed(b"..\rgo on? ") == b"..\rgo on? "
    assert stream.feed(b"password=hun") == b""
    assert stream.feed(b"ter2\n") == b"password=[redacted:password]\n"


@pytest.mark.unmeasured
@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_memory_is_bounded_and_nothing_crashes(data: bytes) -> None:
    stream = Redactor(SECRETS)
    for _ in range(20):
        stream.feed(data)
    stream.finish()


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_text_without_secrets_is_returned_as_it_is(text: str) -> None:
    redaction = Redaction([Secret(b"hunter2hunter2")], None)
    assert redaction.text(text) == text


def test_json_is_redacted_in_keys_and_values() -> None:
    redaction = Redaction([Secret(b"hunter2hunter2", "T")], rule_set())
    value = {"a": ["x", {"hunter2hunter2": 1}], "n": 3, "t": None}
    assert redaction.value(value) == {"a": ["x", {"[redacted:T]": 1}], "n": 3, "t": None}
    same = {"a": ["x"], "n": 3}
    assert redaction.value(same) is same


@pytest.mark.parametrize(
    "name",
    [
        "GITHUB_TOKEN",
        "DB_PASSWORD",
        "AWS_SECRET_ACCESS_KEY",
        "API_KEY",
        "MY_APIKEY",
        "STRIPE_SECRET",
        "PGPASSWORD",
        "MYSQL_PWD",
        "VAULT_TOKEN",
        "GOOGLE_CREDENTIALS",
        "HTTP_AUTH",
        "SSH_PRIVATE_KEY",
        "db_pass",
        "KEY_PASSPHRASE",
    ],
)
def test_names_that_look_secret(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name", ["PATH", "PWD", "OLDPWD", "SSH_AUTH_SOCK", "XAUTHORITY", "KEYBOARD", "TOKENIZERS_PARALLELISM"]
)
def test_names_that_do_not(name: str) -> None:
    assert not looks_secret(name)


def test_which_values_of_an_environment_are_secrets() -> None:
    environ = {
        "DB_PASSWORD": "hunter2hunter2",
        "PIN_TOKEN": "12345",
        "API_TOKEN": "true",
        "CI_JOB": "sentinel-value-1",
        "STAGE": "production",
        "LANG": "en_US.UTF-8",
        "DATABASE_URL": "postgres://app:pw%2F12345@db/x",
        "EXTRA": "abcdef",
        "OTHER": "whatever-1",
    }
    found, unfit = secrets_of(environ, names=("EXT*",), given=("CI_JOB", "STAGE", "LANG"))
    assert {(secret.label, secret.value) for secret in found} == {
        ("DB_PASSWORD", b"hunter2hunter2"),
        ("CI_JOB", b"sentinel-value-1"),
        ("DATABASE_URL", b"pw%2F12345"),
        ("DATABASE_URL", b"pw/12345"),
        ("EXTRA", b"abcdef"),
    }
    assert unfit == ["PIN_TOKEN", "API_TOKEN"]


def test_an_environment_makes_one_redaction_however_often_it_is_asked_for() -> None:
    environ = {"DB_PASSWORD": "hunter2hunter2"}
    first = Redaction.of(environ, RedactionSettings())
    assert first.text("x hunter2hunter2 y") == "x [redacted:DB_PASSWORD] y"
    assert Redaction.of(environ, RedactionSettings()) is first
