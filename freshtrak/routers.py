"""Which models live in which database, and what the two must never do."""

from django.db.models import Model

from freshtrak.databases import PRIVATE, PUBLIC, public_for_reading


def _home(app_label: str) -> str:
    return PUBLIC if app_label == "schedules" else PRIVATE


class DatabaseRouter:
    """`schedules` lives in freshtrak_public, everything else in freshtrak_private.

    Migrations never touch freshtrak_public, and no relation crosses the two databases:
    we refer to a public row by its integer id. Only what is marked `from_replica` may read
    schedules from a replica.
    """

    def db_for_read(self, model: type[Model], **hints: object) -> str:
        home = _home(model._meta.app_label)
        return public_for_reading() if home == PUBLIC else home

    def db_for_write(self, model: type[Model], **hints: object) -> str:
        return _home(model._meta.app_label)

    def allow_relation(self, obj1: Model, obj2: Model, **hints: object) -> bool:
        return _home(obj1._meta.app_label) == _home(obj2._meta.app_label)

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        return db == PRIVATE and _home(app_label) == PRIVATE
