from registrations.management.operators import OperatorCommand
from registrations.services import settlement


class Command(OperatorCommand):
    help = (
        "Settles what dead processes left pending, so that the counters are exact again. "
        "Safe at any time and from several machines at once; meant for a timer."
    )

    def handle(self, **options: object) -> None:
        settled, left = settlement.settle_all()
        self.stdout.write(f"{settled} settled, {left} left for the next run")
