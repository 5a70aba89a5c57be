"""The one place where secrets are taken out of text, before it reaches the database, an index, an event or a screen.

Known values are found exactly, in every usual spelling (`redaction.known`); others by what they look like
(`redaction.rules`); private keys from BEGIN to END (`redaction.blocks`). In their place stands `[redacted:NAME]`.

Redact first, then sanitise: an escape sequence inside a secret is no secret any more, but one that was cut by
sanitising could not be found. What cannot be found: a known value shorter than 6 bytes or as common as `production`;
one that a program prints a character at a time on lines of its own, reversed, encrypted, or wrapped in the middle.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opsconsole.safety.redaction.lines import RuleSet
from opsconsole.safety.redaction.names import Secret, secrets_of
from opsconsole.safety.redaction.rules import FOLD, Rule

if TYPE_CHECKING:
    from opsconsole.safety.redaction.known import Known
    from opsconsole.settings import RedactionSettings

LEAD = 64 * 1024
"""Who shows the end of a text begins so many bytes earlier and drops what comes of them: then nothing is cut."""

_PEM = b"-----BEGIN "
_TORN_WORD = 4096
_SHORT = 4096
_LITERAL = rb"[A-Za-z0-9_-]{3,}"


@lru_cache(maxsize=8)
def rule_set(own: tuple[tuple[str, str], ...] = ()) -> RuleSet:
    """The curated rules and a site's own (name, regular expression)."""
    return RuleSet(_own_rule(name, pattern.encode()) for name, pattern in own)


def _own_rule(name: str, pattern: bytes) -> Rule:
    """A pattern that begins with plain letters is looked for by them; another one on every line."""
    literal = re.match(_LITERAL, pattern)
    if literal is None or b"|" in pattern or b"(?i" in pattern:
        return Rule(name, (), pattern)
    plain = literal[0] if pattern[literal.end() : literal.end() + 1] not in (b"?", b"*", b"{") else literal[0][:-1]
    return Rule(name, (plain.translate(FOLD),) if len(plain) >= 3 else (), pattern)


