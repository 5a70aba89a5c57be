"""A command or an option without documentation fails the build."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module

import pytest
from headless_console import Console, terminal

from opsconsole import __version__
from opsconsole.cli.main import COMMANDS, main


def parsers() -> Iterator[argparse.ArgumentParser]:
    for name in ["run", *COMMANDS]:
        pending = [import_module(f"opsconsole.cli.{name}").build()]
        while pending:
            parser = pending.pop()
            yield parser
            for action in parser._actions:
                if isinstance(action, argparse._SubParsersAction):
                    pending.extend(action.choices.values())


every_parser = pytest.mark.parametrize("parser", list(parsers()), ids=lambda parser: parser.prog)


@every_parser
def test_every_command_and_every_option_has_help(parser: argparse.ArgumentParser) -> None:
    assert parser.description
    for action in parser._actions:
        if not isinstance(action, argparse._SubParsersAction):
            assert action.help, f"{parser.prog} {action.option_strings or action.dest}"


@every_parser
def test_help_goes_to_stdout_and_leaves_with_0(
    parser: argparse.ArgumentParser, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main([*parser.prog.split()[1:], "--help"]) == 0
    out, err = capfdbinary.readouterr()
    assert out.startswith(f"usage: {parser.prog}".encode())
    assert err == b""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples(name: str) -> None:
    assert f"opsconsole {name}" in str(import_module(f"opsconsole.cli.{name}").build().epilog)


def test_the_help_names_every_command_and_every_exit_code(console: Console) -> None:
    text = console.run("--help").stdout.decode()
    assert all(f"\n  {name} " in text for name in COMMANDS)
    assert all(code in text for code in ("124", "125", "126", "127", "128+N", "130"))
    assert "examples:" in text


def test_the_version(console: Console) -> None:
    assert console.run("--version").stdout.decode() == f"opsconsole {__version__}\n"


def test_without_a_terminal_the_console_points_to_run(console: Console) -> None:
    done = console.run()
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--run" in done.stderr


def test_a_dumb_terminal_is_pointed_to_run(console: Console) -> None:
    with terminal(console, TERM="dumb") as screen:
        assert b"--run" in screen.read_to_end()
        assert screen.process.wait(20) == 2
