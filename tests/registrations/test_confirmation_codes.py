import pytest

from registrations import confirmation_codes as codes

SPACE = len(codes.ALPHABET) ** codes.LENGTH


@pytest.mark.parametrize("number", [1, 2, 29, 1000, SPACE - 1, SPACE, SPACE + 1, 2**63 - 1])
def test_code_leads_back_to_its_id(number: int) -> None:
    assert codes.decode(codes.encode(number)) == number


def test_codes_are_unique_and_six_long() -> None:
    made = {codes.encode(number) for number in range(20_000)}

    assert len(made) == 20_000
    assert {len(code) for code in made} == {6}


def test_code_is_read_however_it_is_typed() -> None:
    code = codes.encode(4711)

    assert codes.decode(f" {code[:3].lower()}-{code[3:]} ") == 4711


@pytest.mark.parametrize("text", ["", "ABC", "ABCDE0", "ÄBCDEF", "A" * 14])
def test_malformed_code_leads_nowhere(text: str) -> None:
    assert codes.decode(text) is None
