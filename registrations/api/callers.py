"""Who sends a request, as its token tells."""

from dataclasses import dataclass
from typing import Any, cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from audit import trail
from audit.trail import Actor
from registrations.errors import HouseholdNotResolved
from registrations.models import HouseholdMember

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
            claimed_household_id=_as_id(claims.get(household_claim)),
            is_staff=not _STAFF_ROLES.isdisjoint(_roles(claims)),
        )

    @property
    def actor(self) -> Actor:
        subject = self.subject or f"household {self.claimed_household_id}"
        return trail.staff(subject) if self.is_staff else trail.participant(subject)

    @property
    def key_space(self) -> str:
        """Whose `Idempotency-Key`s these are."""
        return f"{self.issuer}|{self.actor.kind}|{self.actor.id}|{self.claimed_household_id}"

    def household_id(self) -> int:
        """The household of the claim, else of the member whose user this is (one query).

        Raises HouseholdNotResolved.
        """
        if self.claimed_household_id is not None:
            return self.claimed_household_id
        if (user_id := _as_id(self.subject)) is not None:
            members = HouseholdMember.objects.filter(
                user_id=user_id, is_active=True, household__deleted_on=None
            )
            household_id = members.order_by("pk").values_list("household_id", flat=True).first()
            if household_id is not None:
                return household_id
        raise HouseholdNotResolved


def _as_id(claim: Any) -> int | None:
    """A number, or one written as a string, within BIGINT; else None."""
    text = str(claim)
    if isinstance(claim, bool) or not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    return int(text) if 0 < int(text) < _BIGINT else None


def _roles(claims: dict[str, Any]) -> set[str]:
    roles: set[str] = set()
    for name in ("roles", "groups", "cognito:groups"):
        value = claims.get(name) or []
        if isinstance(value, str):
            value = value.replace(",", " ").split()
        if isinstance(value, list):
            roles |= {role.lower() for role in value if isinstance(role, str)}
    return roles


class IsStaff(BasePermission):
    """Staff only."""

    message = "Only staff may do this."

    def has_permission(self, request: Request, view: Any) -> bool:
        return caller_of(request).is_staff


def caller_of(request: Request) -> Caller:
    """The caller that authentication has put on the request."""
    return cast(Caller, request.user)
