"""What several rules ask of a script: commands by name, options given, what a word may stand for, which path it is."""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from weakref import WeakKeyDictionary

from opsconsole.safety.review.model import Span
from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.shell import words
from opsconsole.safety.review.shell.facts import Call, Node, Redirect, Script
from opsconsole.safety.review.shell.words import Word

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish"})
INTERPRETERS = SHELLS | {"python", "python2", "python3", "perl", "ruby", "node", "php"}
ELEVATORS = frozenset({"sudo", "doas", "su", "pkexec", "run0"})
DOWNLOADS = frozenset({"curl", "wget", "fetch", "aria2c", "lwp-download"})

_indexes: WeakKeyDictionary[Script, dict[str, list[Call]]] = WeakKeyDictionary()
_owners: WeakKeyDictionary[Script, dict[int, Call]] = WeakKeyDictionary()


def calls(script: Script, *names: str) -> Iterator[Call]:
    """The calls of these commands, in order. A command called by its path counts."""
    index = _indexes.get(script)
    if index is None:
        index = {}
        for call in script.calls:
            name = name_of(call)
            if name:
                index.setdefault(name, []).append(call)
        _indexes[script] = index
    if len(names) == 1:
        yield from index.get(names[0], ())
    else:
        yield from sorted(
            (call for name in set(names) for call in index.get(name, ())), key=lambda call: call.span.start
        )


def name_of(call: Call) -> str:
    if call.name:
        return call.name
    return posixpath.basename(call.words[0].text or "") if call.words else ""


def texts(call: Call) -> list[str]:
    """Its words after the name, an unknown one as its known beginning and an ellipsis."""
    return [word.shown for word in call.args]


def flags(call: Call) -> set[str]:
    """Letters of its short options, and the long ones without values (`-rf --force=x` → r, f, --force)."""
    found: set[str] = set()
    for word in call.args:
        text = word.text if word.text is not None else word.prefix
        if text == "--":
            break
        if text.startswith("--"):
            found.add(text.partition("=")[0])
        elif text.startswith("-"):
            found.update(text[1:])
    return found


def long_given(given: set[str], *names: str) -> bool:
    """Whether one of the long options is given, perhaps abbreviated as getopt allows (at least three letters)."""
    return any(
        option.startswith("--") and len(option) > 4 and name.startswith(option) for option in given for name in names
    )


def operands(call: Call) -> list[Word]:
    """Words that are not options; all of them after `--`."""
    found: list[Word] = []
    dashes = False
    for word in call.args:
        if not dashes and word.text == "--":
            dashes = True
        elif dashes or not word.shown.startswith("-") or word.text == "-":
            found.append(word)
    return found


def privileged(call: Call) -> bool:
    return any(name in ELEVATORS for name in call.via) or name_of(call) in ELEVATORS


def innermost(call: Call) -> Call:
    """The command that wrappers (sudo, env, timeout …) come down to."""
    while call.inner is not None:
        call = call.inner
    return call


def byte_span(script: Script, start: int, end: int) -> Span:
    """Characters to bytes, the way back from `Script.span`."""
    if script.text.isascii():
        return Span(start, end)
    first = len(script.text[:start].encode("utf-8", "surrogateescape"))
    return Span(first, first + len(script.text[start:end].encode("utf-8", "surrogateescape")))


def owner(script: Script, redirect: Redirect) -> Call | None:
    """The command that a redirection belongs to; None for one of a compound command, or that stands alone."""
    owners = _owners.get(script)
    if owners is None:
        owners = _owners[script] = {}
        for call in script.calls:
            for one in call.redirects:
                owners.setdefault(id(one), call)
    return owners.get(id(redirect))


def named(script: Script, name: str) -> list[Call]:
    """As `calls`, of one command, without a copy: look, do not change."""
    next(calls(script, name), None)
    return _indexes[script].get(name, [])


def holds(starts: Sequence[int], span: Span) -> bool:
    """Whether one of these ascending places lies in the span."""
    place = bisect_left(starts, span.start)
    return place < len(starts) and starts[place] < span.end


def in_place(script: Script, span: Span, text: str) -> bool:
    """Whether this text stands at the span, so that an edit there is exact (it does not in a decoded inner script)."""
    return span.end - span.start == len(text.encode("utf-8", "surrogateescape")) and script.slice(span) == text


def outside(node: Node, span: Span) -> bool:
    """Whether a node is of the script itself, not of a text in it: only there are its positions those of the script."""
    return words.span_of(node) == span


# -- what a word may stand for

_LONGEST = 4096  # characters of a word whose braces are expanded


