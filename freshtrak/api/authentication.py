"""Bearer tokens, verified and not looked up: who calls, and what that caller may do."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTStatelessUserAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token

from audit import trail
from audit.trail import Actor
from freshtrak.api import identity_provider
from registrations.errors import HouseholdNotResolved
from registrations.queries import households

_STAFF_ROLES = {"staff", "admin"}
_BIGINT = 2**63


@dataclass(frozen=True)
class Caller:
    """The holder of a verified token. Nothing about them is looked up until it is needed."""

    subject: str
    """`user_id`, else `sub`; empty if the token names nobody."""
    issuer: str
    claimed_household_id: int | None
    is_staff: bool

    is_authenticated = True

    @classmethod
    def from_claims(cls, claims: dict[str, Any], household_claim: str) -> "Caller":
        return cls(
            subject=str(claims.get("user_id", claims.get("sub", "")) or ""),
            issuer=str(claims.get("iss") or ""),
            claimed_household_id=_parse_id(claims.get(household_claim)),
            is_staff=not _STAFF_ROLES.isdisjoint(_roles(claims)),
        )

    def actor(self, request: Request) -> Actor:
        """Who acts, for the trail, together with the id of the request."""
        subject = self.subject or f"household {self.claimed_household_id}"
        kind = trail.STAFF if self.is_staff else trail.PARTICIPANT
        return Actor(kind, subject, request_id=request.META.get("HTTP_X_REQUEST_ID", ""))

    def household_id(self) -> int:
        """The household of the claim, else of the member whose user this is (one query).

        Raises HouseholdNotResolved.
        """
        if self.claimed_household_id is not None:
            return self.claimed_household_id
        if (user_id := _parse_id(self.subject)) is not None:
            household_id = households.household_id_of_user(user_id)
            if household_id is not None:
                return household_id
        raise HouseholdNotResolved


def _parse_id(claim: object) -> int | None:
    """A number, or one written as a string, within BIGINT; else None."""
    text = str(claim)
    if isinstance(claim, bool) or not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    return int(text) if 0 < int(text) < _BIGINT else None


def _roles(claims: dict[str, Any]) -> set[str]:
    """By exact value: each item of a list, or of a text with commas. "not staff" is one role."""
    roles: set[str] = set()
    for name in ("roles", "groups", "cognito:groups"):
        value = claims.get(name) or []
        if isinstance(value, str):
            value = value.split(",")
        if isinstance(value, list):
            roles |= {role.strip() for role in value if isinstance(role, str)}
    return roles


def caller_of(request: Request) -> Caller:
    """The caller that authentication has put on the request."""
    return cast(Caller, request.user)


class IsStaff(BasePermission):
    """Allows only staff."""

    message = "Only staff can do this."

    def has_permission(self, request: Request, view: object) -> bool:
        return caller_of(request).is_staff


class CallerToken(Token):
    """An access token of ours, or of an issuer that knows nothing of simplejwt's own claims.

    The token backend checks signature, algorithm, expiry, issuer and audience. This class only
    checks that the token is not meant for another purpose (a refresh token, say).
    """

    token_type = "access"  # noqa: S105
    lifetime = timedelta(hours=1)
    _token_backend = identity_provider.backend()

    def verify(self) -> None:
        self.check_exp()
        purpose = self.payload.get(api_settings.TOKEN_TYPE_CLAIM, self.token_type)
        if purpose != self.token_type or self.payload.get("token_use", "access") == "refresh":
            raise TokenError("Token has wrong type")


class TokenAuthentication(JWTStatelessUserAuthentication):
    """Makes `request.user` a Caller."""

    def get_user(self, validated_token: Any) -> Any:
        return Caller.from_claims(validated_token.payload, settings.JWT_HOUSEHOLD_CLAIM)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes the tokens in the OpenAPI document."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": (
                f"The household is the one in the claim `{settings.JWT_HOUSEHOLD_CLAIM}`, else the "
                "household of the member whose user the token names. `staff` or `admin` in "
                "`roles`, `groups` or `cognito:groups` makes the caller staff."
            ),
        }
