"""Real receivers on loopback: an SMTP and an HTTP server that fail, hang, refuse, redirect and drip on demand."""

from __future__ import annotations

import base64
import contextlib
import http.server
import queue
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WAIT_S = 60.0
"""How long a test waits for an event before it fails; never the time that it takes."""


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[["_Handler"], None]


class HttpReceiver:
    """Takes each POST by the next of `answers`, the last one for all further ones."""

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answers = list(answers) or [status(200)]
        self.requests: queue.Queue[Request] = queue.Queue()
        self.let_go = threading.Event()
        """Ends what hangs."""
        self._server = _HttpServer(("127.0.0.1", 0), _Handler)
        self._server.receiver = self
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook?a=1"
        if tls is not None:  # before its thread asks for the socket: for a moment there is none
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> HttpReceiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def got(self) -> Request:
        return self.requests.get(timeout=WAIT_S)

    @property
    def silent(self) -> bool:
        return self.requests.empty()

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class _HttpServer(http.server.ThreadingHTTPServer):
    receiver: HttpReceiver
    daemon_threads = True
    block_on_close = False


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _HttpServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver = self.server.receiver
        answer = receiver.next_answer()
        receiver.requests.put(Request(self.path, {name.lower(): v for name, v in self.headers.items()}, body))
        with contextlib.suppress(OSError):
            answer(self)

    do_GET = do_POST  # noqa: N815 - the standard library's name; a redirect that was followed would come as one

    def log_message(self, format: str, *args: Any) -> None:
        pass


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(handler: _Handler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hang(handler: _Handler) -> None:
    """No answer at all until the test is over."""
    handler.server.receiver.let_go.wait(WAIT_S)


def drip(handler: _Handler) -> None:
    """Headers that come a byte at a time, each well within the timeout, without an end."""
    handler.wfile.write(b"HTTP/1.1 500 Slow\r\nX-Slow: ")
    while not handler.server.receiver.let_go.wait(0.02):
        handler.wfile.write(b"z")


def drip_body(handler: _Handler) -> None:
    """An error whose explanation never ends."""
    handler.wfile.write(b"HTTP/1.1 400 Bad\r\n\r\n")
    while not handler.server.receiver.let_go.wait(0.02):
        handler.wfile.write(b"z")


def huge(handler: _Handler) -> None:
    """Headers are right, then more than anybody wants to read."""
    handler.wfile.write(b"HTTP/1.1 400 Bad\r\n\r\n")
    for _ in range(2000):
        handler.wfile.write(b"y" * 65536)


def hang_up(handler: _Handler) -> None:
    """The connection ends without an answer."""
    handler.connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port that nobody listens on, and that nobody else is given meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@dataclass
class Mail:
    sender: str
    to: list[str]
    data: bytes
    encrypted: bool
    user: str | None


@dataclass
class SmtpReceiver:
    """An SMTP server. `answers` maps a verb (CONNECT, EHLO, MAIL, RCPT, DATA, END, AUTH) to lines to give in turn in
    place of the usual one: "451 later", "hang", "drop", "drip".
    """

    answers: dict[str, list[str]] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    encrypted_at_once: bool = False
    password: str = ""

    def __post_init__(self) -> None:
        self.answers = {verb: list(lines) for verb, lines in self.answers.items()}
        self.mails: queue.Queue[Mail] = queue.Queue()
        self.heard: queue.Queue[str] = queue.Queue()
        self.let_go = threading.Event()
        self._server = _SmtpServer(("127.0.0.1", 0), _Session)
        self._server.receiver = self
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> SmtpReceiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def got(self) -> Mail:
        return self.mails.get(timeout=WAIT_S)


class _SmtpServer(socketserver.ThreadingTCPServer):
    receiver: SmtpReceiver
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


class _EndedError(Exception):
    pass


class _Session(socketserver.StreamRequestHandler):
    server: _SmtpServer

    def handle(self) -> None:
        self.receiver = self.server.receiver
        self.encrypted, self.user = False, None
        self.mail_from, self.to = "", []
        with contextlib.suppress(OSError, _EndedError):
            if self.receiver.encrypted_at_once:
                self._encrypt()
            self._say("CONNECT", "220 receiver.test ESMTP")
            while line := self.rfile.readline(2000):
                self._command(line.decode("utf-8", "replace").rstrip("\r\n"))

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def _command(self, line: str) -> None:
        verb = line.split(" ")[0].upper()
        self.receiver.heard.put(line)
        if verb == "EHLO":
            extras = ["8BITMIME"] + (["STARTTLS"] if self.receiver.tls and not self.encrypted else [])
            extras += ["AUTH PLAIN"] if self.receiver.password else []
            lines = ["receiver.test", *extras]
            self._say(verb, "\r\n".join(f"250{'-' if n + 1 < len(lines) else ' '}{x}" for n, x in enumerate(lines)))
        elif verb == "STARTTLS":
            self._say(verb, "220 go ahead")
            self._encrypt()
        elif verb == "AUTH":
            _, name, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
            right = password == self.receiver.password
            self.user = name if right else None
            self._say(verb, "235 welcome" if right else "535 5.7.8 authentication failed")
        elif verb == "MAIL":
            self.mail_from, self.to = line[10:].split(">")[0].strip("<"), []
            self._say(verb, "250 ok")
        elif verb == "RCPT":
            if self._say(verb, "250 ok").startswith("250"):
                self.to.append(line[8:].split(">")[0].strip("<"))
        elif verb == "DATA":
            if self._say(verb, "354 end with a point").startswith("354"):
                self._data()
        elif verb == "QUIT":
            self._say(verb, "221 bye")
            raise _EndedError
        else:
            self._say(verb, "250 ok")

    def _data(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        if self._say("END", "250 2.0.0 queued").startswith("250"):
            self.receiver.mails.put(Mail(self.mail_from, self.to, b"".join(lines), self.encrypted, self.user))

    def _say(self, verb: str, usual: str) -> str:
        given = self.receiver.answers.get(verb, [])
        said = given.pop(0) if given else usual
        if said == "hang":
            self.receiver.heard.put(f"hangs at {verb}")
            self.receiver.let_go.wait(WAIT_S)
        if said in ("hang", "drop"):
            self.connection.shutdown(socket.SHUT_RDWR)
            raise _EndedError
        while said == "drip" and not self.receiver.let_go.wait(0.02):
            self.connection.sendall(b"220-more\r\n")
        self.connection.sendall(said.encode() + b"\r\n")
        return said

    def _encrypt(self) -> None:
        assert self.receiver.tls is not None
        self.connection = self.receiver.tls.wrap_socket(self.request, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.encrypted = True


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context and the certificate to trust it by, for localhost. Needs openssl."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert
