from argparse import ArgumentParser
from datetime import timedelta

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from freshtrak.api.authentication import CallerToken


class Command(BaseCommand):
    help = "Prints a token for trying out the API, and nothing else."

    def add_arguments(self, parser: ArgumentParser) -> None:
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--household", type=int, metavar="ID", help="for a participant")
        whose.add_argument("--staff", action="store_true", help="for a member of staff")
        parser.add_argument("--user", type=int, metavar="ID", help="user id in the token")
        parser.add_argument("--days", type=int, default=1, help="valid for N days (default 1)")

    def handle(
        self, *, household: int | None, staff: bool, user: int | None, days: int, **options: object
    ) -> None:
        if not settings.JWT_SIGNING_KEY:
            raise CommandError(
                "Your identity provider issues the tokens "
                f"(JWT_ALGORITHM={settings.JWT_ALGORITHM}). "
                "Without JWT_SIGNING_KEY this command cannot sign one."
            )
        token = CallerToken()
        token.set_exp(lifetime=timedelta(days=days))
        if user is not None:
            token["user_id"] = str(user)
        if staff:
            token["roles"] = ["staff"]
            token["sub"] = token.get("user_id", "issue_token")
        else:
            token[settings.JWT_HOUSEHOLD_CLAIM] = household
        self.stdout.write(str(token))
