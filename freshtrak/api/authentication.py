"""Bearer tokens: verified, not looked up. Ours, or those of an identity provider."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework_simplejwt.authentication import JWTStatelessUserAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token

from registrations.api.callers import Caller


class CallerToken(Token):
    """An access token of ours, or of an issuer that knows nothing of simplejwt's own claims.

    Signature, algorithm, expiry, issuer and audience are checked by the token backend; here
    only that it is no token for another purpose (a refresh token, say).
    """

    token_type = "access"  # noqa: S105
    lifetime = timedelta(hours=1)

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
    """The tokens, for the schema."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": (
                f"The household is that of the claim `{settings.JWT_HOUSEHOLD_CLAIM}`, else of the "
                "member whose user the token names. `roles`, `groups` or `cognito:groups` with "
                "`staff` or `admin` make the caller staff."
            ),
        }
