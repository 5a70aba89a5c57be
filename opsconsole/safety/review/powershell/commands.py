"""Commands: their name, their arguments bound as PowerShell binds them, and what the catalogue says they do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from opsconsole.safety.review.model import HARMLESS, Edit, Judgement, Severity, Source, Span
from opsconsole.safety.review.nested import Shell
from opsconsole.safety.review.powershell import dangers, programs
from opsconsole.safety.review.powershell.catalogue import Catalogue, Cmdlet, Parameter, catalogue
from opsconsole.safety.review.powershell.dotnet import Fresh, conversion_problems
from opsconsole.safety.review.powershell.grammar import Script
from opsconsole.safety.review.powershell.report import Report
from opsconsole.safety.review.powershell.values import (
    PLAIN,
    REDIRECTION,
    Argument,
    Call,
    core,
    literal,
    unescape,
    value_of,
)

if TYPE_CHECKING:
    from tree_sitter import Node

Inner = Callable[[Source, Shell | None, int], Judgement]
"""The judge of this language, for programs inside a program."""

_NAME = re.compile(r"[\w.\\/:?%+~ ()-]+")
_MODULE = re.compile(
    r"microsoft\.powershell\.(?:management|utility|core|security|diagnostics|host)\\([\w-]+)", re.IGNORECASE
)
_RANGE = re.compile(r"\d+\.\.\d+")
_MERGE = re.compile(r"[1-6*]>&[12]")
_VARIABLE_NAME = re.compile(r"\w+")
_SHARE = re.compile(r"(?:^|::)[\\/]{2}([^\\/]+)")
_COMMAND_NAME = re.compile(r"[\w*?-]+")


class Commands:
    """All commands of one script."""

    def __init__(self, script: Script, report: Report, inner: Inner) -> None:
        self.script = script
        self.report = report
        self.inner = inner
        self.table: Catalogue = catalogue()
        self.functions: set[str] = set()
        self.downloaded: set[str] = set()
        self.fresh = Fresh()
        self._unknown: list[tuple[Call, str]] = []

    # ------------------------------------------------------------ the name

    def judge(self, node: Node) -> list[Node]:
        """One command; returns the nodes in it that are to be walked."""
        operator = next((one for one in node.named_children if one.type == "command_invokation_operator"), None)
        name = node.child_by_field_name("command_name")
        if name is None:
            self.report.deny("a command without a name", self.script.span(node))
            return list(node.named_children)
        if name.type == "command_name_expr":
            inner = core(name.named_children[0]) if name.named_children else name
            if inner.type in ("script_block_expression",):
                return [inner, *self._walk_arguments(node)]
            if inner.type == "path_command_name" and not any(c.type == "variable" for c in inner.named_children):
                text: str | None = unescape(self.script.words(inner))
            else:
                text = literal(self.script, inner)
            if text is None:
                return self._dynamic(node, inner)
            name = inner
        else:
            text = literal(self.script, name)
        written = self.script.words(name)
        if text is None:
            return self._dynamic(node, name)
        if _RANGE.fullmatch(text) and operator is None:
            return self._walk_arguments(node)
        call = self._call(node, text, written, self.script.span(name))
        if "`" in written or (name.type == "command_name" and ("'" in written or '"' in written)):
            self.report.find("ps-obfuscated-name", Severity.ERROR,
                             f"the name of {text} is written so that it is hard to see", call.name_span)  # fmt: skip
            self.report.deny("the name of a command is disguised", call.name_span)
        if operator is not None and self.script.words(operator) == "." and not self._is_cmdlet(call.name):
            self.report.deny("it runs another script in place of itself", call.span)
        return self._named(call)

    def _dynamic(self, node: Node, name: Node) -> list[Node]:
        span = self.script.span(name)
        self.report.find("ps-dynamic-command", Severity.WARNING, "the command is known only at run time", span)
        self.report.effect("execute", None, self.script.words(name)[:80], span)
        self.report.deny("which command it runs is known only at run time", span)
        dangers.dynamic(self.report, self.script.words(name).lower(), span)
        return [name, *self._walk_arguments(node)]

    def _is_cmdlet(self, name: str) -> bool:
        return name.lower() in self.functions or self.table.cmdlet(name) is not None

    def _call(self, node: Node, text: str, written: str, span: Span) -> Call:
        module = _MODULE.fullmatch(text)
        call = Call(node, module[1] if module else text, written, span, self.script.span(node), [])
        call.arguments = self._arguments(node)
        for argument in call.arguments:
            if argument.parameter is not None:
                call.literals.append(argument.parameter)
            if argument.value is not None:
                call.literals.extend(argument.value.items)
        return call

    # ------------------------------------------------------------ arguments

    def _elements(self, node: Node) -> list[Node]:
        elements = node.child_by_field_name("command_elements")
        return [] if elements is None else elements.named_children

    def _arguments(self, node: Node) -> list[Argument]:
        found: list[Argument] = []
        glued = False
        for element in self._elements(node):
            if element.type == "command_argument_sep":
                if self.script.words(element).strip().startswith(":"):
                    glued = True
                continue
            if element.type in ("redirection", "comment"):
                continue
            span = self.script.span(element)
            if element.type == "command_parameter":
                found.append(Argument(self.script.words(element), None, span))
                continue
            if element.type == "stop_parsing":
                self.report.deny("everything after --% reaches a program as it is", span)
            if element.type == "generic_token" and not self._token(element):
                continue
            value = value_of(self.script, element)
            if glued and found and found[-1].parameter is not None and found[-1].value is None:
                found[-1].value = value
            else:
                found.append(Argument(None, value, span))
            glued = False
        return found

    def _token(self, node: Node) -> bool:
        """A bare word; False where it is no argument but a redirection, which the grammar leaves in words."""
        written = self.script.words(node)
        span = self.script.span(node)
        match = REDIRECTION.fullmatch(written)
        if match is not None and match["sign"] == "<":
            self.report.deny("a redirection that the review cannot read", span)
        elif match is not None:
            if _MERGE.fullmatch(written):
                return False
            if match["target"].lower() != "$null":
                self.report.effect("write", match["target"] or None, ">", span)
                self.report.deny("it writes into a file", span)
            return bool(match["head"])
        elif not PLAIN.fullmatch(written):
            self.report.deny("a word that the review cannot read", span)
        return True

    def _walk_arguments(self, node: Node) -> list[Node]:
        arguments = self._arguments(node)
        return [one for argument in arguments if argument.value for one in argument.value.walk]

    # ------------------------------------------------------------ what it does

    def _named(self, call: Call) -> list[Node]:
        name = call.name
        if not _NAME.fullmatch(name):
            self.report.deny("the name of a command that the review cannot read", call.name_span)
        values = [argument.value for argument in call.arguments if argument.value is not None]
        if any(value.node.type == "variable" and value.written.startswith("@") for value in values):
            self.report.deny("arguments are splatted: which ones they are is known only at run time", call.span)
        cmdlet = self.table.cmdlet(name)
        dangers.examine(self.report, self.script, call, cmdlet, self.downloaded)
        if cmdlet is not None and name.lower() not in self.functions:
            self._alias(call, cmdlet)
            self._cmdlet(call, cmdlet)
        elif programs.judge(self.report, call, self.inner):
            pass
        else:
            self._undeclared(call)
        return [node for value in values for node in value.walk]

    def _alias(self, call: Call, cmdlet: Cmdlet) -> None:
        """An alias in a script of several lines: for people who read it later."""
        if call.name.lower() == cmdlet.name.lower() or "\n" not in self.report.source.text.strip():
            return
        span = call.name_span
        self.report.find("ps-alias", Severity.INFO, f"{call.name} is an alias of {cmdlet.name}", span,
                         (Edit(span.start, span.end, cmdlet.name),))  # fmt: skip

    def _undeclared(self, call: Call) -> None:
        low = call.name.lower()
        words = self.table.native.get(low.removesuffix(".exe"))
        if words is not None:
            wrong = [word for word in call.literals if word is None or word.lower() not in words]
            if not wrong:
                return
            self.report.deny(f"{call.name} is not declared with the argument {wrong[0] or 'known only at run time'}",
                             call.span)  # fmt: skip
        verb = low.partition("-")[0] if "-" in low and "\\" not in low else ""
        kind = self.table.verbs.get(verb)
        if kind in (None, "execute"):
            self._unknown.append((call, "execute"))
        else:
            self._unknown.append((call, str(kind)))

    def finish(self) -> None:
        """What can be said only when all functions of the script are known."""
        for call, kind in self._unknown:
            if call.name.lower() in self.functions:
                continue
            target = call.name if kind == "execute" else next((word for word in call.literals if word), None)
            self.report.effect(kind, target, call.name, call.span)
            self.report.deny(f"{call.name} is not declared as read-only", call.name_span)
        for name, span in self.fresh.wrong():
            self.report.deny(f"{name} may be an object outside of the script, and it is changed", span)

    # ------------------------------------------------------------ cmdlets

    def _bind(self, call: Call, cmdlet: Cmdlet) -> list[tuple[Parameter | None, Argument]]:
        """Each argument with the parameter it belongs to; None where that is not declared."""
        bound: list[tuple[Parameter | None, Argument]] = []
        loose: list[Argument] = []
        waiting: tuple[Parameter, Argument] | None = None
        for argument in call.arguments:
            if argument.parameter is None:
                if waiting is not None:
                    waiting[1].value = argument.value
                    bound.append(waiting)
                    waiting = None
                else:
                    loose.append(argument)
                continue
            if waiting is not None:
                bound.append(waiting)
                waiting = None
            parameter = cmdlet.parameter(argument.parameter)
            if parameter is not None and parameter.takes and argument.value is None:
                waiting = (parameter, argument)
            else:
                bound.append((parameter, argument))
        if waiting is not None:
            bound.append(waiting)
        given = {parameter.name.lower() for parameter, _ in bound if parameter is not None}
        places = [place for place in cmdlet.place if place not in given]
        for index, argument in enumerate(loose):
            place = places[min(index, len(places) - 1)] if places else None
            bound.append((cmdlet.parameters.get(place or ""), argument))
        return bound

    def _cmdlet(self, call: Call, cmdlet: Cmdlet) -> None:
        report = self.report
        bound = self._bind(call, cmdlet)
        targets: list[str | None] = []
        for parameter, argument in bound:
            if parameter is None:
                what = argument.parameter or (argument.value.written if argument.value else "")
                if not set(cmdlet.does) - HARMLESS:
                    report.deny(f"{cmdlet.name} is not declared with {what[:60]}", argument.span)
                continue
            if call.name.lower() == "sort" and (argument.parameter or "").lower().startswith("-o"):
                report.deny("where sort is the program of that name, -o writes a file", argument.span)
            items: list[str | None] = [None] if argument.value is None else argument.value.items
            match parameter.kind:
                case None:
                    pass
                case "target":
                    targets += [item or (argument.value.written if argument.value else None) for item in items]
                case "variable":
                    name = (argument.value.literal or "").lower().lstrip("+") if argument.value else ""
                    self.fresh.assigned(name, False)
                    if not _VARIABLE_NAME.fullmatch(name) or name.startswith("ps"):
                        report.deny("the variable that it sets is known only at run time", argument.span)
                case "read" | "network" as kind:
                    self._reads(cmdlet, kind, argument, items)
                case kind:
                    value = (argument.value.literal or "").lower() if argument.value else ""
                    if parameter.only is not None and value in parameter.only:
                        continue
                    report.effect(kind, argument.value.literal if argument.value else None, cmdlet.name, argument.span)
                    report.deny(f"{cmdlet.name} {parameter.name} is not read-only", argument.span)
        self._effects(call, cmdlet, bound, targets)
        self._special(call, cmdlet, bound)

    def _reads(self, cmdlet: Cmdlet, kind: str, argument: Argument, items: list[str | None]) -> None:
        if kind == "read" and argument.value is not None and argument.value.node.type == "script_block_expression":
            return
        for item in items:
            name = item or (argument.value.written if argument.value else None)
            share = _SHARE.search(item or "")
            if share is not None and kind == "read":
                self.report.effect("network", share[1], cmdlet.name, argument.span)
            self.report.effect(kind, name, cmdlet.name, argument.span)

    def _effects(self, call: Call, cmdlet: Cmdlet, bound: list[tuple[Parameter | None, Argument]],
                 targets: list[str | None]) -> None:  # fmt: skip
        hosts = any(parameter is not None and parameter.kind == "network" for parameter, _ in bound)
        for kind in cmdlet.does:
            if kind == "network" and hosts and kind in HARMLESS:
                continue
            for target in targets or [None]:
                self.report.effect(kind, target, cmdlet.name, call.span)
            if kind not in HARMLESS:
                self.report.deny(f"{cmdlet.name} is not read-only", call.name_span)
        given = {parameter.name.lower() for parameter, _ in bound if parameter is not None}
        if cmdlet.needs is not None and cmdlet.needs.lower() not in given:
            self.report.deny(f"{cmdlet.name} is read-only with {cmdlet.needs} alone", call.name_span)

    def _special(self, call: Call, cmdlet: Cmdlet, bound: list[tuple[Parameter | None, Argument]]) -> None:
        """Commands whose words are more than words."""
        report = self.report
        if cmdlet.name == "ForEach-Object":
            for parameter, argument in bound:
                if parameter is None or parameter.name not in ("-Process", "-RemainingScripts") or not argument.value:
                    continue
                for item in argument.value.items:
                    node = argument.value.node
                    if node.type == "script_block_expression" and item is None:
                        continue
                    if item is None or item.lower() not in self.table.properties:
                        report.deny(f"it may call the method {item or 'known only at run time'} of what it is given",
                                         argument.span)  # fmt: skip
        elif cmdlet.name == "Where-Object":
            for parameter, argument in bound:
                if parameter is None or parameter.name not in ("-FilterScript", "-Property") or not argument.value:
                    continue
                if argument.value.literal is None and argument.value.node.type != "script_block_expression":
                    report.deny("what it filters by may be code that is known only at run time", argument.span)
        elif cmdlet.name == "Get-Command":
            for parameter, argument in bound:
                if parameter is not None and parameter.name == "-Name" and argument.value:
                    for item in argument.value.items:
                        if item is None or not _COMMAND_NAME.fullmatch(item):
                            report.deny("it may give the code of a script", argument.span)
        elif cmdlet.name == "New-Object":
            for parameter, argument in bound:
                if parameter is not None and parameter.name == "-TypeName" and argument.value:
                    name = argument.value.literal
                    problems = conversion_problems(f"[{name}]") if name else ["a type known only at run time"]
                    for problem in problems:
                        report.deny(problem, argument.span)
                        report.effect("execute", None, "New-Object", argument.span, f"an object of {name or 'a type'}")