class Redaction:
    """What is to be taken out. Immutable and shared; `stream()` gives the part with a state."""

    def __init__(self, secrets: Iterable[Secret] = (), rules: RuleSet | None = None) -> None:
        self.secrets = tuple(dict.fromkeys(secrets))
        self._rules = rules
        self._known: Known | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str], settings: RedactionSettings, given: Iterable[str] = ()) -> Redaction:
        """What an environment and the settings say; `given` are the variables that --env set."""
        own = tuple(sorted(settings.rules.items()))
        return _shared(tuple(environ.items()), settings.names, settings.values_from, tuple(given), own)

    def and_also(self, other: Redaction) -> Redaction:
        """The secrets of both."""
        if set(other.secrets) <= set(self.secrets):
            return self
        return Redaction((*self.secrets, *other.secrets), self._rules)

    @property
    def known(self) -> Known:
        if self._known is None:
            from opsconsole.safety.redaction.known import Known

            self._known = Known(self.secrets)
        return self._known

    def stream(self, *, torn: bool = False) -> Redactor:
        """For one stream. `torn`: it begins where something was cut off."""
        return Redactor(redaction=self, torn=torn and (self._rules is not None or bool(self.secrets)))

    def suspicious(self, data: bytes) -> bool:
        """Whether there may be anything to take out; quick."""
        return _suspicious(self, data) if len(data) < _SHORT else self._look(data)

    def _look(self, data: bytes) -> bool:
        if _PEM in data or (self.secrets and self.known.within(data)):
            return True
        return self._rules is not None and self._rules.suspicious(data)

    def data(self, data: bytes) -> bytes:
        """The whole of `data` without secrets."""
        if not self.suspicious(data):
            return data
        stream = self.stream()
        return stream.feed(data) + stream.finish()

    def text(self, text: str, *, torn: bool = False) -> str:
        """The whole of `text` without secrets. `torn`: its end was cut off; the beginning of a secret goes too."""
        try:
            data = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            data = text.encode("utf-8", "replace")
        if not torn and not self.suspicious(data):
            return text
        stream = self.stream()
        clean = stream.feed(data) + stream.finish(torn=torn)
        return text if clean == data else clean.decode("utf-8", "surrogateescape")

    def value(self, value: Any) -> Any:
        """JSON data with every string redacted, keys too; the same object when there was nothing to do."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            clean = {self.value(key): self.value(item) for key, item in value.items()}
            return value if clean == value else clean
        if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
            items = [self.value(item) for item in value]
            self._redact_arguments(items)
            return value if items == list(value) else items
        return value

    def _redact_arguments(self, words: list[Any]) -> None:
        """In a list of words, what follows `--password` tells what it is only together with it."""
        for at, (option, word) in enumerate(itertools.pairwise(words), 1):
            if isinstance(option, str) and isinstance(word, str) and option.startswith("-"):
                both = self.text(f"{option} {word}")
                if both.startswith(option + " "):
                    words[at] = both[len(option) + 1 :]


@lru_cache(maxsize=1024)
def _suspicious(redaction: Redaction, data: bytes) -> bool:
    """The same names, folders and messages come again and again."""
    return redaction._look(data)


@lru_cache(maxsize=64)
def _shared(
    environ: tuple[tuple[str, str], ...],
    names: tuple[str, ...],
    values_from: tuple[str, ...],
    given: tuple[str, ...],
    own: tuple[tuple[str, str], ...],
) -> Redaction:
    secrets, _ = secrets_of(dict(environ), names=names, values_from=values_from, given=given)
    return _of_secrets(tuple(secrets), own)


@lru_cache(maxsize=64)
def _of_secrets(secrets: tuple[Secret, ...], own: tuple[tuple[str, str], ...]) -> Redaction:
    """One for all environments that hold the same secrets."""
    return Redaction(secrets, rule_set(own))


NOTHING = Redaction()
"""Takes nothing out."""


class Redactor:
    """Streaming: bytes in, bytes without secrets out. What comes out does not depend on how the input was cut.

    `secrets` are known values; `rules` whether others are found by what they look like. Three transducers in a row,
    each with a bounded memory: at most about `LEAD` bytes ever wait.
    """

    def __init__(
        self,
        secrets: Iterable[str | bytes | Secret] = (),
        rules: bool = True,
        *,
        redaction: Redaction | None = None,
        torn: bool = False,
    ) -> None:
        if redaction is None:
            redaction = Redaction(map(_secret, secrets), rule_set() if rules else None)
        self._redaction = redaction
        self._begin(torn)

    def _begin(self, torn: bool) -> None:
        from opsconsole.safety.redaction.blocks import BlockStream
        from opsconsole.safety.redaction.known import KnownStream
        from opsconsole.safety.redaction.lines import RuleStream

        found_by = self._redaction._rules
        self._torn = _TORN_WORD if torn else 0
        self._word = False
        self._known = KnownStream(self._redaction.known)
        self._blocks = BlockStream(torn=torn) if found_by is not None else None
        self._rules = RuleStream(found_by) if found_by is not None else None

    def feed(self, data: bytes) -> bytes:
        """What can be shown now that `data` has come."""
        if self._torn:
            data = self._drop_torn_word(data)
        data = self._known.feed(data)
        if self._blocks is not None and self._rules is not None:
            data = self._rules.feed(self._blocks.feed(data))
        return data

    def finish(self, *, torn: bool = False) -> bytes:
        """What is still held back; the object then stands as new. `torn`: more was there and will not come."""
        data = self._known.finish(torn=torn)
        if self._blocks is not None and self._rules is not None:
            data = self._rules.feed(self._blocks.feed(data) + self._blocks.finish()) + self._rules.finish()
        self._begin(torn=False)
        return data

    def _drop_torn_word(self, data: bytes) -> bytes:
        """What stands directly behind a cut may be the end of a secret."""
        within = data[: self._torn]
        end = next((at for at, byte in enumerate(within) if byte in b" \t\r\n"), None)
        self._word = self._word or (end != 0 and bool(within))
        self._torn = 0 if end is not None else self._torn - len(within)
        if self._torn:
            return b""
        from opsconsole.safety.redaction.blocks import TORN

        rest = data[len(within) if end is None else end :]
        return TORN + rest if self._word else rest


def _secret(value: str | bytes | Secret) -> Secret:
    if isinstance(value, Secret):
        return value
    return Secret(value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value)
