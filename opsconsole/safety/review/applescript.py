"""The judge of AppleScript: a lexer and the few phrases that reach out of the script. SAFE always refuses it.

There is no grammar of AppleScript to build on (each application brings words of its own), so that it is read word by
word: strings, comments and continuations are taken as the language does, phrases are found in the words between.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from opsconsole.safety.review.model import Effect, Judgement, Severity, Source, Span
from opsconsole.safety.review.nested import Shell, absorb

LARGEST = 512 * 1024
"""Characters. A longer text is not read."""
NOT_PROVEN = "as-not-proven"
REFUSAL = "an AppleScript cannot be proven to change nothing; choose standard"

_TOKEN = re.compile(
    r"""
    (?P<string> "(?:[^"\\]|\\.)*"? )
  | (?P<line> (?:--|\#)[^\r\n]* )
  | (?P<open> \(\* )
  | (?P<continued> ¬[ \t]*(?:--[^\r\n]*)?(?:\r\n|\r|\n) )
  | (?P<end> [\r\n]+ )
  | (?P<raw> «[^»\r\n]*»? )
  | (?P<bar> \|[^|\r\n]*\|? )
  | (?P<word> [^\W\d]\w* | \d+(?:\.\d+)? )
  | (?P<blank> [^\S\r\n]+ )
  | (?P<sign> . )
    """,
    re.DOTALL | re.VERBOSE,
)
_COMMENT_EDGE = re.compile(r"\(\*|\*\)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_SECRET = re.compile(r"\w*(?:password|passwd|secret|token|apikey|api_key)\w*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind`: word, string, sign, end. A word is in lower case; a string without quotes and escapes."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(slots=True)
class _Try:
    """An open try block: whether it deletes or runs something, and whether it has a handler."""

    token: Token
    acts: bool = False
    handled: bool = False


def lex(text: str) -> tuple[list[Token], list[Span]]:
    """The words, strings, signs and line ends; and the places where a string or comment has no end."""
    tokens: list[Token] = []
    open_ends: list[Span] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            position += 1
            continue
        kind, written = match.lastgroup or "sign", match.group()
        start, position = match.span()
        if kind == "open":
            position = _comment_end(text, position)
            if position < 0:
                open_ends.append(Span(start, min(start + 2, len(text))))
                break
        elif kind == "string":
            if len(written) < 2 or not written.endswith('"'):
                open_ends.append(Span(start, start + 1))
            body = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), written[1:].removesuffix('"'), flags=re.DOTALL)
            tokens.append(Token("string", body, start, position))
        elif kind == "word" or kind == "end":
            tokens.append(Token(kind, written.lower(), start, position))
        elif kind in ("bar", "raw", "sign"):
            tokens.append(Token("sign" if kind != "raw" else "raw", written, start, position))
    return tokens, open_ends


def _comment_end(text: str, position: int) -> int:
    """The end of a comment that begins before `position`; comments nest. -1 where there is none."""
    depth = 1
    while depth:
        match = _COMMENT_EDGE.search(text, position)
        if match is None:
            return -1
        depth += 1 if match.group() == "(*" else -1
        position = match.end()
    return position


def judge(source: Source, shell: Shell | None = None) -> Judgement:
    """Findings and effects; always one denial. `shell` judges the literal texts of `do shell script`. Never raises."""
    found = Judgement()
    whole = Span(0, min(1, len(source.text)))
    found.denials.append(source.finding(NOT_PROVEN, Severity.ERROR, REFUSAL, whole))
    if len(source.text) > LARGEST:
        found.parsed = False
        return found
    tokens, open_ends = lex(source.text)
    for span in open_ends:
        found.parsed = False
        found.findings.append(source.finding("as-syntax", Severity.ERROR, "this string or comment has no end", span))
    _Reader(source, tokens, found, shell).run()
    found.findings.sort(key=lambda finding: (finding.start, finding.rule))
    return found


class _Reader:
    """One pass over the tokens. Phrases are looked up at each word."""

    def __init__(self, source: Source, tokens: list[Token], found: Judgement, shell: Shell | None) -> None:
        self.source = source
        self.tokens = tokens
        self.found = found
        self.shell = shell
        self.told: list[str] = []
        self.tries: list[_Try] = []

    def run(self) -> None:
        for index, token in enumerate(self.tokens):
            if token.kind == "raw":
                self.find(
                    "as-raw-event", Severity.WARNING, "an event is named by its code, so that it cannot be read", token
                )
                self.effect("execute", None, "«event»", token)
            if token.kind != "word":
                continue
            if self.tries and token.text in ("delete", "shell"):
                self.tries[-1].acts = True
            match token.text:
                case "do":
                    self.do(index)
                case "tell":
                    self.tell(index)
                case "end":
                    if self.told and self.words(index, "end", "tell"):
                        self.told.pop()
                    elif self.tries and self.words(index, "end", "try"):
                        self.end_try()
                case "keystroke":
                    self.keystroke(index)
                case "key" if self.words(index, "key", "code"):
                    self.keystroke(index)
                case "click" if "system events" in self.told:
                    self.find("as-system-events", Severity.WARNING, "it works the screen in place of the user", token)
                    self.effect("system", "the screen", "click", token)
                case "run" | "load" | "store":
                    self.script(index)
                case "delete":
                    self.delete(index)
                case "empty" if self.words(index, "empty", "trash") or self.words(index, "empty", "the", "trash"):
                    self.find("as-delete", Severity.ERROR, "what is in the trash is lost for good", token)
                    self.effect("delete", "the trash", "empty trash", token)
                case "administrator":
                    self.privileges(index)
                case "password":
                    self.password(index)
                case "open" if self.words(index, "open", "location"):
                    self.effect("network", self.string(index + 2), "open location", token)
                case "open" if self.words(index, "open", "for", "access"):
                    self.access(index)
                case "restart" | "shut" | "log":
                    self.power(index)
                case "display" if self.words(index, "display", "dialog"):
                    self.effect("interactive", "a dialog", "display dialog", token)
                case "try":
                    self.begin_try(index)
                case "error" if self.tries:
                    self.tries[-1].handled = True
                case "set":
                    self.secret(index)
                case _:
                    pass

    # ------------------------------------------------------------ helpers

    def words(self, index: int, *expected: str) -> bool:
        part = self.tokens[index : index + len(expected)]
        return len(part) == len(expected) and all(
            token.kind == "word" and token.text == word for token, word in zip(part, expected, strict=True)
        )

    def statement(self, index: int) -> list[Token]:
        """The tokens from here to the end of the line (continuations are one line)."""
        end = index
        while end < len(self.tokens) and end - index < 200 and self.tokens[end].kind != "end":
            end += 1
        return self.tokens[index:end]

    def string(self, index: int) -> str | None:
        """The literal string at a place: strings joined by & are put together; None where a variable is among them."""
        parts: list[str] = []
        expect = True
        for token in self.statement(index):
            if expect and token.kind == "string":
                parts.append(token.text)
            elif not expect and token.kind == "sign" and token.text == "&":
                pass
            elif not expect and token.kind == "word":
                break  # with administrator privileges, in window 1, …
            elif token.kind == "sign" and token.text in "()":
                continue
            else:
                return None
            expect = not expect
        return "".join(parts) if parts and not expect else None

    def span(self, tokens: list[Token]) -> Span:
        return Span(tokens[0].start, tokens[-1].end)

    def find(self, rule: str, severity: Severity, message: str, *tokens: Token) -> None:
        self.found.findings.append(self.source.finding(rule, severity, message, self.span(list(tokens))))

    def effect(self, kind: str, target: str | None, command: str, token: Token) -> None:
        line, column = self.source.place(token.start)
        self.found.effects.append(Effect(kind, target, command, line, column))

    # ------------------------------------------------------------ phrases

    def do(self, index: int) -> None:
        if self.words(index, "do", "shell", "script"):
            self.shell_text(index, 3, "do shell script", "as-do-shell-script")
        elif self.words(index, "do", "script"):
            self.find("as-terminal", Severity.WARNING, "it types into a terminal, and cannot see what comes of it",
                      *self.tokens[index : index + 2])  # fmt: skip
            self.shell_text(index, 2, "do script", "as-do-script")
        elif self.words(index, "do", "javascript"):
            self.find("as-run-script", Severity.ERROR, "it runs a program in a web page", self.tokens[index])
            self.effect("execute", self.string(index + 2), "do JavaScript", self.tokens[index])

    def shell_text(self, index: int, length: int, phrase: str, rule: str) -> None:
        statement = self.statement(index)
        text = self.string(index + length)
        token = self.tokens[index]
        self.effect("execute", text, phrase, token)
        if text is None:
            quoted = any(one.kind == "word" and one.text == "quoted" for one in statement)
            note = "" if quoted else ", and nothing in it is quoted (quoted form of)"
            self.find(rule, Severity.ERROR, f"the command line is put together at run time{note}", *statement)
            return
        if rule == "as-do-shell-script":
            self.find(rule, Severity.WARNING, "a shell runs this", *statement)
        if self.shell is not None:
            span = self.span(statement)
            absorb(self.found, self.shell(text, span.start), self.source, text, span)

    def tell(self, index: int) -> None:
        statement = self.statement(index)
        name = next((one.text.lower() for one in statement if one.kind == "string"), "")
        if not any(one.kind == "word" and one.text in ("application", "app", "process") for one in statement[:3]):
            name = ""
        one_line = any(one.kind == "word" and one.text == "to" for one in statement)
        if not one_line:
            self.told.append(name)
        token = self.tokens[index]
        if name == "system events":
            self.find("as-system-events", Severity.WARNING, "it works other programs in place of the user", *statement)
            self.effect("system", "other programs", "System Events", token)
        elif name in ("terminal", "iterm", "iterm2"):
            self.find("as-terminal", Severity.WARNING, "it works a terminal", *statement)
            self.effect("execute", name, "tell", token)
        elif name:
            self.effect("system", name, "tell", token)
        if any(one.kind == "string" and one.text.lower().startswith("eppc:") for one in statement):
            self.find("as-remote-events", Severity.ERROR, "it commands another host", *statement)
            self.effect("network", name, "tell", token)

    def keystroke(self, index: int) -> None:
        statement = self.statement(index)
        self.find("as-keystroke", Severity.ERROR, "keys go to whatever window is in front then", *statement)
        self.effect("system", "the keyboard", self.tokens[index].text, self.tokens[index])

    def script(self, index: int) -> None:
        verb = self.tokens[index].text
        if not self.words(index, verb, "script"):
            return
        statement = self.statement(index)
        text = self.string(index + 2)
        severity = Severity.WARNING if text is not None else Severity.ERROR
        if verb == "store":
            self.effect("write", text, "store script", self.tokens[index])
            return
        self.find(f"as-{verb}-script", severity, "it runs code that does not stand in this script", *statement)
        self.effect("execute", text if verb == "load" else None, f"{verb} script", self.tokens[index])

    def delete(self, index: int) -> None:
        statement = self.statement(index)
        names = [one.text for one in statement if one.kind == "string"]
        everything = any(
            one.kind == "word" and one.text in ("every", "items", "files", "folders") for one in statement[:4]
        )
        severity = Severity.ERROR if everything or not names else Severity.WARNING
        self.find("as-delete", severity, "it deletes through an application", *statement)
        self.effect("delete", names[0] if names else None, "delete", self.tokens[index])

    def privileges(self, index: int) -> None:
        if self.words(index, "administrator", "privileges"):
            self.find("as-administrator", Severity.ERROR, "it runs as root", *self.tokens[index : index + 2])
            self.effect("privilege", "root", "with administrator privileges", self.tokens[index])

    def password(self, index: int) -> None:
        following = self.tokens[index + 1 : index + 2]
        if following and following[0].kind == "string" and following[0].text:
            self.find("as-password", Severity.ERROR, "a password stands in the script", following[0])

    def secret(self, index: int) -> None:
        """`set thePassword to "..."`."""
        part = self.tokens[index : index + 4]
        if len(part) < 4 or part[1].kind != "word" or not _SECRET.fullmatch(part[1].text):
            return
        if part[2].text == "to" and part[3].kind == "string" and len(part[3].text) > 3:
            self.find("as-password", Severity.ERROR, "a password stands in the script", part[3])

    def access(self, index: int) -> None:
        statement = self.statement(index)
        writes = any(one.kind == "word" and one.text == "permission" for one in statement)
        name = next((one.text for one in statement if one.kind == "string"), None)
        self.effect("write" if writes else "read", name, "open for access", self.tokens[index])

    def power(self, index: int) -> None:
        verb = self.tokens[index].text
        before = self.tokens[index - 1] if index else None
        begins = before is None or before.kind == "end" or before.text in ("to", "then", "else", "tell")
        full = {"restart": ("restart",), "shut": ("shut", "down"), "log": ("log", "out")}[verb]
        if begins and self.words(index, *full):
            self.find("as-power", Severity.ERROR, "it restarts, stops or leaves the machine", self.tokens[index])
            self.effect("system", " ".join(full), " ".join(full), self.tokens[index])

    def begin_try(self, index: int) -> None:
        if not (index and self.tokens[index - 1].kind == "word" and self.tokens[index - 1].text == "end"):
            self.tries.append(_Try(self.tokens[index]))

    def end_try(self) -> None:
        block = self.tries.pop()
        if block.acts and not block.handled:
            self.find("as-silent-try", Severity.WARNING, "nobody learns that this failed", block.token)
