"""No text makes the review raise or hang; what it allows of the hidden scripts does nothing; splits do not matter."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.safety.redact import Redaction
from opsconsole.safety.redaction.names import Secret
from opsconsole.safety.review import review
from opsconsole.safety.sanitise import Sanitiser
from tests.effects.batches import surprises
from tests.effects.watch import missing
from tests.fuzz.shell import hidden, mutated

_HOSTILE = st.lists(
    st.sampled_from(
        [b"\x1b[31m", b"\x1b]52;c;QQ==\x07", b"\x1bP", b"\x9b", b"\r", b"\n", b"\t", "\u202e\u200b".encode(), b"\xc3",
         b"\xff", b"password=hunter2hunter2 ", b"sentinel-S3cret", b"https://u:pa55word@h/ ", b"Authorization: Bearer ",
         b"-----BEGIN RSA PRIVATE KEY-----\n", b"-----END RSA PRIVATE KEY-----\n", b"AKIAIOSFODNN7EXAMPLE", b"x" * 90]
    )
    | st.binary(max_size=12),
    max_size=12,
).map(b"".join)  # fmt: skip


def _pieces(data: bytes, seed: int) -> list[bytes]:
    dice = Random(seed)
    cuts = sorted(dice.randrange(len(data) + 1) for _ in range(dice.randint(0, 6)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def _judge(script: str) -> None:
    begun = time.thread_time()  # what others do on this machine does not count; a parser that hangs meets the timeout
    assert review(script).verdict in ("allow", "refuse")
    assert time.thread_time() - begun < 20, "a hang; figures are the benchmark's"


@settings(max_examples=60)
@given(st.text(max_size=200) | st.text("'\"\\$`(){}[]<>|&;# \nabtouch", max_size=120))
def test_any_text_is_judged(script: str) -> None:
    _judge(script)


@settings(max_examples=60)
@given(st.integers(0, 1 << 40))
def test_any_mutation_is_judged(seed: int) -> None:
    _judge(mutated(hidden(seed), seed))


@pytest.mark.unmeasured
@pytest.mark.parametrize("pair", ["()", "{;}", '""', "''", "$()", "``", "[]", "<()", "$(())", "${x:-}"])
@pytest.mark.parametrize("depth", [10, 1000, 20_000])
def test_nesting_neither_raises_nor_hangs(pair: str, depth: int) -> None:
    half = (len(pair) + 1) // 2
    _judge("echo " + pair[:half] * depth + pair[half:] * depth)


@pytest.mark.unmeasured
@pytest.mark.skipif(bool(missing()), reason=missing() or "strace is not installed")
def test_no_hidden_marker_command_is_allowed() -> None:
    scripts = (hidden(seed) if seed % 3 else mutated(hidden(seed), seed) for seed in range(600))
    assert list(surprises(script for script in scripts if review(script).verdict == "allow")) == []


@settings(max_examples=80)
@given(_HOSTILE, st.integers(0, 1 << 30))
def test_sanitise_does_not_see_the_splits(data: bytes, seed: int) -> None:
    whole, split = Sanitiser(max_line=100), Sanitiser(max_line=100)
    expected = whole.feed(data) + whole.finish()
    assert "".join(split.feed(piece) for piece in _pieces(data, seed)) + split.finish() == expected


@settings(max_examples=80)
@given(_HOSTILE, st.integers(0, 1 << 30))
def test_redact_does_not_see_the_splits(data: bytes, seed: int) -> None:
    redaction = Redaction([Secret(b"sentinel-S3cret")])
    whole, split = redaction.stream(), redaction.stream()
    expected = whole.feed(data) + whole.finish()
    assert b"".join(split.feed(piece) for piece in _pieces(data, seed)) + split.finish() == expected
    assert b"sentinel-S3cret" not in expected
