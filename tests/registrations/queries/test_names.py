import re

import pytest

from registrations.queries import names
from tests.support import factories


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Jonson", "Johnson"),  # a letter missing
        ("Johnnson", "Johnson"),  # one too many
        ("Johnsen", "Johnson"),  # one wrong
        ("Jonhson", "Johnson"),  # two swapped
        ("Stevens", "Stephens"),  # one written as two
        ("Kohnson", "Johnson"),  # the first one
        ("nguyen", "Nguyen"),
    ],
)
def test_typo_pattern_matches(typed: str, meant: str) -> None:
    assert re.fullmatch(str(names.typo_pattern(typed)), meant, re.IGNORECASE)


@pytest.mark.parametrize("word", ["Ann", "1234", "O'Hara", "a.*b", ""])
def test_typo_pattern_leaves_short_words_and_non_words_alone(word: str) -> None:
    assert names.typo_pattern(word) is None


def test_exact_spellings_come_before_similar_ones() -> None:
    for name in ("Johnson", "Jonson", "Rivera"):
        factories.HouseholdFactory(name=name, identification_code=f"ID-{name}")
    family = factories.HouseholdFactory(name="The house on the hill", size=0)
    factories.MemberFactory(household=family, first_name="Ute", last_name="Johnston")
    factories.HouseholdFactory(name="Johnson, gone", deleted_on="2026-01-01T00:00Z")

    def search(text: str, limit: int = 9) -> list[str]:
        return [household.name for household in names.households(text, limit)]

    assert search("Jonson") == ["Jonson", "Johnson"]
    assert search("Johnson") == ["Johnson", "Jonson", "The house on the hill"]
    assert search("Johnson", limit=1) == ["Johnson"]
    assert search("ute jonston") == ["The house on the hill"]
    assert search("ID-Rivera") == ["Rivera"]
    assert search("nobody") == []
