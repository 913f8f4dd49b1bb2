"""What a household books: a slot, or a date that has no slots."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Whether a target is a slot or a date-only date. In the order in which they are locked."""

    SLOT = "slot"
    DATE = "date"

    @property
    def table(self) -> str:
        """The table of freshtrak_public that holds the targets of this kind."""
        return "event_slots" if self is Kind.SLOT else "event_dates"

    @property
    def column(self) -> str:
        """The column that names a target of this kind, in both databases."""
        return "event_slot_id" if self is Kind.SLOT else "event_date_id"


@dataclass(frozen=True)
class Target:
    """A slot or a date-only date. Targets sort in the order of locks: slots by id, then dates."""

    kind: Kind
    id: int

    @classmethod
    def slot(cls, event_slot_id: int) -> Target:
        return cls(Kind.SLOT, event_slot_id)

    @classmethod
    def date(cls, event_date_id: int) -> Target:
        return cls(Kind.DATE, event_date_id)

    @classmethod
    def of(cls, *, event_slot_id: int | None, event_date_id: int | None) -> Target:
        """The slot if there is one, else the date."""
        if event_slot_id is not None:
            return cls.slot(event_slot_id)
        assert event_date_id is not None
        return cls.date(event_date_id)

    @property
    def is_date(self) -> bool:
        return self.kind is Kind.DATE

    def __lt__(self, other: Target) -> bool:
        return (self.is_date, self.id) < (other.is_date, other.id)

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
