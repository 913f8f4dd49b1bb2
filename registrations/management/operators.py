"""What the commands for operators share."""

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError


class OperatorCommand(BaseCommand):
    """Exits with status 3 and one line instead of a traceback if a database does not answer."""

    def execute(self, *args: object, **options: object) -> str | None:
        try:
            return super().execute(*args, **options)
        except (OperationalError, InterfaceError) as error:
            raise CommandError(
                f"A database does not answer: {error}. Work done so far is kept; run it again.",
                returncode=3,
            ) from error
