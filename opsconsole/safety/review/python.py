"""The judge of Python scripts, by `ast`: it warns and says what a script does, and never proves it harmless.

Any object may be anything in Python, so that no reading shows what a script cannot do. SAFE always refuses it.
"""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from collections import Counter
from collections.abc import Iterator

from opsconsole.safety.review import python_calls as known
from opsconsole.safety.review import python_fixes as fixes
from opsconsole.safety.review.model import Edit, Effect, Judgement, Severity, Source, Span
from opsconsole.safety.review.nested import Shell, absorb, by_one

LARGEST = 512 * 1024
"""Characters. A longer text is not read."""
NOT_PROVEN = "py-not-proven"
Fix = tuple[Edit, ...] | None
REFUSAL = "a Python script cannot be proven to change nothing; choose restricted"

_DEEPEST = 40
_LINE_END = re.compile(r"\r\n|\r|\n")
_SYSTEM = re.compile(
    r"/+|~/?|/(?:etc|usr|bin|boot|lib|lib64|sbin|var|home|root|dev|proc|sys|opt|srv)(?:/(?:bin|lib|sbin|local|log))?/*"
    r"|[A-Za-z]:[\\/]*(?:Windows|Users)?[\\/]*",
    re.IGNORECASE,
)
_SYSTEM_FILE = re.compile(r"/(?:etc|usr|bin|boot|lib|lib64|sbin|proc|sys)/.+")
_DISK = re.compile(r"/dev/(?:sd|hd|vd|xvd|nvme|mmcblk|disk|mapper/|dm-|md|mem|kmem)\w*.*")
_SECRET_NAME = re.compile(
    r"(?:.*_)?(?:password|passwd|pwd|secret|secret_key|api_?key|token|access_?key|auth_?token)", re.I
)
_NOT_SECRET = re.compile(r"|x+|\*+|<.*>|\{.*\}|changeme|none|null|todo|example.*|your.*|test.*", re.IGNORECASE)
_WRITING = re.compile(r"[wax+]")


