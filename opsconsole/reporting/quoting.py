"""Text quoted for the formats: nothing that it holds can be taken for the format's own signs."""

from __future__ import annotations

import html
import re

# What XML 1.0 has no way to write, escaped or not.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKDOWN = re.compile(
    r"""\\(?=[!-/:-@\[-`{-~]|$)       # what makes a sign a letter
    |[\[|]                            # a link, a picture, a note; the next cell
    |<(?=[A-Za-z/!?])                 # a tag, an address
    |&(?=\#?\w+;)                     # an entity
    |(?<!\w)@(?=\w)                   # somebody's name
    |(?<=https):(?=//)|(?<=http):(?=//)|(?<=ftp):(?=//)|(?<=[\W_]www)\.|(?<=^www)\.  # what becomes a link by itself
    |\#+$                             # the end of a heading
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PAIRED = re.compile(r"[*`~$]|(?<![^\W_])_|_(?![^\W_])")
"""What acts on the text between two of it; within a word `_` is a letter."""
_MARKDOWN_START = re.compile(r"^(\d{1,9})([.)])(?=\s|$)|^([*+-])(?=\s|$)|^(\#{1,6})(?=\s|$)|^(>|[=:_*~`-]+$|[:-]-)")
"""What begins a list, a heading, a quotation, a rule or a table."""
_MAIL = re.compile(r"(?<=[\w.+-])@(?=[\w-]+\.)")
"""GitHub makes a link of an address even where its @ is escaped, but not across a comment."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def xml(text: str) -> str:
    """For the content of an element or a quoted attribute, of XML and of HTML."""
    return html.escape(_NO_XML.sub("\ufffd", text), quote=True)


def markdown(text: str) -> str:
    """For a paragraph, a heading or a table's cell: one line, no markup, no entity, no link."""
    text = " ".join(text.split())
    places = {found.start() for found in _MARKDOWN.finditer(text)}
    paired = [found.start() for found in _PAIRED.finditer(text)]
    places.update(at for at in paired if sum(text[at] == text[other] for other in paired) > 1)
    if start := _MARKDOWN_START.match(text):
        places.add(start.start(2) if start[1] else 0)
    mail = {found.start() for found in _MAIL.finditer(text)}
    return "".join(
        f"{sign}<!-- -->" if at in mail else f"\\{sign}" if at in places else sign for at, sign in enumerate(text)
    )


def fenced(text: str, language: str = "") -> str:
    """A block of code with a fence that is longer than any in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}\n"


def csv_cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula gets a quote before it; numbers stay."""
    if not isinstance(value, str):
        return "" if value is None else value
    return f"'{value}" if value.startswith(_FORMULA) else value
