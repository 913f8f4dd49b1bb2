"""The API in tests: who calls it, and what a problem document must contain."""

from typing import Any

from rest_framework.test import APIClient

from registrations.models import Household

PATH = "/api/v1/registrations/"


def as_(client: APIClient, token: str) -> APIClient:
    client.credentials(HTTP_AUTHORIZATION=token)
    return client


def attendees(household: Household) -> list[int]:
    return list(household.members.values_list("pk", flat=True))


def problem(response: Any) -> tuple[int, str]:
    """Status and code of a problem document, after checking that it is complete."""
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert {"type", "title", "status", "detail", "code"} <= set(body)
    assert body["status"] == response.status_code
    return response.status_code, body["code"]
