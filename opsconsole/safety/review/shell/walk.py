"""The walk over the tree: an explicit table of node types; what is not in it is not proven.

It visits every command, also those inside words, here-documents, substitutions and functions, and hands each to the
judge of commands. It never stops at the first reason to refuse: effects and lint want the whole script.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from opsconsole.safety.review.model import Span
from opsconsole.safety.review.shell import arithmetic, commands, names, words
from opsconsole.safety.review.shell.catalogue import Catalogue
from opsconsole.safety.review.shell.facts import Assignment, Call, Expansion, Function, Pipeline, Redirect, Script
from opsconsole.safety.review.shell.nodes import POSITIONS, TABLE
from opsconsole.safety.review.shell.words import Node, Unreadable, Word

MAX_DEPTH = 120


class Walk:
    """One walk. `site` catalogue in, facts and denials into `script`."""

    def __init__(self, script: Script, catalogue: Catalogue, depth: int = 0) -> None:
        self.script = script
        self.catalogue = catalogue
        self.depth = depth  # of texts inside texts
        self.at: Span | None = None  # in a nested text that does not stand verbatim in the script: where it stands
        self.base = 0  # offset that is added to the positions of a nested text
        self.via: tuple[str, ...] = ()
        self.nested = False
        self._level = 0
        self._tested = 0
        self._loops = 0
        self._substituted = 0
        self._functions: list[str] = []
        self.numbers: set[str] = set()
        self.trusts_numbers = True
        self.function_names: set[str] = set()  # declared by now, whatever happens
        self._call: Call | None = None
        self._handlers: dict[str, Callable[[Node, Node], Call | None]] = {
            "CallExpr": self._simple,
            "BinaryCmd": self._binary,
            "Block": self._block,
            "Subshell": self._block,
            "IfClause": self._if,
            "WhileClause": self._while,
            "ForClause": self._for,
            "CaseClause": self._case,
            "FuncDecl": self._function,
            "TestClause": self._test,
            "ArithmCmd": self._arithmetic_command,
            "LetClause": self._let,
            "DeclClause": self._declare,
            "TimeClause": self._time,
            "CoprocClause": self._coproc,
        }

    # -- the outside

    def file(self, tree: Node) -> None:
        extra = tree.keys() - {"Type", "Pos", "End", "Stmts", "Last", "Name"}
        if tree.get("Type") != "File" or extra:
            self.deny("unknown-syntax", "the parser's answer is of a form that is not known here", Span(0, 0))
            return
        self.script.comments += tree.get("Last", [])
        nodes = words.every_node(tree)
        if names.evaluates(nodes):
            self.script.given = None
            self.trusts_numbers = False
        if self.trusts_numbers:
            self.numbers |= arithmetic.numeric_variables(nodes)
        self.script.repointed |= names.repoints(nodes)
        self.script.assigned |= names.mentioned(nodes)
        self.statements(tree.get("Stmts", []))

    def span(self, node: Node) -> Span:
        return self.shift(words.span_of(node))

    def shift(self, span: Span) -> Span:
        return self.at or (Span(span.start + self.base, span.end + self.base) if self.base else span)

    def deny(self, rule: str, message: str, span: Span, fix: list[tuple[Span, str]] | None = None) -> None:
        """`span` is in the whole script already."""
        self.script.deny(rule, message, span, None if self.at else fix)

    def word(self, node: Node) -> Word:
        """A Word, its expansions visited. An unknown node inside makes it unknown and denied."""
        try:
            word = words.read(node, self.is_numeric, self.begins)
        except Unreadable as error:
            self.deny("unknown-syntax", f"{error} is not understood here", self.span(error.node or node))
            word = words.unknown(words.span_of(node))
            word.parts = node.get("Parts", [])
        word.span = self.shift(word.span)
        if word.verbatim is not None:
            word.verbatim = None if self.at else word.verbatim + self.base
        return word

    def visit_word(self, node: Node | None, *, splitting: bool = False) -> Word | None:
        if node is None:
            return None
        word = self.word(node)
        self.parts(word.parts, quoted=False, splitting=splitting)
        return word

    # -- statements

    def statements(self, statements: list[Node]) -> None:
        for statement in statements:
            self.statement(statement)

    def statement(self, statement: Node) -> Call | None:
        self._level += 1
        try:
            if self._level > MAX_DEPTH:
                self.deny("too-deep", f"the script is nested deeper than {MAX_DEPTH} levels", self.span(statement))
                return None
            self.known("Stmt", statement)
            self.script.comments += statement.get("Comments", [])
            command = statement.get("Cmd")
            tested = 1 if statement.get("Negated") else 0
            self._tested += tested
            call = None
            if command is None:
                self.redirects(statement)
            else:
                kind = command["Type"]
                handler = self._handlers.get(kind)
                if handler is None:
                    self.deny("unknown-syntax", f"{kind} is not understood here", self.span(statement))
                else:
                    self.known(kind, command)
                    self.script.nodes.append((kind, command))
                    if kind != "CallExpr":
                        self.redirects(statement)
                    call = handler(command, statement)
            self._tested -= tested
            if call is not None and statement.get("Background"):
                call.background = True
            return call
        finally:
            self._level -= 1

    def known(self, kind: str, node: Node) -> None:
        if extra := node.keys() - TABLE[kind] - POSITIONS:
            self.deny(
                "unknown-syntax", f"{kind} with {', '.join(sorted(extra))} is not understood here", self.span(node)
            )

    @contextmanager
    def _counted(self, name: str) -> Any:
        setattr(self, name, getattr(self, name) + 1)
        try:
            yield
        finally:
            setattr(self, name, getattr(self, name) - 1)

    def _simple(self, node: Node, statement: Node) -> Call | None:
        args = node.get("Args", [])
        assigns = [self._assignment(one, exported=bool(args)) for one in node.get("Assigns", [])]
        every = [self.word(arg) for arg in args]
        if every and every[0].vanishes:
            every[0].text, every[0].vanishes = None, False  # the next word would be the command
        argv = [word for word in every if not word.vanishes]
        call = None
        if argv:
            call = self.call(argv, node)
            call.assignments = assigns
            self._call = call
            for word in every:
                self.parts(word.parts, quoted=False, splitting=True)
            self._call = None
        call_redirects = self.redirects(statement)
        if call is not None:
            call.redirects = call_redirects
            commands.judge(self, call)
        else:
            for one in assigns:
                names.check_assignment(self, one, None)
        return call

    def call(self, argv: list[Word], node: Node) -> Call:
        """A Call of these words, in the place where the walk is now."""
        span = Span(argv[0].span.start, max(argv[-1].span.end, argv[0].span.end))
        call = Call(
            argv,
            None,
            span,
            node,
            via=self.via,
            tested=self._tested > 0,
            function=self._functions[-1] if self._functions else None,
            loop=self._loops > 0,
            nested=self.nested,
            substituted=self._substituted > 0,
        )
        self.script.calls.append(call)
        return call

    def _binary(self, node: Node, statement: Node) -> Call | None:
        op = node["Op"]
        if op in ("&&", "||"):
            with self._counted("_tested"):
                self.statement(node["X"])
            return self.statement(node["Y"])
        if op not in ("|", "|&"):
            self.deny("unknown-syntax", f"the operator {op} is not understood here", self.span(node))
        left = node["X"]
        before: list[Call | None] = []
        if left.get("Cmd", {}).get("Type") == "BinaryCmd" and left["Cmd"]["Op"] in ("|", "|&"):
            first = self.statement(left)
            before = list(first.pipeline.calls) if first is not None and first.pipeline else [first]
        else:
            before = [self.statement(left)]
        last = self.statement(node["Y"])
        pipeline = Pipeline([*before, last], self.span(node))
        self.script.pipelines = [one for one in self.script.pipelines if one.calls != before or len(before) < 2]
        self.script.pipelines.append(pipeline)
        for call in pipeline.calls:
            if call is not None:
                call.pipeline = pipeline
        if last is None:  # a compound at the end: give the chain something to hang on
            return next((call for call in pipeline.calls if call is not None), None)
        return last

    def _block(self, node: Node, statement: Node) -> None:
        self.statements(node.get("Stmts", []))

    def _if(self, node: Node, statement: Node | None) -> None:
        self.known("IfClause", node)
        with self._counted("_tested"):
            self.statements(node.get("Cond", []))
        self.statements(node.get("Then", []))
        if "Else" in node:
            self._if(node["Else"], None)

    def _while(self, node: Node, statement: Node) -> None:
        with self._counted("_loops"):
            with self._counted("_tested"):
                self.statements(node.get("Cond", []))
            self.statements(node.get("Do", []))

    def _for(self, node: Node, statement: Node) -> None:
        loop = node["Loop"]
        self.known(loop["Type"], loop)
        if loop["Type"] == "WordIter":
            items = [self.visit_word(item, splitting=True) for item in loop.get("Items", [])]
            names.check_target(self, loop["Name"]["Value"], self.span(loop["Name"]))
            self.script.assignments += [
                Assignment(loop["Name"]["Value"], item, self.span(loop["Name"]), node=node) for item in items
            ]
        else:
            for part in ("Init", "Cond", "Post"):
                arithmetic.check(self, loop.get(part))
        if node.get("Select"):
            self.script.effect("interactive", None, "select", self.span(node))
            self.deny("needs-a-terminal", "`select` waits for an answer at a terminal", self.span(node))
        with self._counted("_loops"):
            self.statements(node.get("Do", []))

    def _case(self, node: Node, statement: Node) -> None:
        self.visit_word(node.get("Word"))
        for item in node.get("Items", []):
            self.known("CaseItem", item)
            for pattern in item.get("Patterns", []):
                self.visit_word(pattern)
            self.statements(item.get("Stmts", []))

    def _function(self, node: Node, statement: Node) -> None:
        name = node["Name"]["Value"]
        self.script.functions[name] = Function(name, self.span(node), node["Body"])
        if self.catalogue.get(name) is not None or name in names.BUILTINS:
            self.deny("shadows-a-command", f"the function {name} takes the place of a command", self.span(node["Name"]))
        self._functions.append(name)
        self.statement(node["Body"])
        self._functions.pop()
        if self._level == 1 and not statement.get("Background") and names.is_plain(name.replace("-", "_")):
            self.function_names.add(name)

    def _test(self, node: Node, statement: Node) -> None:
        self._test_node(node["X"])

    def _test_node(self, node: Node) -> None:
        kind = node["Type"]
        if kind == "Word":
            self.visit_word(node)
        elif kind == "ParenTest":
            self._test_node(node["X"])
        elif kind == "UnaryTest":
            if node["Op"] in ("-v", "-R") and (self.word(node["X"]).text or "[").find("[") >= 0:
                self.deny(
                    "code-in-a-name", f"`[[ {node['Op']} … ]]` evaluates the subscript of a name", self.span(node)
                )
            self._test_node(node["X"])
        elif kind == "BinaryTest":
            if node["Op"] in ("-eq", "-ne", "-lt", "-le", "-gt", "-ge"):
                for side in (node["X"], node["Y"]):
                    arithmetic.check(self, side, text=True)
            self._test_node(node["X"])
            self._test_node(node["Y"])
        else:
            self.deny("unknown-syntax", f"{kind} is not understood here", self.span(node))

    def _arithmetic_command(self, node: Node, statement: Node) -> None:
        arithmetic.check(self, node["X"])

    def _let(self, node: Node, statement: Node) -> None:
        for expression in node.get("Exprs", []):
            arithmetic.check(self, expression)

    def _declare(self, node: Node, statement: Node) -> None:
        variant = node["Variant"]["Value"]
        options = ""
        for one in node.get("Args", []):
            if one.get("Naked") and "Name" not in one:
                word = self.visit_word(one.get("Value"))
                text = word.text if word is not None else None
                if text is None or not re.fullmatch(r"[-+][a-zA-Z]+|--", text):
                    self.deny("dynamic-name", f"what `{variant}` declares is known only when it runs", self.span(one))
                else:
                    options += text
                continue
            exported = variant == "export" or "x" in options
            if set(options) & set("aA") and "Value" in one:
                self.deny(
                    "evaluating-attribute", f"`{variant} {options}` makes bash evaluate the value", self.span(one)
                )
            assignment = self._assignment(one, exported=exported)
            names.check_assignment(self, assignment, variant)
        if set(options) & set("in"):
            self.deny("evaluating-attribute", f"`{variant} {options}` makes bash evaluate values", self.span(node))

    def _time(self, node: Node, statement: Node) -> Call | None:
        return self.statement(node["Stmt"]) if "Stmt" in node else None

    def _coproc(self, node: Node, statement: Node) -> Call | None:
        self.deny("coprocess", "a coprocess is not understood here", self.span(node))
        return self.statement(node["Stmt"])

    # -- redirections and assignments

    def redirects(self, statement: Node) -> list[Redirect]:
        found = []
        for node in statement.get("Redirs", []):
            self.known("Redirect", node)
            word = self.visit_word(node.get("Word")) or words.unknown(Span(0, 0))
            redirect = Redirect(
                node["Op"], node.get("N", {}).get("Value"), word, self.span(node), heredoc=node.get("Hdoc")
            )
            if redirect.heredoc is not None:
                self.parts(redirect.heredoc.get("Parts", []), quoted=True, splitting=False)
            found.append(redirect)
            commands.judge_redirect(self, redirect)
        self.script.redirects += found
        return found

    def _assignment(self, node: Node, *, exported: bool) -> Assignment:
        self.known("Assign", node)
        name = node.get("Name", {}).get("Value", "")
        array = node.get("Array")
        if array is not None:
            self.known("ArrayExpr", array)
            for element in array.get("Elems", []):
                self.known("ArrayElem", element)
                if "Index" in element:
                    arithmetic.check_index(self, element["Index"])
                self.visit_word(element.get("Value"), splitting=True)
        if "Index" in node:
            arithmetic.check_index(self, node["Index"])
        value = self.visit_word(node.get("Value"))
        found = Assignment(
            name, value, self.span(node), bool(node.get("Append")), exported, array is not None, node=node
        )
        self.script.assignments.append(found)
        return found

    # -- words

    def is_numeric(self, node: Node) -> bool:
        if node["Type"] == "ArithmExp":
            return True
        if node["Type"] != "ParamExp" or node.get("Excl") or node.keys() & {"Repl", "Names"}:
            return False
        if node.get("Length"):
            return True
        name = node.get("Param", {}).get("Value", "")
        return not node.keys() & {"Exp", "Slice", "Index"} and (name in ("#", "?", "$") or name in self.numbers)

    def begins(self, node: Node) -> str | None:
        """How the value of an expansion begins: "" when the variable is not set under SAFE, whose environment holds
        nothing but what is listed; "/" for a path; None when that is not known.
        """
        if self.script.given is None:
            return None
        if node["Type"] == "CmdSubst":
            statements = node.get("Stmts", [])
            args = statements[0].get("Cmd", {}).get("Args", []) if len(statements) == 1 else []
            return "/" if len(args) == 1 and words.lit(args[0]) == "pwd" else None
        if node["Type"] != "ParamExp" or node.keys() & {"Exp", "Slice", "Index", "Repl", "Names", "Excl", "Length"}:
            return None
        name = node.get("Param", {}).get("Value", "")
        if name in self.script.assigned or not names.is_plain(name):
            return None
        if name in ("HOME", "PWD"):
            return "/"
        return None if names.is_in_environment(name) or name in self.script.given else ""

    def parts(self, parts: list[Node], *, quoted: bool, splitting: bool) -> None:
        for part in parts:
            kind = part["Type"]
            if kind == "Lit":
                continue
            if kind not in TABLE:
                self.deny("unknown-syntax", f"{kind} is not understood here", self.span(part))
                continue
            self.known(kind, part)
            if kind == "ExtGlob" and re.search(r"[$`]|[<>]\(", part.get("Pattern", {}).get("Value", "")):
                self.deny("unknown-syntax", "an expansion inside a pattern is not understood here", self.span(part))
            if kind == "DblQuoted":
                self.parts(part.get("Parts", []), quoted=True, splitting=False)
            elif kind in ("ParamExp", "CmdSubst", "ArithmExp", "ProcSubst"):
                self.script.nodes.append((kind, part))
                if kind != "ProcSubst":
                    self.script.expansions.append(
                        Expansion(part, self.span(part), quoted, splitting and not quoted, self._call)
                    )
                self._expansion(kind, part)

    def _expansion(self, kind: str, part: Node) -> None:
        if kind == "ArithmExp":
            arithmetic.check(self, part.get("X"))
        elif kind == "ParamExp":
            self._parameter(part)
        else:
            if part.get("TempFile") or part.get("ReplyVar"):
                self.deny("unknown-syntax", "this form of substitution is not understood here", self.span(part))
            if kind == "ProcSubst" and part["Op"] not in ("<(", ">("):
                self.deny("unknown-syntax", f"{part['Op']} is not understood here", self.span(part))
            saved, self._call = self._call, None
            tested, self._tested = self._tested, 0
            with self._counted("_substituted"):
                self.statements(part.get("Stmts", []))
            self._tested = tested
            self._call = saved

    def _parameter(self, node: Node) -> None:
        span = self.span(node)
        expansion = node.get("Exp")
        name = node.get("Param", {}).get("Value", "")
        if node.get("Excl") and not node.get("Names"):
            index = node.get("Index", {})
            if index.get("Parts", [{}])[0].get("Value") not in ("@", "*"):  # ${!a[@]} lists the keys
                self.deny("indirect-expansion", "`${!…}` evaluates the value of another variable", span)
        if node.get("Width"):
            self.deny("unknown-syntax", "`${%…}` is not understood here", span)
        if "Index" in node:
            arithmetic.check_index(self, node["Index"])
        for part in (node.get("Slice") or {}).values():
            arithmetic.check(self, part)
        if "Repl" in node:
            self.visit_word(node["Repl"].get("Orig"))
            self.visit_word(node["Repl"].get("With"))
        if expansion is not None:
            value = self.visit_word(expansion.get("Word"))
            if expansion["Op"] == "@" and (
                value is None or value.text not in ("Q", "U", "u", "L", "E", "A", "a", "K", "k")
            ):
                self.deny("prompt-expansion", "`${…@P}` runs the commands in a variable's value", span)
            if expansion["Op"] in ("=", ":="):
                names.check_target(self, name, span)
                self.script.assignments.append(Assignment(name, value, span, node=node))
