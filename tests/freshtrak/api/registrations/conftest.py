import pytest
from rest_framework.test import APIClient

from registrations.models import Household
from tests.support import tokens
from tests.support.rest import as_


@pytest.fixture
def participant(client: APIClient, household: Household) -> APIClient:
    """A client with a token for `household`."""
    return as_(client, tokens.of_household(household))
