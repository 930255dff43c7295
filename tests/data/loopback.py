"""A web server on the loopback interface that serves bytes, or misbehaves as told."""

from __future__ import annotations

import contextlib
import http.server
import threading
import time
from collections.abc import Iterator, Mapping


@contextlib.contextmanager
def serve(contents: Mapping[str, bytes], truncate: int = 0, silence: float = 0.0) -> Iterator[tuple[str, list[str]]]:
    """Serve `contents` by path.

    Args:
        contents: bytes by path, as in `/a.txt`; other paths answer 404.
        truncate: so many bytes of each body are held back.
        silence: seconds before an answer.

    Yields:
        The address and the list of paths that were asked for.
    """
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            time.sleep(silence)
            if self.path not in contents:
                self.send_error(404)
                return
            body = contents[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) - truncate])

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
