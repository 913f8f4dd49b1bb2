"""A cheap HTTP client: it shares the cores with what it measures.

One process with persistent connections, each sending one request after another. The requests are
prepared bytes; of each answer the client checks only the status, the length and one word.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


def request(method: str, path: str, body: Any = None, **headers: str) -> bytes:
    """The bytes of a request; write `headers` with underscores: idempotency_key="…"."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if method != "GET":
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


@dataclass(frozen=True)
class Expected:
    """What every answer must have."""

    status: int
    word: bytes
    """Somewhere in the body."""


class UnexpectedAnswer(Exception):
    """The service gave an answer that the benchmark does not measure."""


@dataclass
class Sent:
    """Requests that were sent over all connections, and what became of them."""

    requests: Iterator[bytes]
    expected: Expected
    latencies: list[float]
    """Seconds, in the order of the answers."""
    body: bytes = b""
    """Of the last answer."""


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.done: asyncio.Future[None] | None = None
        self.received = bytearray()
        self.missing = -1
        """Bytes of the answer still to come; -1 until its head is complete."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    async def send_all(self, sent: Sent) -> None:
        """Sends requests until there are none left."""
        self.sent, self.done = sent, asyncio.get_running_loop().create_future()
        self._send_next()
        await self.done

    def _send_next(self) -> None:
        assert self.done
        if (following := next(self.sent.requests, None)) is None:
            self.done.set_result(None)
            return
        self.began = time.perf_counter()
        self.transport.write(following)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.missing < 0:
            if (end := self.received.find(b"\r\n\r\n")) < 0:
                return
            self.head = bytes(self.received[: end + 4])
            self.missing = _length(self.head) + len(self.head)
        if len(self.received) >= self.missing:
            self._answered()

    def _answered(self) -> None:
        assert self.done
        sent, body = self.sent, bytes(self.received[len(self.head) :])
        sent.latencies.append(time.perf_counter() - self.began)
        status = int(self.head[9:12])
        if status != sent.expected.status or sent.expected.word not in body:
            self.done.set_exception(UnexpectedAnswer(f"{status} {body[:500]!r}"))
            return
        sent.body = body
        self.received.clear()
        self.missing = -1
        self._send_next()

    def connection_lost(self, error: Exception | None) -> None:
        if self.done and not self.done.done():
            self.done.set_exception(error or UnexpectedAnswer("the connection was closed"))


def _length(head: bytes) -> int:
    """Raises UnexpectedAnswer if the answer does not say how long it is."""
    _, separator, rest = head.lower().partition(b"\r\ncontent-length:")
    if not separator:
        raise UnexpectedAnswer(f"no Content-Length: {head!r}")
    return int(rest[: rest.index(b"\r\n")])


class Client:
    """A number of open connections to one port of this machine."""

    def __init__(self, port: int, connections: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._connections = [
            self._loop.run_until_complete(
                self._loop.create_connection(_Connection, "127.0.0.1", port)
            )[1]
            for _ in range(connections)
        ]

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.transport.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def send(self, requests: Sequence[bytes], expected: Expected) -> Sent:
        """Sends all requests, as fast as the answers come. Raises UnexpectedAnswer."""
        sent = Sent(iter(requests), expected, [])

        async def send_all() -> None:
            await asyncio.gather(*(one.send_all(sent) for one in self._connections))

        self._loop.run_until_complete(send_all())
        return sent
