"""Tokens of an identity provider that publishes its keys (JWT_JWKS_URL).

Each process keeps the keys. They are fetched in the background, one fetch at a time: a request
waits only if its token cannot be judged without, and then for WAIT seconds at most. A provider that
is down costs those that know its keys nothing; the others are told to try again (503).
"""

import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.request import HTTPRedirectHandler, Request, build_opener

import jwt
import orjson
import structlog
from jwt.exceptions import InvalidTokenError, PyJWTError
from rest_framework.exceptions import APIException
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.state import token_backend

log = structlog.get_logger(__name__)

FRESH = 300.0
"""Seconds until the keys are fetched anew, behind the requests."""
OLD = 3600.0
"""Seconds after which a request waits for that fetch: the key may have been withdrawn. If the
provider does not answer, the old keys stay."""
PAUSE = 30.0
"""Seconds between the beginnings of two fetches, whatever key ids are asked for."""
RETRY = 5.0
"""Instead of PAUSE, after a fetch that failed."""
WAIT = 2.0
"""Seconds that a request waits for a fetch."""
TIMEOUT = 5.0
"""Seconds for a fetch."""
LARGEST = 256 * 1024
"""Bytes of a key set."""


class IdentityProviderUnavailable(APIException):
    status_code = 503
    default_code = "identity_provider_unavailable"
    default_detail = (
        "The identity provider does not answer, so the token cannot be verified. Try again soon."
    )


class KeySet:
    """The provider's public keys for one algorithm, by key id."""

    def __init__(self, url: str, algorithm: str) -> None:
        self._url, self._algorithm = url, algorithm
        self._keys: Mapping[str, Any] = {}
        self._fetched = self._began = float("-inf")
        self._failed = False
        self._lock = threading.Lock()  # held while a fetch is being started, never during one
        self._done = threading.Event()
        self._done.set()

    def key(self, key_id: str) -> Any:
        """The key with this id; None if the provider has none.

        Raises IdentityProviderUnavailable if the provider has not said so lately.
        """
        age = time.monotonic() - self._fetched
        if key_id in self._keys and age < FRESH:
            return self._keys[key_id]
        is_mine = self._fetch_in_background()
        # Without any key everybody waits. Otherwise only who began the fetch: somebody who invents
        # key ids while the provider hangs must not hold up one thread after the other.
        if (key_id not in self._keys or age > OLD) and (is_mine or not self._keys):
            self._done.wait(max(0.0, self._began + WAIT - time.monotonic()))
        if key_id not in self._keys and (self._failed or not self._done.is_set()):
            raise IdentityProviderUnavailable
        return self._keys.get(key_id)

    def _fetch_in_background(self) -> bool:
        """Begins a fetch, unless the last one began a moment ago; whether it did."""
        with self._lock:
            pause = RETRY if self._failed and self._done.is_set() else PAUSE
            if time.monotonic() - self._began < pause:
                return False
            self._began = time.monotonic()
            self._done.clear()
        threading.Thread(target=self._fetch, name="jwks", daemon=True).start()
        return True

    def _fetch(self) -> None:
        try:
            self._keys = _usable(_download(self._url), self._algorithm)
            self._fetched, self._failed = time.monotonic(), False
        except Exception as error:  # a provider can go wrong in every way
            self._failed = True
            log.warning("identity_provider_unavailable", error=f"{type(error).__name__}: {error}")
        finally:
            self._done.set()


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Keys come from the address that the operator trusts."""


def _download(url: str) -> Any:
    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310 (http or https)
    ends = time.monotonic() + TIMEOUT
    body = b""
    with build_opener(_NoRedirects).open(request, timeout=TIMEOUT) as response:
        while chunk := response.read1(LARGEST):
            body += chunk
            if len(body) > LARGEST or time.monotonic() > ends:
                raise ValueError(f"more than {LARGEST} bytes, or slower than {TIMEOUT} s")
    return orjson.loads(body)


def _usable(key_set: Any, algorithm: str) -> dict[str, Any]:
    """The keys for signatures by this algorithm.

    Raises ValueError if there is none: an answer like that replaces no keys.
    """
    published = key_set.get("keys") if isinstance(key_set, dict) else None
    keys = {
        jwk["kid"]: key
        for jwk in (published if isinstance(published, list) else [])
        if (key := _prepared(jwk, algorithm)) is not None
    }
    if not keys:
        raise ValueError(f"no key for {algorithm} in the answer")
    return keys


def _prepared(jwk: Any, algorithm: str) -> Any:
    """The key; None if it is for something else, or broken."""
    is_for_us = (
        isinstance(jwk, dict)
        and isinstance(jwk.get("kid"), str)
        and jwk.get("use", "sig") == "sig"
        and jwk.get("alg", algorithm) == algorithm
        and jwk.get("kty") != "oct"
    )
    if not is_for_us:
        return None
    try:
        return jwt.PyJWS().get_algorithm_by_name(algorithm).prepare_key(jwt.PyJWK(jwk).key)
    except (PyJWTError, TypeError, ValueError):
        return None


class ProviderBackend(TokenBackend):
    """simplejwt's, with our own way to the keys; and `client_id` stands in for a missing `aud`,
    because Cognito's access tokens have only that."""

    def __init__(self, *, url: str, audience: str | None, **options: Any) -> None:
        super().__init__(**options)
        self._keys = KeySet(url, self.algorithm)
        self._audience = audience

    def get_verifying_key(self, token: Any) -> Any:
        """Raises IdentityProviderUnavailable, and InvalidTokenError for no key."""
        header = jwt.get_unverified_header(token)
        key_id = header.get("kid")
        if header.get("alg") != self.algorithm or not isinstance(key_id, str):
            raise InvalidTokenError
        if (key := self._keys.key(key_id)) is None:
            raise InvalidTokenError
        return key

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        claims = super().decode(token, verify)
        if verify and self._audience is not None and self._audience not in _audiences(claims):
            raise TokenBackendError("Token is for somebody else")
        return claims


def _audiences(claims: dict[str, Any]) -> list[Any]:
    audience = claims.get("aud", claims.get("client_id"))
    return audience if isinstance(audience, list) else [audience]


def backend() -> TokenBackend:
    """What verifies the tokens of callers, as the settings say."""
    if not api_settings.JWK_URL:
        return token_backend
    return ProviderBackend(
        url=api_settings.JWK_URL,
        algorithm=api_settings.ALGORITHM,
        issuer=api_settings.ISSUER,
        audience=api_settings.AUDIENCE,
        leeway=api_settings.LEEWAY,
    )
