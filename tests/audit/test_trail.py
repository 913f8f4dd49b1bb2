import pytest
from django.utils import timezone

from audit import trail
from audit.models import AuditEvent
from audit.trail import Fact


def _event() -> AuditEvent:
    registered = AuditEvent.Action.REGISTERED
    trail.append(Fact(timezone.now(), registered, "system", registration_id=1, delta=1))
    return AuditEvent.objects.get()


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
