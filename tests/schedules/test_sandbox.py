import pytest
from django.core.exceptions import ImproperlyConfigured

from schedules import sandbox


def test_tables_are_made_in_an_empty_database_only() -> None:
    with pytest.raises(ImproperlyConfigured, match="already has tables"):
        sandbox.create_tables()
