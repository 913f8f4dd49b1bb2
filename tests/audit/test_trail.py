import pytest
from django.utils import timezone

from audit import trail
from audit.models import AuditEvent


def _event() -> AuditEvent:
    event = AuditEvent(
        at=timezone.now(),
        action="registered",
        registration_id=1,
        actor_kind="system",
        delta=1,
    )
    trail.append(event)
    return event


def test_trail_is_append_only() -> None:
    event = _event()

    with pytest.raises(TypeError, match="append-only"):
        event.save()
    with pytest.raises(TypeError, match="append-only"):
        event.delete()
    with pytest.raises(TypeError, match="append-only"):
        AuditEvent.objects.all().delete()


@pytest.mark.parametrize(("user", "legacy"), [("7", 7), ("", 0), ("a-b", 0), (str(2**31), 0)])
def test_legacy_id_of_an_actor_fits_the_existing_columns(user: str, legacy: int) -> None:
    assert trail.participant(user).legacy_id == legacy
