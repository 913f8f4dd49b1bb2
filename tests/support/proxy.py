"""A proxy between the service and one MariaDB server, for faults at a statement that a test names.

It understands just enough of the protocol to know which SQL a packet carries. A packet is three
bytes of length, one of sequence, and a payload; a command has sequence 0, and its first byte says
which command it is. The proxy does not support TLS, compression, or packets of 16 MB and more.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO, Literal, NamedTuple

COM_QUERY = b"\x00\x03"  # sequence 0, then the command
TIMEOUT = 60.0  # seconds, enough for a process to start on a busy machine

Hold = Literal["packet", "answer"]
Side = Literal["both", "client", "server"]


class Statement(NamedTuple):
    number: int  # from 1
    alias: str
    sql: str


class Trap:
    """Stops one connection at one statement, until the test releases or drops what it holds.

    What it holds outlives the client: the server's side stays open even when the client's process
    is dead, as it does while a packet is on its way. The server still executes a released packet.
    """

    def __init__(self, steps: "Steps", matches: Callable[[Statement], bool], hold: Hold) -> None:
        self.hold, self.matches = hold, matches
        self.statement: Statement | None = None
        self.answered, self.decided = threading.Event(), threading.Event()
        self._steps, self._sprung, self._dropped = steps, threading.Event(), False

    def wait(self, timeout: float = TIMEOUT) -> Statement:
        """Waits until the trap holds something; AssertionError after `timeout` seconds."""
        self._await(self._sprung, timeout)
        assert self.statement
        return self.statement

    def wait_answered(self, timeout: float = TIMEOUT) -> None:
        """Waits until the server has executed the statement, whether or not its client lives."""
        self._await(self.answered, timeout)

    def release(self) -> None:
        """Passes the packet or the answer on. Returns at once."""
        self.decided.set()

    def drop(self) -> None:
        """Loses the packet or the answer, and the connection with it. No effect after `release`."""
        self._dropped = not self.decided.is_set() or self._dropped
        self.decided.set()

    def spring(self) -> bool:
        """For the connection: waits until the test decides; returns whether to go on."""
        self._sprung.set()
        self.decided.wait()
        return not self._dropped

    def _await(self, event: threading.Event, timeout: float) -> None:
        if not event.wait(timeout):
            missing = f"an answer to {self.statement}" if self.statement else "the statement"
            sent = "".join(f"\n  {n} {alias}: {sql:.120}" for n, alias, sql in self._steps.sent)
            raise AssertionError(f"Waited {timeout} s for {missing}. Sent:{sent or ' nothing'}")


class Steps:
    """What an operation sends, numbered in order across all proxies that share the object."""

    def __init__(self) -> None:
        self.sent: list[Statement] = []
        self._traps: list[Trap] = []
        self._lock = threading.Lock()

    def trap(self, at: int | Callable[[Statement], bool], *, hold: Hold) -> Trap:
        """A trap at the statement of that number, or at the first that the predicate accepts."""
        matches = at if callable(at) else lambda statement: statement.number == at
        trap = Trap(self, matches, hold)
        with self._lock:
            self._traps.append(trap)
        return trap

    def clear(self) -> None:
        """Forgets what was sent; the next statement is number 1."""
        with self._lock:
            self.sent = []

    def drop_traps(self) -> None:
        """Drops what the traps hold, and anything that a trap springs on later."""
        with self._lock:
            for trap in self._traps:
                trap.drop()

    def see(self, alias: str, sql: str) -> Trap | None:
        """For the connection: records a statement; returns the trap that it springs, if any."""
        with self._lock:
            statement = Statement(len(self.sent) + 1, alias, sql)
            self.sent.append(statement)
            for trap in self._traps:
                if trap.statement is None and trap.matches(statement):
                    trap.statement = statement
                    return trap
        return None


class Proxy:
    """Listens on `port` of 127.0.0.1 and passes every connection on to the server."""

    def __init__(self, host: str, port: int, alias: str = "", steps: Steps | None = None) -> None:
        self.alias, self.steps = alias, steps or Steps()
        self.commands = 0
        """How many commands clients have sent, pings included: each is a round trip."""
        self.flowing = threading.Event()
        self.flowing.set()
        self._server, self._closing = (host, port), False
        self._connections: list[_Connection] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> "Proxy":
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Drops the traps, even those of a proxy that shares them, and cuts open connections."""
        self._closing = True
        self.steps.drop_traps()
        self.thaw()
        with self._listener:
            # close() does not wake a thread in accept(); a connection does.
            socket.create_connection(("127.0.0.1", self.port)).close()
            self._acceptor.join()
        for connection in self._connections:
            connection.cut()
            connection.packets.join()

    def cut(self, side: Side = "both") -> None:
        """Ends all connections; new ones can be made at once.

        With one `side`, the other does not notice: a server that lost only its client keeps the
        transaction and its locks; a client that lost only its server waits for an answer. The
        remaining side ends with the next cut or with the proxy.
        """
        for connection in self._connections:
            connection.cut(side)

    def freeze(self) -> None:
        """Passes nothing on in either direction; accepts new connections, but does not answer."""
        self.flowing.clear()

    def thaw(self) -> None:
        """Passes on what was sent since `freeze`, even by clients that are gone by now."""
        self.flowing.set()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            self.flowing.wait()
            if self._closing:
                client.close()
                return
            try:
                server = socket.create_connection(self._server)
            except OSError:
                client.close()
            else:
                self._connections.append(_Connection(self, client, server))


class _Connection:
    """A client's connection and the proxy's own to the server, with a thread for each direction."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._trap: Trap | None = None
        self._half_open = False
        self._answers = threading.Thread(target=self._pass_answers, daemon=True)
        self.packets = threading.Thread(target=self._pass_packets, daemon=True)
        self._answers.start()
        self.packets.start()

    def cut(self, side: Side = "both") -> None:
        self._half_open = side != "both"
        if side != "server":
            _shut(self._client)
        if side != "client":
            _shut(self._server)

    def _pass_packets(self) -> None:
        with self._client, self._server, self._client.makefile("rb") as stream:
            for packet in _packets(stream):
                self._pass_packet(packet)
            if not self._half_open:
                # Only this direction: the server may still be executing what it received.
                _shut(self._server, socket.SHUT_WR)
            self._answers.join()

    def _pass_packet(self, packet: bytes) -> None:
        trap = None
        self._proxy.commands += packet[3] == 0
        if packet[3:5] == COM_QUERY:
            sql = packet[5:].decode(errors="replace")
            trap = self._proxy.steps.see(self._proxy.alias, sql)
        if trap and trap.hold == "packet" and not trap.spring():
            self.cut()
            return
        self._proxy.flowing.wait()
        self._trap = trap  # whose answer comes next
        _send(self._server, packet)
        if trap:
            # Reading on would notice that the client is dead, and tell the server.
            trap.decided.wait()

    def _pass_answers(self) -> None:
        while answer := _receive(self._server):
            trap = self._trap
            if trap and not trap.answered.is_set():
                trap.answered.set()
                if trap.hold == "answer" and not trap.spring():
                    self.cut()
            self._proxy.flowing.wait()
            _send(self._client, answer)
        if not self._half_open:
            _shut(self._client)


def _packets(stream: BinaryIO) -> Iterator[bytes]:
    with contextlib.suppress(OSError):
        while len(header := stream.read(4)) == 4:
            yield header + stream.read(int.from_bytes(header[:3], "little"))


def _receive(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""


def _send(target: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):  # its reader notices that it is closed
        target.sendall(data)


def _shut(end: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        end.shutdown(how)
