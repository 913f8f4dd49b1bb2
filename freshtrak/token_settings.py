"""Which secrets and keys the service takes: long enough, its own, and fit for the algorithm."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from freshtrak.environment import Environment

HMAC = {"HS256": 32, "HS384": 48, "HS512": 64}
"""Algorithms with a shared secret, and how many bytes it needs at least."""
PUBLIC_KEY = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
FOR_TRIALS = "only-for-trying-out-on-your-own-machine"
_EXAMPLES = (
    FOR_TRIALS,
    "django-insecure-",
    "change-me",
    "changeme",
    "a-string-secret-at-least-256-bits-long",  # of jwt.io
)
_HOW = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))' prints one"


def secret(env: Environment, name: str, *, debug: bool, least: int = 32) -> str:
    """A secret of at least this many bytes that is no example; with `debug`, any, or a default."""
    value = env.str(name)
    if debug:
        return value or f"{FOR_TRIALS}:{name}".ljust(least, "-")
    if not value:
        env.wrong(name, f"set a random secret of {least} bytes or more; {_HOW}")
    elif len(value.encode()) < least:
        length = f"has {len(value.encode())} of the {least} bytes it needs"
        env.wrong(name, f"set a random secret; {_HOW}", holds=length)
    elif value.lower().startswith(_EXAMPLES):
        env.wrong(name, f"set a random secret; {_HOW}", holds="is an example that everybody knows")
    return value


@dataclass(frozen=True)
class TokenSettings:
    algorithm: str
    leeway: timedelta
    issuer: str | None
    audience: str | None
    signing_key: str = field(default="", repr=False)
    verifying_key: str = ""
    jwks_url: str | None = None

    def for_simple_jwt(self) -> dict[str, Any]:
        return {
            "ALGORITHM": self.algorithm,
            "SIGNING_KEY": self.signing_key,
            "VERIFYING_KEY": self.verifying_key,
            "JWK_URL": self.jwks_url,
            "ISSUER": self.issuer,
            "AUDIENCE": self.audience,
            "LEEWAY": self.leeway,
        }


def read(env: Environment, *, debug: bool) -> TokenSettings:
    """The variables JWT_…; what is wrong with them is noted in `env`."""
    algorithm = env.choice("JWT_ALGORITHM", "HS256", (*HMAC, *PUBLIC_KEY))
    issuer, audience = env.str("JWT_ISSUER") or None, env.str("JWT_AUDIENCE") or None
    leeway = timedelta(seconds=env.int("JWT_LEEWAY", default=30, maximum=300))
    if algorithm in HMAC:
        if env.str("JWT_JWKS_URL"):
            env.wrong(
                "JWT_JWKS_URL", f"JWT_ALGORITHM={algorithm} uses none; set RS256, or remove the URL"
            )
        key = secret(env, "JWT_SIGNING_KEY", debug=debug, least=HMAC[algorithm])
        # Our own clock: no token of ours is used later than it says.
        return TokenSettings(algorithm, timedelta(0), issuer, audience, signing_key=key)
    url = _jwks_url(env)
    if url and not debug:
        _require_issuer_and_audience(env)
    verifying_key = env.str("JWT_VERIFYING_KEY", multiline=True)
    if not (url or verifying_key):
        env.wrong(
            "JWT_JWKS_URL",
            f"JWT_ALGORITHM={algorithm} needs JWT_JWKS_URL or JWT_VERIFYING_KEY "
            "(the identity provider's public key, PEM)",
        )
    _check_pem(env, "JWT_VERIFYING_KEY", verifying_key, algorithm)
    signing_key = "" if url else _private_key(env, algorithm)
    return TokenSettings(algorithm, leeway, issuer, audience, signing_key, verifying_key, url)


def _jwks_url(env: Environment) -> str | None:
    url = env.str("JWT_JWKS_URL")
    try:
        is_wrong = urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname
    except ValueError:  # brackets that do not match
        is_wrong = True
    if url and is_wrong:
        env.wrong("JWT_JWKS_URL", "set a URL such as https://idp.example.org/.well-known/jwks.json")
    return url or None


def _require_issuer_and_audience(env: Environment) -> None:
    """Who signs for one service often signs for others: their tokens are not for us."""
    for name, meaning in {
        "JWT_ISSUER": "the provider's `iss`",
        "JWT_AUDIENCE": "the `aud` or, with Cognito, the `client_id` of tokens for this service",
    }.items():
        if not env.str(name):
            env.wrong(name, f"JWT_JWKS_URL needs it: set {meaning}")


def _private_key(env: Environment, algorithm: str) -> str:
    """What signs tokens of this service's own accounts; a secret without PEM signs none here."""
    key = env.str("JWT_SIGNING_KEY", multiline=True)
    if not key.startswith("-----BEGIN"):
        return ""
    _check_pem(env, "JWT_SIGNING_KEY", key, algorithm)
    return key


def _check_pem(env: Environment, name: str, key: str, algorithm: str) -> None:
    if not key:
        return
    from jwt import PyJWS  # with it comes cryptography, which HMAC does not need
    from jwt.exceptions import InvalidKeyError

    try:
        PyJWS().get_algorithm_by_name(algorithm).prepare_key(key)
    except (InvalidKeyError, TypeError, ValueError):
        accepted = f"set a PEM key for {algorithm}, with \\n between its lines"
        env.wrong(name, accepted, holds="cannot be used")
