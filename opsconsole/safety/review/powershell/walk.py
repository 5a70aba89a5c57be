"""The walk over the tree: one explicit table of node types, no recursion. Commands go to `commands.py`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from opsconsole.safety.review.model import Edit, Severity, Span
from opsconsole.safety.review.powershell import dotnet
from opsconsole.safety.review.powershell.commands import Commands, Inner
from opsconsole.safety.review.powershell.dangers import DOWNLOADS
from opsconsole.safety.review.powershell.grammar import Script
from opsconsole.safety.review.powershell.mending import CONFUSING
from opsconsole.safety.review.powershell.report import Report
from opsconsole.safety.review.powershell.values import (
    LEVELS,
    NUMBER,
    PLAIN,
    VARIABLE,
    Value,
    core,
    literal,
    value_of,
    variable_name,
)

if TYPE_CHECKING:
    from tree_sitter import Node


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# These only hold others: what they do is what their children do.
HOLDERS = LEVELS | _words("""
    program statement_list pipeline_chain_tail script_block script_block_body statement_block script_block_expression
    if_statement elseif_clauses elseif_clause else_clause while_statement while_condition do_statement for_statement
    for_initializer for_condition for_iterator try_statement catch_clauses finally_clause switch_statement
    switch_condition switch_body switch_clauses switch_clause switch_parameters named_block_list named_block param_block
    parameter_list script_parameter_default function_parameter_declaration parenthesized_expression
    sub_expression array_expression hash_literal_expression hash_literal_body hash_entry key_expression
    flow_control_statement trap_statement attribute_list attribute attribute_arguments redirections
    argument_list argument_expression_list expression_with_unary_operator string_literal label_expression
    element_access member_name""")
# These hold nothing that runs.
LEAVES = _words("""
    comparison_operator format_operator assignement_operator simple_name real_literal empty_statement block_name
    command_argument_sep catch_type_list verbatim_string_characters verbatim_here_string_characters switch_parameter
    function_name label decimal_integer_literal hexadecimal_integer_literal file_redirection_operator
    merging_redirection_operator""")
# Variables that change what later commands do, beside those of other drives (`$env:PATH`, `$function:f`).
_STEERING = re.compile(
    r"ps\w*|executioncontext|host|profile|outputencoding|home|input|args|myinvocation|_|this|error|matches|foreach|switch"
    r"|event\w*|sender|\W",
    re.IGNORECASE,
)
_PREFERENCES = frozenset({"erroractionpreference", "progresspreference", "verbosepreference", "warningpreference",
                          "informationpreference", "debugpreference", "confirmpreference"})  # fmt: skip
_PASSWORD = re.compile(r"\$(?:\w+:)?\w*(?:passw(?:or)?d|pwd|secret|apikey|api_key|accesskey|token)\w*", re.IGNORECASE)
_CONDITION = re.compile(r"[\w.*-]+|'[^']*'|\"[^\"$`]*\"")
DEEPEST = 50
_BEFORE_COMMENT = frozenset(" \t\r\n;{}(),|&=")


class Walk:
    """One walk over one script. Effects, findings and denials go into the report."""

    def __init__(self, script: Script, report: Report, inner: Inner) -> None:
        self.script = script
        self.report = report
        self.root = script.tree.root_node
        self.broken = self.root.has_error
        self.commands = Commands(script, report, inner)
        self.handlers: dict[str, Callable[[Node], list[Node]]] = {
            **dict.fromkeys(HOLDERS, self.children),
            **dict.fromkeys(LEAVES, lambda node: []),
            "command": self.command,
            "assignment_expression": self.assignment,
            "post_increment_expression": self.increment,
            "post_decrement_expression": self.increment,
            "pre_increment_expression": self.increment,
            "pre_decrement_expression": self.increment,
            "comparison_expression": self.comparison,
            "comparison_argument_expression": self.comparison,
            "variable": self.variable,
            "integer_literal": self.number,
            "cast_expression": self.cast,
            "type_literal": self.type,
            "attribute": self.attribute,
            "attribute_argument": self.attribute_argument,
            "member_access": self.member,
            "invokation_expression": self.invocation,
            "expandable_string_literal": self.string,
            "expandable_here_string_literal": self.string,
            "function_statement": self.function,
            "foreach_statement": self.foreach,
            "script_parameter": self.parameter,
            "catch_clause": self.catch,
            "redirection": self.redirection,
            "switch_clause_condition": self.switch_condition,
            "switch_filename": self.switch_file,
            "comment": self.comment,
        }
        self.comments: list[Span] = []
        self.downloads = DOWNLOADS.search(script.text) is not None

    def run(self) -> None:
        if not self.script.text.strip():
            return
        stack = [self.root]
        while stack:
            node = stack.pop()
            if node.type in LEVELS and node.child_count == 1:
                node = core(node)
            if node.is_error or node.is_missing:
                stack.extend(reversed(self.unread(node)))
                continue
            if not node.is_named:
                continue
            handler = self.handlers.get(node.type)
            if handler is None:
                what = node.type.replace("_", " ")
                self.deny(f"a construct that the review does not know ({what})", node)
                stack.extend(reversed(self.children(node)))
            else:
                stack.extend(reversed(handler(node)))
        if self.broken and self.report.judgement.parsed:
            self.unread(self.root)  # wherever the error is: no handler may lose it
        if not self.script.complete:
            self.report.judgement.parsed = False
            self.deny("it takes too long to read", self.root)
        self.characters()
        self.commands.finish()

    # ------------------------------------------------------------ helpers

    def children(self, node: Node) -> list[Node]:
        return node.children if self.broken else node.named_children

    def deny(self, message: str, node: Node) -> None:
        self.report.deny(message, self.script.span(node))

    def words(self, node: Node) -> str:
        return self.script.words(node)

    def find(self, rule: str, severity: Severity, message: str, node: Node) -> None:
        self.report.find(rule, severity, message, self.script.span(node))

    def unread(self, node: Node) -> list[Node]:
        """A part that the grammar cannot read: refused, and its children are looked through all the same."""
        self.report.judgement.parsed = False
        self.deny("this part cannot be read as PowerShell by the review", node)
        return [child for child in node.children if child.is_named or child.is_missing]

    def characters(self) -> None:
        """Characters that PowerShell reads otherwise than the grammar, outside of comments."""
        for match in CONFUSING.finditer(self.script.text):
            at = match.start()
            if at == 0 and match.group() == "\ufeff":
                continue
            if any(span.start <= at < span.end for span in self.comments) and match.group() not in "\r\x85\u2028\u2029":
                continue
            span = Span(at, at + 1)
            name = f"U+{ord(match.group()):04X}"
            self.report.deny(f"the character {name} is read differently by PowerShell and by the review", span)
            if self.script.text.startswith("\r\n", at):
                continue  # an ordinary line end, which only the grammar reads otherwise
            self.report.find("ps-hidden-character", Severity.ERROR,
                             f"the character {name} looks like another one, or like nothing", span)  # fmt: skip
            break

    # ------------------------------------------------------------ commands and redirections

    def command(self, node: Node) -> list[Node]:
        walk = self.commands.judge(node)
        elements = node.child_by_field_name("command_elements")
        walk += [] if elements is None else [one for one in elements.named_children if one.type == "redirection"]
        if self.broken:
            walk += [one for one in node.children if one.is_error or one.is_missing]
            if elements is not None:
                walk += [one for one in elements.children if one.is_error or one.is_missing]
        return walk

    def redirection(self, node: Node) -> list[Node]:
        name = next((one for one in node.named_children if one.type == "redirected_file_name"), None)
        if name is None:
            return []  # 2>&1
        target = next((one for one in name.named_children if one.type != "command_argument_sep"), name)
        value: Value = value_of(self.script, target)
        if value.written.lower() != "$null":
            self.report.effect("write", value.literal or value.written, ">", self.script.span(node))
            self.deny("it writes into a file", node)
        return value.walk

    # ------------------------------------------------------------ variables and values

    def variable(self, node: Node) -> list[Node]:
        written = self.words(node)
        if not VARIABLE.fullmatch(written):
            self.deny("a variable of another drive is read or run", node)
        elif "psdefaultparametervalues" in written.lower():
            self.deny("the default parameters of all commands are reached through this variable", node)
        return []

    def number(self, node: Node) -> list[Node]:
        if not NUMBER.fullmatch(self.words(node)):
            self.deny("a bare word stands where the review cannot tell what it does", node)
        return []

    def assignable(self, node: Node) -> bool:
        """Whether it is a plain variable of the script, which steers nothing but the script itself."""
        match = VARIABLE.fullmatch(self.words(node))
        if match is None or match["braced"] is not None:
            return False
        scope, name = (match["scope"] or "").lower(), match["name"].lower()
        if scope not in ("", "script", "global", "local", "private"):
            return False
        return not _STEERING.fullmatch(name) and (not name.endswith("preference") or name in _PREFERENCES)

    def assign(self, target: Node, depth: int = 0) -> list[Node]:
        """The targets of an assignment; returns what is to be walked in them."""
        target = core(target)
        if depth > DEEPEST:
            self.deny("an assignment that is nested too deeply", target)
            return []
        match target.type:
            case "variable":
                if not self.assignable(target):
                    self.deny("this variable changes what later commands do", target)
                return []
            case "array_literal_expression" | "left_assignment_expression":
                return [more for child in target.named_children for more in self.assign(child, depth + 1)]
            case "expression_with_unary_operator" | "cast_expression" | "parenthesized_expression":
                kinds = [child for child in target.named_children if child.type == "type_literal"]
                rest = [child for child in target.named_children if child.type != "type_literal"]
                return kinds + [more for child in rest for more in self.assign(child, depth + 1)]
            case "element_access" | "member_access":
                base = core(target.named_children[0])
                if base.type == "variable" and self.assignable(base):
                    self.commands.fresh.element(variable_name(self.words(base)), self.script.span(target))
                    return list(target.named_children[1:])
                if "servercertificatevalidationcallback" in self.words(target).lower():
                    self.find("ps-skip-certificate", Severity.ERROR, "certificates are no longer checked", target)
                self.deny("it assigns to a property of an object", target)
                return list(target.named_children)
            case _:
                self.deny("it assigns to something that the review does not know", target)
                return [target]

    def assignment(self, node: Node) -> list[Node]:
        children = node.named_children
        if len(children) < 3:
            self.deny("an assignment that the review cannot read", node)
            return children
        left, right = children[0], core(children[-1])
        names = self.variables(left)
        whole = self.script.beginning(left).rpartition("]")[2].strip()
        alone = names == [variable_name(whole)]
        for name in names:
            self.commands.fresh.assigned(name, alone and dotnet.makes_collection(self.script, right))
        self.credentials(left, right)
        if self.downloads and DOWNLOADS.search(self.script.beginning(right)):
            self.commands.downloaded.update(f"${name}" for name in names)
        return [*self.assign(left), *children[2:]]

    def variables(self, left: Node) -> list[str]:
        """The variables that are assigned to as a whole: not those whose element or property is."""
        found: list[str] = []
        stack = [left]
        while stack:
            node = core(stack.pop())
            if node.type == "variable":
                found.append(variable_name(self.words(node)))
            elif node.type not in ("element_access", "member_access"):
                stack.extend(node.named_children)
        return found

    def parameter(self, node: Node) -> list[Node]:
        for child in node.named_children:
            if child.type == "variable":
                self.commands.fresh.assigned(variable_name(self.words(child)), False)
        return self.children(node)

    def credentials(self, left: Node, right: Node) -> None:
        value = literal(self.script, right)
        if value and len(value) > 3 and _PASSWORD.fullmatch(self.words(left)):
            self.find("ps-plain-text-password", Severity.ERROR, "a password stands in the script", right)

    def increment(self, node: Node) -> list[Node]:
        return [more for child in node.named_children for more in self.assign(child)]

    def foreach(self, node: Node) -> list[Node]:
        children = self.children(node)
        for child in children:
            if child.type == "variable":
                self.commands.fresh.assigned(variable_name(self.words(child)), False)
                return [*self.assign(child), *(other for other in children if other.id != child.id)]
        return children

    # ------------------------------------------------------------ strings

    def string(self, node: Node) -> list[Node]:
        """The expressions in a string, and a look of our own that the grammar has found them all."""
        raw = self.script.raw
        position, rest = node.start_byte, b""
        for child in node.named_children:
            rest += raw[position : child.start_byte] + b"x"
            position = child.end_byte
        rest += raw[position : node.end_byte]
        if re.search(rb"(?<!`)(?:``)*\$[({]", rest):
            self.deny("a string with an expression that the review cannot read", node)
        return node.named_children

    # ------------------------------------------------------------ types and members

    def type(self, node: Node) -> list[Node]:
        for problem in dotnet.conversion_problems(self.words(node)):
            self.deny(problem, node)
        return []

    def cast(self, node: Node) -> list[Node]:
        return node.named_children

    def comparison(self, node: Node) -> list[Node]:
        children = self.children(node)
        operator = next((self.words(one).lower() for one in children if one.type == "comparison_operator"), "")
        right = core(children[-1])
        if operator in ("-is", "-isnot") and right.type == "type_literal":
            return children[:-1]
        if operator in ("-replace", "-ireplace", "-creplace") and not dotnet.is_text(self.script, right):
            self.deny("what it puts in the place may be a block of code that is known only at run time", node)
        if operator == "-as" and right.type != "type_literal":
            self.deny("it converts to a type that is known only at run time", node)
        if operator in ("-eq", "-ne") and self.script.beginning(right, 6).lower() == "$null":
            left = self.script.beginning(core(children[0]))
            span = self.script.span(node)
            fix = (
                (Edit(span.start, span.end, f"$null {operator} {left}"),)
                if "\n" not in left and len(left) < 1000
                else None
            )
            self.report.find("ps-null-comparison", Severity.INFO,
                             "$null belongs on the left: a list is filtered, not compared", span, fix)  # fmt: skip
        return children

    def attribute(self, node: Node) -> list[Node]:
        name = next((one for one in node.named_children if one.type == "attribute_name"), None)
        if name is not None:
            for problem in dotnet.conversion_problems(f"[{self.words(name)}]"):
                self.deny(problem, node)
        return [one for one in self.children(node) if one.type != "attribute_name"]

    def attribute_argument(self, node: Node) -> list[Node]:
        parts = [core(one) for one in self.children(node)]
        return [one for one in parts if one.type != "integer_literal"]

    def member(self, node: Node) -> list[Node]:
        return dotnet.judge_member(self.script, self.report, node)

    def invocation(self, node: Node) -> list[Node]:
        return dotnet.judge_invocation(self.script, self.report, node, self.commands.fresh)

    # ------------------------------------------------------------ statements

    def function(self, node: Node) -> list[Node]:
        name = next((one for one in node.named_children if one.type == "function_name"), None)
        if node.children and self.words(node.children[0]).lower() == "workflow":
            self.deny("a workflow runs as a job of its own", node)
        if name is not None:
            self.commands.functions.add(self.words(name).lower().rpartition(":")[2])
        return self.children(node)

    def catch(self, node: Node) -> list[Node]:
        block = next((one for one in node.named_children if one.type == "statement_block"), None)
        if block is not None and not [one for one in block.named_children if one.type != "comment"]:
            self.find("ps-empty-catch", Severity.WARNING, "an error is swallowed here without a trace", node)
        return self.children(node)

    def switch_condition(self, node: Node) -> list[Node]:
        if not node.named_children and not _CONDITION.fullmatch(self.words(node).strip()):
            self.deny("a condition that the review cannot read", node)
        return self.children(node)

    def switch_file(self, node: Node) -> list[Node]:
        written = self.words(node).strip()
        self.report.effect("read", written, "switch -File", self.script.span(node))
        if not node.named_children and not PLAIN.fullmatch(written):
            self.deny("a file name that the review cannot read", node)
        return self.children(node)

    def comment(self, node: Node) -> list[Node]:
        start = self.script.span(node).start
        if start and self.script.text[start - 1] not in _BEFORE_COMMENT and self.script.text[start] == "#":
            self.deny("it is not certain that this is a comment", node)
        else:
            self.comments.append(self.script.span(node))
        return []
