"""A process that reviews texts, one after the other, for a console that must not wait for it.

Requests come on standard input, answers leave on standard output, each a frame: four bytes of length, then JSON. It
serves until its input ends. An answer in two parts: `judged` as soon as the verdict is there, `refined` with what takes
longer (ShellCheck, the verdicts of the other policies) unless the next request has come meanwhile.

A `question` is another thing: what a submission asks before it decides. Each is answered, whole, as soon as it is read.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from opsconsole.safety.review import POLICIES, _judge, review
from opsconsole.safety.review.model import Edit, Effect, Finding, Review, Severity
from opsconsole.safety.review.shellcheck import judges, merge, remarks

MOST_FINDINGS = 500
MOST_EFFECTS = 1000
"""A person reads no more, and the console's loop decodes them."""

_PAUSE_S = 0.25
"""So long nobody types before ShellCheck is asked."""
_CHEAP_S = 0.06
"""A review that took less is made for all policies at once."""
_LENGTH = 4


def request(version: int, text: str, interpreter: str, policy: str, site: str | None) -> bytes:
    """The frame that asks for a review. `text` may hold surrogate escapes."""
    return frame({"version": version, "text": text, "interpreter": interpreter, "policy": policy, "site": site})


def question(
    version: int, body: bytes, interpreter: str, policy: str, allow: Sequence[str], site: str, given: Iterable[str]
) -> bytes:
    """The frame that asks for the very review that `safety.review.review` would make of this."""
    return frame(
        {
            "question": version,
            "text": body.decode("utf-8", "surrogateescape"),
            "interpreter": interpreter,
            "policy": policy,
            "allow": list(allow),
            "site": site,
            "given": sorted(given),
        }
    )


def frame(message: dict[str, Any]) -> bytes:
    data = json.dumps(message).encode("ascii")
    return len(data).to_bytes(_LENGTH, "big") + data