def judge(source: Source, shell: Shell | None = None) -> Judgement:
    """Findings and effects; always one denial. `shell` judges the literal command lines in it. Never raises."""
    if source.text.startswith("\ufeff"):  # Python passes over it in a file
        return by_one(judge(Source(source.text[1:]), shell), source)
    found = Judgement()
    whole = Span(0, min(1, len(source.text)))
    found.denials.append(source.finding(NOT_PROVEN, Severity.ERROR, REFUSAL, whole))
    if len(source.text) > LARGEST:
        found.parsed = False
        found.denials.append(
            source.finding(NOT_PROVEN, Severity.ERROR, f"the script is longer than {LARGEST} characters", whole)
        )
        return found
    lines = _Lines(source.text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a string is no matter of ours
            tree = ast.parse(source.text)
    except SyntaxError as error:
        at = lines.offset_of_character(error.lineno or 1, (error.offset or 1) - 1)
        end = min(at + 1, len(source.text))
        _unread(found, source, f"this is not Python: {error.msg}", Span(min(at, end), end))
        return found
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        _unread(found, source, f"this cannot be read as Python: {type(error).__name__}", whole)
        return found
    _Walk(source, tree, lines, found, shell).run()
    found.findings.sort(key=lambda finding: (finding.start, finding.rule))
    return found


def _unread(found: Judgement, source: Source, message: str, span: Span) -> None:
    found.parsed = False
    found.findings.append(source.finding("py-syntax", Severity.ERROR, message, span))


class _Lines:
    """Lines as Python counts them, for offsets in characters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def offset_of_character(self, line: int, column: int) -> int:
        start = self.starts[min(max(line, 1), len(self.starts)) - 1]
        return min(max(start + column, 0), len(self.text))

    def offset_of_byte(self, line: int, column: int) -> int:
        """`column` in bytes of UTF-8, as `ast` counts."""
        number = min(max(line, 1), len(self.starts))
        start = self.starts[number - 1]
        end = self.starts[number] if number < len(self.starts) else len(self.text)
        piece = self.text[start:end]
        if not piece.isascii():
            column = len(piece.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore"))
        return min(start + column, len(self.text))


class _Walk:
    """One pass over one tree."""

    def __init__(self, source: Source, tree: ast.Module, lines: _Lines, found: Judgement, shell: Shell | None) -> None:
        self.source = source
        self.tree = tree
        self.lines = lines
        self.found = found
        self.shell = shell
        self.names: dict[str, str] = {}
        self.constants: dict[str, str] = {}
        self.temporary: set[str] = set()
        self.downloaded: set[str] = set()
        self.called: dict[str, ast.Call] = {}

    def run(self) -> None:
        nodes = list(ast.walk(self.tree))
        self.imports(nodes)
        self.assignments(nodes)
        for node in nodes:
            match node:
                case ast.Call():
                    self.call(node)
                case ast.Try():
                    self.handlers(node)
                case ast.While():
                    self.loop(node)
                case ast.Assign():
                    for target in node.targets:
                        self.secret(target, node.value)
                case ast.AnnAssign(value=ast.expr() as value):
                    self.secret(node.target, value)
                case ast.keyword(arg=str() as name):
                    self.secret(ast.Name(name), node.value)
                case _:
                    pass
        self.reverse_shell()

    # ------------------------------------------------------------ names and values

    def imports(self, nodes: list[ast.AST]) -> None:
        for node in nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.names[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
                    if alias.name.partition(".")[0] in ("ctypes", "cffi"):
                        self.find("py-native-code", Severity.WARNING, "it calls native code past Python's checks", node)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    self.names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                if node.module.partition(".")[0] in ("ctypes", "cffi"):
                    self.find("py-native-code", Severity.WARNING, "it calls native code past Python's checks", node)

    def assignments(self, nodes: list[ast.AST]) -> None:
        """Names that are given one value in the whole script, and what kind of value it is."""
        stored = Counter(node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        for node in nodes:
            if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
                continue
            name = node.targets[0].id
            if self.downloads(node.value):
                self.downloaded.add(name)
            if stored[name] != 1:
                continue
            if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                self.constants[name] = node.value.value
            elif isinstance(node.value, ast.Call) and (self.dotted(node.value.func) or "").startswith("tempfile."):
                self.temporary.add(name)
            elif isinstance(node.value, ast.Name | ast.Attribute):
                dotted = self.dotted(node.value)
                if dotted and (dotted in known.PROGRAMS or dotted in known.EFFECTS):
                    self.names[name] = dotted  # run = subprocess.run
        for node in nodes:
            if isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
                value = node.context_expr
                if isinstance(value, ast.Call) and (self.dotted(value.func) or "").startswith("tempfile."):
                    self.temporary.add(node.optional_vars.id)

    def dotted(self, node: ast.expr) -> str | None:
        """The full name of what is called: `subprocess.run` for `sp.run` after `import subprocess as sp`."""
        parts: list[str] = []
        for _ in range(_DEEPEST):
            if isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
            elif isinstance(node, ast.Name):
                return ".".join([self.names.get(node.id, node.id), *reversed(parts)])
            elif isinstance(node, ast.Call):
                base = self.dotted_call(node)
                return None if base is None else ".".join([base, *reversed(parts)])
            else:
                return None
        return None

    def dotted_call(self, node: ast.Call) -> str | None:
        """Classes whose methods are known, and modules imported in place."""
        name = self.dotted(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else None
        if name in ("pathlib.Path", "Path"):
            return "pathlib.Path"
        if name in ("__import__", "importlib.import_module") and node.args:
            return self.text(node.args[0])
        return None

    def text(self, node: ast.expr | None, depth: int = 0) -> str | None:
        """The string or path that an expression is, where it can be read off."""
        match node:
            case ast.Constant(value=str() as value):
                return value
            case ast.Constant(value=bytes() as value):
                return value.decode("utf-8", "replace")
            case ast.Name(id=name):
                return self.constants.get(name)
            case ast.BinOp(op=ast.Add(), left=left, right=right) if depth < _DEEPEST:
                one, two = self.text(left, depth + 1), self.text(right, depth + 1)
                return None if one is None or two is None else one + two
            case ast.JoinedStr(values=values):
                pieces = [self.text(value, depth + 1) for value in values if isinstance(value, ast.Constant)]
                return "".join(piece or "" for piece in pieces) if len(pieces) == len(values) else None
            case ast.Call(func=func, args=[first, *rest]) if depth < _DEEPEST and not rest:
                return self.text(first, depth + 1) if self.dotted(func) in ("pathlib.Path", "Path", "str") else None
            case _:
                return None

    def words(self, node: ast.expr | None) -> list[str] | None:
        if not isinstance(node, ast.List | ast.Tuple):
            return None
        found = [self.text(element) for element in node.elts]
        return None if None in found or not found else [word for word in found if word is not None]

    def downloads(self, node: ast.expr) -> bool:
        """Whether a value comes from the network."""
        for inner in _bounded(node):
            if isinstance(inner, ast.Call) and (self.dotted(inner.func) or "").startswith(known.DOWNLOADS):
                return True
            if isinstance(inner, ast.Name) and inner.id in self.downloaded:
                return True
        return False

    # ------------------------------------------------------------ reporting

    def span(self, node: ast.AST) -> Span:
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        start = self.lines.offset_of_byte(line, column)
        end = self.lines.offset_of_byte(getattr(node, "end_lineno", None) or line,
                                        getattr(node, "end_col_offset", None) or column)  # fmt: skip
        return Span(start, max(start, end))

    def find(self, rule: str, severity: Severity, message: str, node: ast.AST, fix: Fix = None) -> None:
        self.found.findings.append(self.source.finding(rule, severity, message, self.span(node), fix))

    def effect(self, kind: str, target: str | None, command: str, node: ast.AST, detail: str | None = None) -> None:
        line, column = self.source.place(self.span(node).start)
        self.found.effects.append(Effect(kind, target, command, line, column, detail))

    # ------------------------------------------------------------ calls

    def call(self, node: ast.Call) -> None:
        name = self.dotted(node.func)
        if isinstance(node.func, ast.Attribute):
            known_name = name is not None and (name in known.EFFECTS or name in known.PROGRAMS)
            if not known_name and node.func.attr in known.METHODS:
                name = known.METHODS[node.func.attr]
            elif node.func.attr == "connect" and not known_name:
                self.connect(node)
        if name is None:
            if not isinstance(node.func, ast.Attribute):
                return
            name = f"?.{node.func.attr}"  # a method of something that is made in place
        name = name.removeprefix("builtins.")
        self.called.setdefault(name, node)
        if name in known.PROGRAMS:
            self.program(name, node)
        elif name in ("open", "io.open", "os.open", "codecs.open", "pathlib.Path.open"):
            self.open(name, node)
        elif name in known.EFFECTS:
            self.known(name, node)
        self.rules(name, node)

    def argument(self, node: ast.Call, index: int, keyword: str) -> ast.expr | None:
        if index < len(node.args):
            return node.args[index]
        return next((one.value for one in node.keywords if one.arg == keyword), None)

    def program(self, name: str, node: ast.Call) -> None:
        """A program that is started: its command line goes to the judge of shell text, where it is literal."""
        first = self.argument(node, 0, "args") or self.argument(node, 0, "cmd")
        form = known.PROGRAMS[name]
        flag = next((one.value for one in node.keywords if one.arg == "shell"), None)
        through_shell = form == "shell" or (flag is not None and not _is(flag, False))
        text = self.text(first)
        words = self.words(first)
        if form == "path" and text is not None:
            rest = [self.text(one) for one in node.args[1:]]
            text = shlex.join([text, *(word for word in rest if word)])
        elif words is not None:
            text = words[0] if through_shell else shlex.join(words)
        if through_shell:
            rule = "py-os-system" if form == "shell" else "py-shell-true"
            if text is None:
                self.find(rule, Severity.ERROR, "a command line put together at run time goes through a shell", node)
            else:
                self.find(rule, Severity.WARNING, "a shell runs this; a list of words needs none", node)
        if first is not None and self.downloads(first):
            self.find("py-download-and-run", Severity.CATASTROPHIC, "it runs what it downloads, unseen", node)
        self.effect("execute", text, name, node)
        if text is not None and self.shell is not None and first is not None:
            span = self.span(first)
            absorb(self.found, self.shell(text, span.start), self.source, text, span)

    def open(self, name: str, node: ast.Call) -> None:
        on_path = name == "pathlib.Path.open"
        target = self.receiver(node) if on_path else self.text(self.argument(node, 0, "file"))
        second = self.argument(node, 0 if on_path else 1, "mode")
        mode = self.text(second) if second is not None else "r"
        writes = name == "os.open" and second is not None and "O_WR" in ast.dump(second)[:2000]
        if name == "os.open":
            writes = writes or (second is not None and "O_RDWR" in ast.dump(second)[:2000])
        elif mode is None or _WRITING.search(mode):
            writes = True
        self.effect("write" if writes else "read", target, name, node)
        if writes:
            self.system_file(target, node)

    def system_file(self, target: str | None, node: ast.AST) -> None:
        if target and _DISK.fullmatch(target):
            self.find("py-write-device", Severity.CATASTROPHIC, f"it writes on the disk itself ({target})", node)
        elif target and _SYSTEM_FILE.fullmatch(target):
            self.find("py-write-system", Severity.ERROR, f"it changes a file of the system ({target})", node)

    def receiver(self, node: ast.Call) -> str | None:
        """The path in `Path("x").unlink()`."""
        return self.text(node.func.value) if isinstance(node.func, ast.Attribute) else None

    def known(self, name: str, node: ast.Call) -> None:
        kind = known.EFFECTS[name]
        if name.startswith("pathlib."):
            target = self.receiver(node)
        else:
            at = 1 if name in known.SECOND and len(node.args) > 1 else 0
            value = self.argument(node, at, "url" if kind == "network" else "path")
            target = self.text(value)
            if target is None and isinstance(value, ast.Tuple) and value.elts:
                target = self.text(value.elts[0])  # ("host", 80)
        if kind == "network" and target:
            target = re.sub(r"^\w+://(?:[^/@]*@)?([^/?#]+).*$", r"\1", target, flags=re.DOTALL)
        if kind == "privilege":
            target = "root" if node.args and _is(node.args[0], 0) else None
        if kind == "execute":
            target = self.text(node.args[0]) if node.args and name not in ("eval", "exec", "compile") else None
        self.effect(kind, target, name, node)
        if name == "urllib.request.urlretrieve":
            self.effect("network", self.text(self.argument(node, 0, "url")), name, node)
        if kind == "write" and not name.startswith("tempfile."):
            self.system_file(target, node)

    def connect(self, node: ast.Call) -> None:
        if node.args and isinstance(node.args[0], ast.Tuple) and len(node.args[0].elts) == 2:
            self.effect("network", self.text(node.args[0].elts[0]), "connect", node)
            self.called["socket.connect"] = node

    # ------------------------------------------------------------ rules

    def rules(self, name: str, node: ast.Call) -> None:
        keywords = {one.arg: one.value for one in node.keywords if one.arg}
        first = node.args[0] if node.args else None
        if name in ("eval", "exec", "compile", "__import__", "importlib.import_module", "builtins.eval"):
            self.dynamic(name, node, first)
        elif name in ("shutil.rmtree", "os.removedirs"):
            self.removal(node, first if first is not None else keywords.get("path"))
        elif name in known.UNSAFE_LOADS:
            self.find("py-unsafe-load", Severity.WARNING, f"{name} runs code that is hidden in the data", node)
        elif name in ("yaml.load", "yaml.load_all") and "Safe" not in _names(keywords.get("Loader"), node.args[1:]):
            safe = fixes.safe_yaml(node, self.span(node.func))
            self.find("py-unsafe-yaml", Severity.ERROR, "yaml.load builds any object that the text names", node, safe)
        elif name == "tempfile.mktemp":
            self.find("py-mktemp", Severity.ERROR, "between the name and the file, another can put a link there", node)
        elif name in ("os.chmod", "pathlib.Path.chmod") or (
            isinstance(node.func, ast.Attribute) and node.func.attr == "chmod"
        ):
            mode = node.args[-1] if node.args else None
            if isinstance(mode, ast.Constant) and isinstance(mode.value, int) and mode.value & 0o002:
                self.find("py-open-permissions", Severity.ERROR, "everybody may write to this then", node)
        elif name in ("os.kill", "os.killpg") and (_is_minus_one(first) or (name == "os.killpg" and _is(first, 1))):
            self.find("py-kill-all", Severity.CATASTROPHIC, "it signals every process that it may signal", node)
        elif known.EFFECTS.get(name) == "privilege":
            self.find("py-privilege", Severity.WARNING, "it changes the user it runs as", node)
        elif name.endswith("._create_unverified_context") or name == "ssl._create_unverified_context":
            self.find("py-verify-false", Severity.ERROR, "certificates are not checked", node)
        elif isinstance(node.func, ast.Attribute) and node.func.attr == "extractall" and "filter" not in keywords:
            self.find("py-extract-all", Severity.WARNING, "an archive may name files outside of the folder", node)
        if _is(keywords.get("verify"), False):
            said, fix = "certificates are not checked: anyone on the way can answer", fixes.verified
            self.find("py-verify-false", Severity.ERROR, said, node, fix(self.span(keywords["verify"])))
        at = known.TIMEOUT_AT.get(name, 99)
        if name in known.WITHOUT_TIMEOUT and "timeout" not in keywords and len(node.args) <= at and None not in [
            one.arg for one in node.keywords
        ]:  # fmt: skip
            patient = fixes.with_timeout(self.source.text, node, self.span(node), name)
            self.find("py-no-timeout", Severity.WARNING, f"without timeout= {name} may wait for ever", node, patient)

    def dynamic(self, name: str, node: ast.Call, first: ast.expr | None) -> None:
        if first is None:
            return
        if self.downloads(first):
            self.find("py-download-and-run", Severity.CATASTROPHIC, "it runs what it downloads, unseen", node)
        elif any(
            isinstance(inner, ast.Call) and self.dotted(inner.func) in known.DECODERS for inner in _bounded(first)
        ):
            self.find("py-hidden-code", Severity.ERROR, "the code that it runs is hidden by an encoding", node)
        elif not isinstance(first, ast.Constant):
            self.find("py-eval", Severity.ERROR, f"{name} runs what is known only at run time", node)

    def removal(self, node: ast.Call, target: ast.expr | None) -> None:
        text = self.text(target)
        if text is not None and _SYSTEM.fullmatch(text):
            self.find("py-remove-system", Severity.CATASTROPHIC, f"it deletes a folder of the system ({text})", node)
        elif text is None and not (isinstance(target, ast.Name) and target.id in self.temporary):
            self.find("py-remove-variable", Severity.ERROR, "which tree it deletes is known only at run time", node)

    def secret(self, target: ast.expr, value: ast.expr) -> None:
        name = target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""
        if not _SECRET_NAME.fullmatch(name) or not isinstance(value, ast.Constant):
            return
        if isinstance(value.value, str) and len(value.value) > 3 and not _NOT_SECRET.fullmatch(value.value):
            self.find("py-password", Severity.ERROR, f"{name} stands in the script", value)

    def handlers(self, node: ast.Try) -> None:
        acts = [
            name
            for statement in node.body
            for inner in _bounded(statement)
            if isinstance(inner, ast.Call) and (name := self.dotted(inner.func) or "")
            and (name in known.PROGRAMS or known.EFFECTS.get(name) in ("delete", "write", "kill", "system"))
        ]  # fmt: skip
        for handler in node.handlers:
            broad = handler.type is None or (
                isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException")
            )
            silent = not any(
                not isinstance(one, ast.Pass | ast.Expr)
                or (isinstance(one, ast.Expr) and not isinstance(one.value, ast.Constant))
                for one in handler.body
            )
            if broad and silent and acts:
                self.find("py-silent-except", Severity.WARNING, f"nobody learns that {acts[0]} failed", handler)

    def loop(self, node: ast.While) -> None:
        if isinstance(node.test, ast.Constant) and node.test.value:
            for inner in _bounded(node):
                if isinstance(inner, ast.Call) and self.dotted(inner.func) == "os.fork":
                    self.find("py-fork-bomb", Severity.CATASTROPHIC, "it starts processes without end", node)
                    return

    def reverse_shell(self) -> None:
        """A socket that is connected and given to a shell."""
        node = self.called.get("socket.connect") or self.called.get("socket.create_connection")
        if node is None or not ({"os.dup2", "pty.spawn"} & self.called.keys() or self.socket_streams()):
            return
        if any(name in known.PROGRAMS for name in self.called):
            self.find("py-reverse-shell", Severity.CATASTROPHIC, "it hands a shell to another host", node)

    def socket_streams(self) -> bool:
        """`stdin=s.fileno()`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.keyword) and node.arg in ("stdin", "stdout") and isinstance(node.value, ast.Call):
                func = node.value.func
                if isinstance(func, ast.Attribute) and func.attr in ("fileno", "makefile"):
                    return True
        return False


def _bounded(node: ast.AST, most: int = 2000) -> Iterator[ast.AST]:
    """The nodes below one, up to a number: rules must not make the walk quadratic."""
    for count, inner in enumerate(ast.walk(node)):
        if count >= most:
            return
        yield inner


def _is(node: ast.expr | None, value: object) -> bool:
    return (isinstance(node, ast.Constant) and node.value is value) or (
        isinstance(node, ast.Constant) and type(node.value) is type(value) and node.value == value
    )


def _is_minus_one(node: ast.expr | None) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and _is(node.operand, 1)


def _names(first: ast.expr | None, others: list[ast.expr]) -> str:
    """The names in some arguments, to look for `SafeLoader`."""
    found = [] if first is None else [first]
    return " ".join(
        inner.attr if isinstance(inner, ast.Attribute) else inner.id
        for node in (*found, *others)
        for inner in _bounded(node)
        if isinstance(inner, ast.Attribute | ast.Name)
    )
