"""What the walk over a script's tree found, for the lint rules: calls, pipelines, redirections, assignments …

Spans are in bytes of the parsed text, as the tree has them; `Script.finding` turns them into characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from opsconsole.safety.review.model import Edit, Effect, Finding, Judgement, Severity, Source, Span
from opsconsole.safety.review.shell.catalogue import Spec
from opsconsole.safety.review.shell.options import Line
from opsconsole.safety.review.shell.words import Word

Node = dict[str, Any]


@dataclass(slots=True)
class Redirect:
    op: str
    fd: str | None
    word: Word
    span: Span
    heredoc: Node | None = None


@dataclass(slots=True)
class Assignment:
    """`name[=value]`; `exported` when it goes into the environment of a command or by `export`."""

    name: str
    value: Word | None
    span: Span
    appended: bool = False
    exported: bool = False
    array: bool = False
    node: Node = field(default_factory=dict)


@dataclass(slots=True)
class Pipeline:
    """The calls joined by `|`, left to right; a compound command stands as None."""

    calls: list[Call | None]
    span: Span


@dataclass(slots=True)
class Call:
    """One command, with wrappers (sudo, env, xargs …) looked through: those are calls of their own, `inner` is next.

    `words` has the command's own word first. `line` is what its declaration made of the rest, or None when it has
    none. `tested`: its exit status is looked at (a condition, `||`, `!`).
    """

    words: list[Word]
    name: str | None
    span: Span
    node: Node
    spec: Spec | None = None
    line: Line | None = None
    redirects: list[Redirect] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    via: tuple[str, ...] = ()
    inner: Call | None = None
    tested: bool = False
    function: str | None = None
    loop: bool = False
    background: bool = False
    nested: bool = False  # in a text that another command runs (`sh -c '…'`)
    pipeline: Pipeline | None = None
    substituted: bool = False  # inside $(…), `…` or <(…)

    @property
    def privileged(self) -> bool:
        return any(name in ("sudo", "doas", "su", "pkexec", "run0") for name in self.via)

    @property
    def args(self) -> list[Word]:
        return self.words[1:]

    @property
    def operands(self) -> list[Word]:
        return self.line.operands if self.line else [w for w in self.args if not w.shown.startswith("-")]

    def has(self, *names: str) -> bool:
        """Whether one of these options is given, as its declaration reads it (or as a plain word without one)."""
        if self.line is not None:
            return self.line.has(*names)
        return any(word.text in names for word in self.args)


@dataclass(slots=True)
class Expansion:
    """A `$x`, `${…}` or `$(…)`. `quoted`: inside double quotes. `where` is its word, if it stands in one."""

    node: Node
    span: Span
    quoted: bool
    splitting: bool  # it stands where its value is split and globbed
    call: Call | None = None


@dataclass(slots=True)
class Function:
    name: str
    span: Span
    body: Node


class Script:
    """The parsed script with all that was found in it."""

    def __init__(self, text: str, dialect: str, shebang: str | None = None) -> None:
        self.text = text
        self.original = text  # as long in characters, with what is invisible and is blanked out in `text`
        self.dialect = dialect
        self.shebang = shebang
        self.source = Source(text)
        self.tree: Node = {}
        self.calls: list[Call] = []
        self.pipelines: list[Pipeline] = []
        self.redirects: list[Redirect] = []
        self.assignments: list[Assignment] = []
        self.expansions: list[Expansion] = []
        self.functions: dict[str, Function] = {}
        self.nodes: list[tuple[str, Node]] = []  # every command and expansion node with its type, in order
        self.comments: list[Node] = []
        self.judgement = Judgement()
        self.assigned: set[str] = set()  # names that may have a value: assigned or named as a word somewhere
        self.given: frozenset[str] | None = None  # of the variables from outside, where they are all known (SAFE)
        self.repointed = False  # standard output or error may be a file opened to be read
        self._characters: list[int] | None = None

    def span(self, span: Span) -> Span:
        """Bytes to characters."""
        if self.text.isascii():
            return span
        if self._characters is None:
            table: list[int] = []
            for index, character in enumerate(self.text):
                table.extend([index] * len(character.encode("utf-8", "surrogateescape")))
            table.append(len(self.text))
            self._characters = table
        last = len(self._characters) - 1
        return Span(self._characters[min(span.start, last)], self._characters[min(span.end, last)])

    def slice(self, span: Span) -> str:
        """The text of a byte span."""
        where = self.span(span)
        return self.text[where.start : where.end]

    def finding(
        self, rule: str, severity: Severity, message: str, span: Span, fix: Sequence[tuple[Span, str]] | None = None
    ) -> Finding:
        """`fix`: replacements of byte spans."""
        edits = None
        if fix is not None:
            places = [(self.span(where), text) for where, text in fix]
            edits = tuple(Edit(where.start, where.end, text) for where, text in places)
        return self.source.finding(rule, severity, message, self.span(span), edits)

    def effect(self, kind: str, target: str | None, command: str, span: Span, detail: str | None = None) -> None:
        line, column = self.source.place(self.span(span).start)
        self.judgement.effects.append(Effect(kind, target, command, line, column, detail))

    def deny(self, rule: str, message: str, span: Span, fix: Sequence[tuple[Span, str]] | None = None) -> None:
        """Why the script is not proven to change nothing."""
        self.judgement.denials.append(self.finding(rule, Severity.ERROR, message, span, fix))