class Frames:
    """Cuts a stream into the messages that are whole."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        self._held += data
        found = []
        while len(self._held) >= _LENGTH:
            end = _LENGTH + int.from_bytes(self._held[:_LENGTH], "big")
            if len(self._held) < end:
                break
            found.append(json.loads(self._held[_LENGTH:end]))
            del self._held[:end]
        return found


def read_review(message: dict[str, Any]) -> Review:
    """The review of an answer."""
    held = dict(message["review"])
    held["findings"] = tuple(_finding(one) for one in held["findings"])
    held["effects"] = tuple(Effect(**one) for one in held["effects"])
    held["notes"] = tuple(held["notes"])
    return Review(**held)


def _finding(held: dict[str, Any]) -> Finding:
    fix = held["fix"]
    return Finding(
        **{
            **held,
            "severity": Severity(held["severity"]),
            "fix": None if fix is None else tuple(Edit(**edit) for edit in fix),
        }
    )


def _written(review: Review, *, whole: bool = False) -> dict[str, Any]:
    findings: Sequence[Finding] = review.findings
    effects: Sequence[Effect] = review.effects
    notes = list(review.notes)
    if not whole and len(findings) > MOST_FINDINGS:
        notes.append(f"{len(findings) - MOST_FINDINGS} milder findings are not shown")
        worst = sorted(findings, key=lambda one: (-one.severity, one.start))[:MOST_FINDINGS]
        findings = sorted(worst, key=lambda one: (one.start, one.end))
    if not whole and len(effects) > MOST_EFFECTS:
        notes.append(f"{len(effects) - MOST_EFFECTS} effects are not shown")
        effects = effects[:MOST_EFFECTS]
    return {
        "verdict": review.verdict,
        "policy": review.policy,
        "interpreter": review.interpreter,
        "sha256": review.sha256,
        "reason": review.reason,
        "findings": [asdict(one) for one in findings],
        "effects": [asdict(one) for one in effects],
        "parsed": review.parsed,
        "notes": notes,
    }


class Overtaken(Exception):
    """Raised when the next request has come, or no more will."""


def serve(source: int = 0, sink: int = 1) -> None:
    """Answer until the input ends."""
    os.nice(5)  # the console draws first
    server = _Server(source, sink)
    while (asked := server.newest()) is not None:
        server.answer(asked)


class _Server:
    def __init__(self, source: int, sink: int) -> None:
        self._source = source
        self._sink = sink
        self._frames = Frames()
        self._text = ""
        self._next: dict[str, Any] | None = None
        self._ended = False

    def newest(self) -> dict[str, Any] | None:
        """Waits for a request; of several the last. None: there will be none."""
        while not self._ended and (self._next is None or self._readable()):
            self._read()
        asked, self._next = self._next, None
        return None if self._ended else asked

    def _read(self) -> None:
        """What has come: questions are answered at once, of requests the last one is kept."""
        data = os.read(self._source, 1 << 16)
        self._ended = not data
        for message in self._frames.feed(data):
            if "question" in message:
                self._answer_question(message)
            else:
                self._next = message

    def _answer_question(self, asked: dict[str, Any]) -> None:
        self._keep_one(asked["text"])
        judged = review(
            asked["text"], asked["interpreter"], asked["policy"], allow=asked["allow"], site=asked["site"],
            given=frozenset(asked["given"]),
        )  # fmt: skip
        self._put({"question": asked["question"], "review": _written(judged, whole=True)})

    def answer(self, asked: dict[str, Any]) -> None:
        began = time.perf_counter()
        text, policy = asked["text"], asked["policy"]
        self._keep_one(text)
        judged = self._review(asked, policy)
        cheap = time.perf_counter() - began < _CHEAP_S
        ladder: dict[str, str] = {policy: judged.verdict}
        if cheap:
            ladder = self._ladder(asked)
        shell = judges(asked["interpreter"])
        last = not shell and cheap
        self._tell(asked, judged, ladder, refined=last)
        if last:
            return
        try:
            self._give_way(_PAUSE_S)
            ladder = ladder if cheap else self._ladder(asked)
            self._give_way(0)
            self._tell(asked, self._with_remarks(asked, judged) if shell else judged, ladder, refined=True)
        except Overtaken:
            pass

    def _keep_one(self, text: str) -> None:
        """What was judged is kept for one text: its other policies cost nothing then."""
        if text != self._text:
            _judge.cache_clear()
            self._text = text

    def _review(self, asked: dict[str, Any], policy: str) -> Review:
        return review(asked["text"], asked["interpreter"], policy, site=asked["site"], given=frozenset())

    def _ladder(self, asked: dict[str, Any]) -> dict[str, str]:
        return {policy: self._review(asked, policy).verdict for policy in POLICIES}

    def _with_remarks(self, asked: dict[str, Any], judged: Review) -> Review:
        """The verdict stays: none rests on ShellCheck. Raises Overtaken."""
        said = remarks(asked["text"], asked["interpreter"], run=self._run)
        notes = (*judged.notes, said.note) if said.note else judged.notes
        held = {name: getattr(judged, name) for name in ("verdict", "policy", "interpreter", "sha256", "reason")}
        return Review(
            **held,
            findings=tuple(merge(judged.findings, said.findings)),
            effects=judged.effects,
            parsed=judged.parsed,
            notes=notes,
        )

    def _run(
        self, words: Sequence[str], *, input: bytes, timeout: float, env: dict[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        """As `subprocess.run`, but it ends when the next request comes. Raises Overtaken, TimeoutExpired, OSError."""
        end = time.monotonic() + timeout
        pieces = []
        with tempfile.TemporaryFile() as file:
            file.write(input)
            file.seek(0)
            child = subprocess.Popen(words, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env)
        with child:
            assert child.stdout is not None  # noqa: S101 - it is a pipe
            said = child.stdout.fileno()
            try:
                while True:
                    left = end - time.monotonic()
                    if left <= 0:
                        raise subprocess.TimeoutExpired(list(words), timeout)
                    ready, _, _ = select.select([self._source, said], [], [], left)
                    if self._source in ready:
                        self._give_way(0)
                    if said in ready:
                        data = os.read(said, 1 << 16)
                        if not data:
                            break
                        pieces.append(data)
            except BaseException:
                child.kill()
                raise
        return subprocess.CompletedProcess(list(words), child.returncode, b"".join(pieces))

    def _tell(self, asked: dict[str, Any], judged: Review, ladder: dict[str, str], *, refined: bool) -> None:
        self._put({"version": asked["version"], "review": _written(judged), "ladder": ladder, "refined": refined})

    def _put(self, answer: dict[str, Any]) -> None:
        data = frame(answer)
        while data:
            data = data[os.write(self._sink, data) :]

    def _readable(self, wait_s: float = 0) -> bool:
        return bool(select.select([self._source], [], [], wait_s)[0])

    def _give_way(self, wait_s: float) -> None:
        """Raises Overtaken."""
        end = time.monotonic() + wait_s
        while self._readable(max(0.0, end - time.monotonic())):
            self._read()
            if self._ended or self._next is not None:
                raise Overtaken
