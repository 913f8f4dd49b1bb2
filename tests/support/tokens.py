"""Tokens as the service itself, or an identity provider, signs them."""

import time
from typing import Any

import jwt
from django.conf import settings


def token(**claims: Any) -> str:
    """Signed with the service's key; valid for an hour unless `exp` says otherwise."""
    return jwt.encode(
        {"exp": int(time.time()) + 3600, **claims}, settings.JWT_SIGNING_KEY, algorithm="HS256"
    )


def bearer(**claims: Any) -> str:
    return f"Bearer {token(**claims)}"


def of_household(household: Any) -> str:
    return bearer(sub="7", household_id=household.pk)


def of_staff(**claims: Any) -> str:
    return bearer(sub="99", roles=["staff"], **claims)
