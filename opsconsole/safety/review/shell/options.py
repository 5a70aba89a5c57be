"""A command line read against its declaration, as getopt_long reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.shell.catalogue import Spec
from opsconsole.safety.review.shell.words import Word, literal


@dataclass(slots=True)
class Given:
    """One option as it was given. `value` is None for one without."""

    name: str
    word: Word
    value: Word | None = None


@dataclass(slots=True)
class Line:
    """`problems` are words that cannot be read against the declaration, with the reason."""

    options: list[Given] = field(default_factory=list)
    operands: list[Word] = field(default_factory=list)
    problems: list[tuple[Word, str]] = field(default_factory=list)
    rest: int = 0  # index of the first word that was not read (the first operand, where it ends the options)
    after_dashes: int | None = None  # how many operands there were before `--`

    def has(self, *names: str) -> bool:
        return any(given.name in names for given in self.options)

    def value(self, *names: str) -> Word | None:
        """The last value given to one of these options."""
        return next((given.value for given in reversed(self.options) if given.name in names), None)


_NUMBER = lazy(r"[-+]\d+\Z")


def read(spec: Spec, words: Sequence[Word], *, stop: bool = False) -> Line:
    """Options and operands of `words` (without the command's name). `stop`: the first operand ends the options."""
    line = Line()
    stop = stop or spec.stop
    index = 0
    while index < len(words):
        word = words[index]
        if spec.dashdash and word.text == "--":
            line.after_dashes = len(line.operands)
            line.operands.extend(words[index + 1 :])
            line.rest = index + 1
            return line
        if not word.may_be_option or word.text == "-":
            if stop:
                line.rest = index
                line.operands.extend(words[index:])
                return line
            line.operands.append(word)
            index += 1
            continue
        index = _option(spec, words, index, line)
    line.rest = len(words)
    return line


def _option(spec: Spec, words: Sequence[Word], index: int, line: Line) -> int:
    """Read the option at `index`; the index of the next word."""
    word = words[index]
    name, equals, _ = word.shown.partition("=")
    if not word.literal and not word.prefix.startswith("-"):
        if not spec.any:
            line.problems.append((word, "may become an option when it runs; put -- before it"))
        line.operands.append(word)
        return index + 1
    if not word.literal and word.splits and not spec.any:
        line.problems.append((word, "is not quoted, so that it may become several words"))
        return index + 1
    if word.literal or equals:  # otherwise the name itself is not known
        found = _named(spec, name)
        if found and (name.startswith("--") or name in spec.declared or (spec.single and found)):
            return _take(spec, words, index, line, found, _rest_of(word, len(name) + 1) if equals else None)
    if spec.numeric and word.text is not None and _NUMBER.match(word.text):
        line.options.append(Given(word.text, word))
        return index + 1
    if not word.shown.startswith("--") and not spec.single:
        return _cluster(spec, words, index, line)
    if not (spec.any or spec.undeclared) or (not word.literal and not spec.any):
        line.problems.append((word, "is not an option that is known to change nothing"))
    else:
        line.options.append(Given(name, word))
    return index + 1


def _named(spec: Spec, name: str) -> str | None:
    """The declared option that `name` is, or is the beginning of."""
    if name in spec.declared:
        return name
    if spec.single and name.startswith("--") and name[1:] in spec.declared:
        return name[1:]
    if not (spec.abbreviate and name.startswith("--") and len(name) > 2):
        return None
    begins = [option for option in spec.declared if option.startswith(name)]
    # Ambiguous: getopt_long refuses it unless all mean the same. The one that acts is the one to judge.
    return min(begins, key=lambda option: (option not in spec.acts, option)) if begins else None


def _take(spec: Spec, words: Sequence[Word], index: int, line: Line, name: str, attached: Word | None) -> int:
    word = words[index]
    if name in spec.values and attached is None:
        if index + 1 >= len(words):
            return index + 1  # the command stops at that with an error
        value = words[index + 1]
        if value.splits and not spec.any:
            line.problems.append((value, "is not quoted, so that it may become several words"))
        line.options.append(Given(name, word, value))
        return index + 2
    line.options.append(Given(name, word, attached))
    return index + 1


def _cluster(spec: Spec, words: Sequence[Word], index: int, line: Line) -> int:
    """`-abcVALUE`: letters without a value, the last of them perhaps with one."""
    word = words[index]
    known = word.shown if word.literal else word.prefix
    for place in range(1, len(known)):
        name = "-" + known[place]
        if name in spec.values or name in spec.optional:
            rest = _rest_of(word, place + 1)
            if rest is None and name in spec.values:
                return _take(spec, words, index, line, name, None)
            line.options.append(Given(name, word, rest))
            return index + 1
        if name in spec.flags or spec.any:
            line.options.append(Given(name, word))
        elif (spec.undeclared and word.literal) or (spec.numeric and known[place:].isdigit()):
            line.options.append(Given(name, word))
            return index + 1
        else:
            line.problems.append((word, f"({name}) is not an option that is known to change nothing"))
            return index + 1
    if not word.literal and not spec.any:
        line.problems.append((word, "has options that are known only when it runs"))
    return index + 1


def _rest_of(word: Word, start: int) -> Word | None:
    """What stands in the word from character `start` on; None when that is nothing."""
    if word.text is not None:
        rest = word.text[start:]
        return literal(rest, word.span) if rest or (start <= len(word.text) and word.text[start - 1] == "=") else None
    return Word(word.span, None, word.prefix[start:], splits=word.splits, numeric=False, appended=word.appended)
