"""An identity provider over real HTTP, which can be down, slow, silent or out of its mind."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

ISSUER, AUDIENCE = "https://idp.example", "freshtrak"


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key: rsa.RSAPrivateKey, key_id: str, **members: Any) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, **members}


class Provider:
    """Publishes `keys`; `behave` answers the requests and counts them."""

    def __init__(self) -> None:
        self.signing_key = rsa_key()
        self.keys = [jwk(self.signing_key, "1", use="sig", alg="RS256")]
        self.asked = 0
        self.behave: Callable[[Any], None] = self.answer
        self.go_on = threading.Event()
        """Ends `hang`."""
        self.url = ""

    def token(self, key_id: str = "1", key: Any = None, **claims: Any) -> str:
        own = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u", "exp": int(time.time()) + 600}
        claims = {k: v for k, v in {**own, **claims}.items() if v is not None}
        return jwt.encode(claims, key or self.signing_key, "RS256", headers={"kid": key_id})

    def answer(self, request: Any) -> None:
        self.send(json.dumps({"keys": self.keys}).encode())(request)

    def send(self, body: bytes, status: int = 200, **headers: str) -> Callable[[Any], None]:
        def behave(request: Any) -> None:
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(body)

        return behave

    def hang(self, request: Any) -> None:
        self.go_on.wait(30)

    def drip(self, request: Any) -> None:
        """A byte now and then: never silent for long, never done."""
        request.send_response(200)
        request.end_headers()
        while not self.go_on.wait(0.1):
            request.wfile.write(b" ")


@contextmanager
def running() -> Iterator[Provider]:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked += 1
            provider.behave(self)

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: Any) -> None:
            """A client that has gone is none of the test's matter."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    provider.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
    try:
        yield provider
    finally:
        provider.go_on.set()
        server.shutdown()
        server.server_close()
