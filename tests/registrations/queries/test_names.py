import re

import pytest

from registrations.models import Household
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


@pytest.mark.parametrize(
    "typed",
    [
        "O'Brien-Müller",
        "obrien",
        "OBRIEN MULLER",
        "obrien-muller",
        "o’brien",
        "o brien",
        "Mueller",
        "müller",
        "Mu\u0308ller",
        "mullre",  # two letters swapped, after the hyphen
        "obrein",
    ],
)
def test_accents_apostrophes_and_hyphens_do_not_matter(typed: str) -> None:
    household = factories.HouseholdFactory(name="O'Brien-Müller", size=0)
    factories.MemberFactory(household=household, first_name="Zoë", last_name="O'Brien-Müller")
    factories.HouseholdFactory(name="Bruenner")

    assert [found.name for found in names.households(typed, 9)] == ["O'Brien-Müller"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("nguyen", "Nguyễn"),
        ("Nguyễn", "Nguyen"),
        ("strasser", "Straßer"),
        ("Straßer", "Strasser"),
        ("sorensen", "Sørensen"),
        ("soerensen", "Sørensen"),
        ("lukasz", "Łukasz"),
        ("garcia lopez", "García-López"),
        ("Garcia-Lopez", "García López"),
        ("jose", "Jose\u0301"),
        ("dangelo", "D’Angelo"),
        ("D'Angelo", "Dangelo"),
        ("annemarie", "Anne-Marie"),
        ("иванов", "Иванов"),
        ("йова", "Йованович"),
    ],
)
def test_a_name_is_found_however_it_is_spelt(typed: str, meant: str) -> None:
    factories.HouseholdFactory(name=meant)
    factories.HouseholdFactory(name="Rivera")

    exact = [found.name for found in Household.objects.filter(names.matches(typed))]

    assert exact == [meant]


@pytest.mark.parametrize(
    "text", ["'", "-", ".*", "[", "%", "\\", "(a", "\N{PILE OF POO}", "’" * 300]
)
def test_odd_texts_match_nobody_and_break_nothing(text: str) -> None:
    factories.HouseholdFactory(name="Rivera")

    assert names.households(text, 9) == []


@pytest.mark.parametrize("word", ["ae" * 3000, "ae" * 6, "sue" * 13, "u" * 40, "eu" * 20])
def test_no_text_is_too_long_for_the_server(word: str) -> None:
    factories.HouseholdFactory(name="Rivera")

    assert names.households(word, 9) == []
    assert names.households(f"{word} " * 9, 9) == []
