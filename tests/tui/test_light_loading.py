"""What is left out when the console loads, and is there for whoever asks for it."""

from __future__ import annotations

import subprocess
import sys

_LOADED = """
import sys
from opsconsole.tui.light_loading import defer_types, load_asyncio
load_asyncio(); defer_types()
import opsconsole.tui.app, opsconsole.tui.screens.overview.screen
"""


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", _LOADED + code], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_neither_tls_nor_widgets_that_are_never_shown_are_loaded_before_the_first_frame() -> None:
    wanted = "ssl", "_ssl", "textual.widgets._directory_tree", "textual.widgets._select"
    assert run(f"print([name for name in {wanted!r} if name in sys.modules])") == "[]"


def test_tls_is_there_for_who_sends_mail() -> None:
    code = "import ssl, smtplib, urllib.request; print(type(ssl.create_default_context()).__name__, smtplib._have_ssl)"
    assert run(code) == "SSLContext True"


def test_the_loop_does_what_it_is_for() -> None:
    code = """
import asyncio
async def main():
    server = await asyncio.start_server(lambda reader, writer: (writer.write(b"here"), writer.close()), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    said = await reader.read()
    writer.close()
    server.close()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(1)", stdout=-1)
    return said, (await process.communicate())[0], await asyncio.to_thread(int, "7")
print(asyncio.run(main()))
"""
    assert run(code) == r"(b'here', b'1\n', 7)"


def test_types_are_loaded_when_somebody_asks_for_more_than_textual_does() -> None:
    code = """
from textual._types import CallbackType as wanted
from textual.types import CallbackType
print(CallbackType is wanted, "textual.widgets._select" in sys.modules)
from textual.types import DirEntry, NoSelection
from textual.widgets._select import NoSelection as same
import textual.types
print(NoSelection is same, textual.types.CallbackType is wanted, hasattr(textual.types, "nothing"))
"""
    assert run(code) == "True False\nTrue True False"


def test_what_is_loaded_already_is_left_alone() -> None:
    code = "import ssl, asyncio; load_asyncio(); defer_types(); print(sys.modules['ssl'] is ssl)"
    assert run(code) == "True"
