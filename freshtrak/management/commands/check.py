from django.core.management.base import CommandError
from django.core.management.commands import check
from django.db import InterfaceError, OperationalError


class Command(check.Command):
    """Django's; but a server that is down gets one line instead of a traceback."""

    def execute(self, *args: object, **options: object) -> str | None:
        try:
            return super().execute(*args, **options)
        except (OperationalError, InterfaceError) as error:
            raise CommandError(
                f"A database does not answer: {error}. Check its URL in the environment, and "
                "whether the server is running.",
                returncode=3,
            ) from error