def spellings(word: Word) -> list[str]:
    """The word with globs kept, braces expanded and expansions marked: `$NAME`, `${NAME:?}`, `$()`. At most 64."""
    if word.text is not None and not word.tilde:
        return [word.text]
    text = "".join(_render(part) for part in word.parts) or word.shown
    return _braces(text) if len(text) <= _LONGEST else [text]


def _render(part: Node, quoted: bool = False) -> str:
    kind = part["Type"]
    if kind == "Lit":
        value: str = part["Value"]
        if quoted:
            return re.sub(r"([{}])", "\\\\\\1", value)
        return re.sub(r"\\([^{}])", r"\1", value, flags=re.DOTALL)
    if kind == "SglQuoted":
        return re.sub(r"([{}])", "\\\\\\1", part.get("Value", ""))
    if kind == "DblQuoted":
        return "".join(_render(inner, True) for inner in part.get("Parts", []))
    if kind == "ParamExp":
        name = part.get("Param", {}).get("Value", "")
        operator = (part.get("Exp") or {}).get("Op", "")
        plain = not part.keys() & {"Slice", "Repl", "Length", "Excl", "Index"}
        if operator in ("?", ":?"):
            return f"$\\{{{name}{operator}\\}}"
        return f"${name}" if plain and not operator else f"$\\{{{name}{operator}\\}}"
    return "$()"


_GROUP = lazy(r"(?<!\\)\{((?:[^{}\\]|\\.)*,(?:[^{}\\]|\\.)*)(?<!\\)\}")


def _braces(text: str, limit: int = 64) -> list[str]:
    pending, done = [text], list[str]()
    while pending and len(pending) + len(done) <= limit:
        current = pending.pop(0)
        group = _GROUP.search(current)
        if group is None:
            done.append(re.sub(r"\\([{}])", r"\1", current))
        else:
            pending[:0] = [current[: group.start()] + choice + current[group.end() :] for choice in group[1].split(",")]
    return done + [re.sub(r"\\([{}])", r"\1", one) for one in pending]


def normal(path: str) -> str:
    """The path without doubled slashes, dots and a slash at its end; one that is no absolute path as it is."""
    if not path.startswith("/"):
        return path.rstrip("/") or path
    return "/" + posixpath.normpath(path).lstrip("/")


TOP = frozenset(
    """
    /bin /boot /dev /etc /home /lib /lib32 /lib64 /opt /proc /root /run /sbin /srv /sys /usr /var /Users /System
    /Library /Applications /usr/bin /usr/lib /usr/lib64 /usr/local /usr/sbin /usr/share /var/lib /var/log
""".split()
)
_HOMES = frozenset({"~", "$HOME", "~root", "${HOME:?}", "${HOME?}"})
_EVERYTHING = lazy(r"(?:\*|\.\*|\{\*,\.\*\}|\.\[!\.\]\*|\?\*|\*\*)\Z")
_DISK = lazy(
    r"/dev/(?:sd[a-z]+|hd[a-z]+|vd[a-z]+|xvd[a-z]+|nvme\d+n\d+|nvme\d+|mmcblk\d+|dm-\d+|md\d+|r?disk\d+)(?:p?\d+|s\d+)?\Z"
    r"|/dev/(?:mapper|disk/by-[a-z]+)/[^/]+\Z"
)
_FIXED = lazy(
    r"/etc/(?:passwd|shadow|group|gshadow|fstab|sudoers|ld\.so\.conf|ld\.so\.preload|crypttab)\Z"
    r"|/boot/(?:vmlinuz|initrd|initramfs|grub|efi|EFI)[^ ]*\Z"
)


def ruin(text: str) -> str | None:
    """What a recursive deletion of this path would take with it, if that is the host or a home; else None."""
    path, everything = text, False
    head, slash, tail = path.rpartition("/")
    if slash and _EVERYTHING.match(tail):
        path, everything = head or "/", True
    path = normal(path)
    if path == "/":
        return "the whole system"
    if path in _HOMES or path in ("/root", "/home"):
        return "the home directory" if path in _HOMES or path == "/root" else "all home directories"
    if path in TOP and not (everything and path in ("/opt", "/srv", "/var/log")):
        return f"{path}, which the system needs"
    return None


def everything(text: str) -> bool:
    """Whether it is all that is in the current folder."""
    return _EVERYTHING.match(text.removeprefix("./")) is not None


def disk(text: str | None) -> bool:
    return bool(text) and _DISK.match(normal(text or "")) is not None


def system_file(text: str | None) -> bool:
    """A file without which nobody logs in or the host does not start."""
    return bool(text) and _FIXED.match(normal(text or "")) is not None


def top_folder(text: str) -> bool:
    path = normal(text)
    return path == "/" or path in TOP
