"""Tokens for this service's own accounts: throttled by address, locked after repeated failures."""

from datetime import timedelta
from typing import Any

from axes.conf import settings as axes_settings
from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib.auth.models import AbstractUser
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField
from rest_framework.views import APIView
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer
from rest_framework_simplejwt.tokens import Token
from rest_framework_simplejwt.views import (
    TokenObtainPairView,
    TokenRefreshView,
    TokenVerifyView,
)

from freshtrak.api.errors import InvalidCredentials
from freshtrak.api.throttling import AddressThrottle


class _AccountView(APIView):
    """What the three views share. With an identity provider, this service has no accounts."""

    throttle_classes = (AddressThrottle,)
    throttle_scope: str

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        if not settings.JWT_SIGNING_KEY:
            raise exceptions.NotFound("The identity provider issues the tokens.")
        super().initial(request, *args, **kwargs)


class AccountSerializer(TokenObtainPairSerializer):
    """Adds the roles of the account to its tokens."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        longest = AbstractUser._meta.get_field("username").max_length  # axes has room for 255
        self.fields["username"] = CharField(write_only=True, max_length=longest)

    @classmethod
    def get_token(cls, user: object) -> Token:
        assert isinstance(user, AbstractUser)
        token = super().get_token(user)
        token["roles"] = (["staff"] if user.is_staff else []) + (
            ["admin"] if user.is_superuser else []
        )
        return token


class ObtainView(_AccountView, TokenObtainPairView):
    serializer_class = AccountSerializer
    throttle_scope = "log_in"

    @extend_schema(operation_id="token_obtain", summary="Log in")
    def post(self, request: Request, *args: object, **kwargs: object) -> Response:
        """An access token (an hour) and a refresh token (a day)."""
        _refuse_if_locked(request)
        try:
            return super().post(request, *args, **kwargs)
        except exceptions.AuthenticationFailed as error:
            _refuse_if_locked(request)  # this failure was the last one allowed
            raise InvalidCredentials from error


class RefreshView(_AccountView, TokenRefreshView):
    throttle_scope = "refresh"

    @extend_schema(operation_id="token_refresh", summary="Get a new access token")
    def post(self, request: Request, *args: object, **kwargs: object) -> Response:
        """A new access token for a refresh token."""
        return super().post(request, *args, **kwargs)


class VerifyView(_AccountView, TokenVerifyView):
    throttle_scope = "verify"

    @extend_schema(operation_id="token_verify", summary="Is this token valid?")
    def post(self, request: Request, *args: object, **kwargs: object) -> Response:
        """200 if it is valid, 401 if not."""
        return super().post(request, *args, **kwargs)


def _refuse_if_locked(request: Request) -> None:
    data = request.data if isinstance(request.data, dict) else {}
    credentials = {"username": str(data.get("username", ""))}
    if not AxesProxyHandler.is_allowed(request._request, credentials):
        cooloff: timedelta = axes_settings.AXES_COOLOFF_TIME
        raise exceptions.Throttled(wait=cooloff.total_seconds())
