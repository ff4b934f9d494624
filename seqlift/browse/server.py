"""A server of one page on loopback: it serves the files of a site, and no other.

Addresses hold a random token, so that no other page or user of the machine can guess them; names
are looked up among those of the site, never in a folder. Ranges of bytes are those of RFC 9110,
section 14: https://www.rfc-editor.org/rfc/rfc9110#section-14
"""

import hmac
import io
import re
import secrets
from contextlib import closing
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os import SEEK_END
from pathlib import Path
from socketserver import TCPServer
from typing import BinaryIO

from seqlift.browse.frame import POLICY
from seqlift.browse.site import PAGE, Content, Site
from seqlift.errors import InputError

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".fa": "text/plain; charset=utf-8",
    ".fai": "text/plain; charset=utf-8",
    ".bed": "text/plain; charset=utf-8",
}
OTHER = "application/octet-stream"

SENT_AT_ONCE = 1 << 20

RANGE = re.compile("bytes=([0-9]{0,18})-([0-9]{0,18})")


class SiteServer(ThreadingHTTPServer):
    """Serves a site at ``http://HOST:PORT/TOKEN/``.

    Raises InputError where the address or port cannot be had.
    """

    daemon_threads = True

    def __init__(self, site: Site, *, host: str, port: int) -> None:
        self.site, self.token = site, secrets.token_urlsafe(16)
        try:
            super().__init__((host, port), SiteRequest)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(
                f"--host {host} --port {port}: cannot listen there ({reason}); leave out --host and"
                " --port"
            ) from error

    def server_bind(self) -> None:
        """Take the port, without asking a name server what this machine is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", int(self.server_address[1])

    @property
    def address(self) -> str:
        """Write the address of the page."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/{self.token}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a reader who went away."""


class SiteRequest(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "seqlift", ""
    timeout = 60
    server: SiteServer

    def do_GET(self) -> None:  # the name that http.server looks for
        """Send a file, or a range of its bytes."""
        self.answer(with_body=True)

    def do_HEAD(self) -> None:
        """Send the size and type of a file."""
        self.answer(with_body=False)

    def answer(self, *, with_body: bool) -> None:
        """Send what the address stands for, or 404."""
        name = self.name()
        content = None if name is None else self.server.site.content(name)
        if name is None or content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            file = open_content(content)
        except OSError:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with closing(file):
            size = file.seek(0, SEEK_END)
            wanted = byte_range(self.headers.get("Range"), size)
            if wanted is None:
                self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_part(name, size, wanted)
            if with_body:
                self.copy(file, wanted)

    def name(self) -> str | None:
        """Find the name that is asked for, None where the token is wrong."""
        parts = self.path.partition("?")[0].split("/")
        if len(parts) != len(("", "token", "name")):
            return None
        _, token, name = parts
        # In a time that does not depend on where they differ.
        same = hmac.compare_digest(token.encode(errors="replace"), self.server.token.encode())
        return (name or PAGE) if same else None

    def send_part(self, name: str, size: int, wanted: range) -> None:
        """Send status and headers of a range of bytes, or of all of a file."""
        whole = len(wanted) == size
        self.send_response(HTTPStatus.OK if whole else HTTPStatus.PARTIAL_CONTENT)
        if not whole:
            self.send_header("Content-Range", f"bytes {wanted.start}-{wanted.stop - 1}/{size}")
        self.send_header("Content-Type", CONTENT_TYPES.get(Path(name).suffix, OTHER))
        self.send_header("Content-Length", str(len(wanted)))
        self.end_headers()

    def copy(self, file: BinaryIO, wanted: range) -> None:
        """Send a range of bytes."""
        file.seek(wanted.start)
        left = len(wanted)
        while left and (data := file.read(min(left, SENT_AT_ONCE))):
            self.wfile.write(data)
            left -= len(data)
        self.close_connection = self.close_connection or bool(left)  # the file became shorter

    def end_headers(self) -> None:
        """Add what holds for every answer."""
        self.send_header("Accept-Ranges", "bytes")
        # the next page of this port may have other files of these names
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: addresses hold the token."""


def open_content(content: Content) -> BinaryIO:
    return content.open("rb") if isinstance(content, Path) else io.BytesIO(content)


def byte_range(header: str | None, size: int) -> range | None:
    """Find which bytes a header asks for, None where the file has none of them.

    A header that is not a single range of bytes asks for all, as the specification allows.
    """
    found = RANGE.fullmatch((header or "").strip())
    if found is None or not (found[1] or found[2]):
        return range(size)
    if not found[1]:
        start, stop = max(0, size - int(found[2])), size  # bytes=-N: the last N
    else:
        start, stop = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
        if found[2] and int(found[2]) < int(found[1]):
            return range(size)
    return range(start, stop) if start < stop else None
