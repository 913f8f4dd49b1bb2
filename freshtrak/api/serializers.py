"""What serializers share: strict fields, the ranges of ids, and validation of input."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

MAX_PUBLIC_ID = 2**32 - 1  # INT UNSIGNED
MAX_PRIVATE_ID = 2**63 - 1  # BIGINT


class WholeNumberField(serializers.IntegerField):
    """A JSON number, not a string that looks like one."""

    def to_internal_value(self, data: object) -> int:
        if isinstance(data, float) and data.is_integer():
            data = int(data)
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictBooleanField(serializers.BooleanField):
    """true or false, not a string that means one of them."""

    def to_internal_value(self, data: object) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class BoundedListField(serializers.ListField):
    """A list whose length is checked before its elements, which then cost nothing."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and self.max_length and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().to_internal_value(data)


def validated(serializer: type[serializers.Serializer], data: object) -> Mapping[str, Any]:
    """The input, checked and converted by `serializer`. Raises ValidationError."""
    checked = serializer(data=data)
    checked.is_valid(raise_exception=True)
    return checked.validated_data
