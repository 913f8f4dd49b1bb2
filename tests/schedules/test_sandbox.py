import pytest
from django.core.exceptions import ImproperlyConfigured

from schedules import sandbox


def test_tables_are_created_only_in_an_empty_database() -> None:
    with pytest.raises(ImproperlyConfigured, match="already has tables"):
        sandbox.create_tables()
