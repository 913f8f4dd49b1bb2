"""The coming weeks as a chart: capacity, reserved and waiting per day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from registrations.desk import common
from registrations.queries import occupancy
from registrations.queries.occupancy import Day

WEEKS = (2, 4, 8)
HEIGHT = 220  # of the tallest bar, in units of the drawing
MARGIN = 44  # left of the bars, for the scale
WIDTH = 900


@dataclass(frozen=True)
class Bar:
    """One day, with the positions of its parts (in units of the drawing, y downwards).

    On the left what is reserved of the capacity, beside it who waits: from the same ground, so that
    the scale holds for both.
    """

    day: date
    capacity: int
    reserved: int
    waiting: int
    x: int
    width: int
    unit: float

    def _height(self, amount: int) -> int:
        return max(round(amount * self.unit), 1 if amount else 0)

    @property
    def middle(self) -> int:
        return self.x + self.width // 2

    @property
    def main_width(self) -> int:
        return self.width - self.waiting_width - 2

    @property
    def waiting_width(self) -> int:
        return max(self.width // 3, 3)

    @property
    def waiting_x(self) -> int:
        return self.main_width + 2

    @property
    def capacity_height(self) -> int:
        return self._height(self.capacity)

    @property
    def reserved_height(self) -> int:
        return self._height(self.reserved)

    @property
    def waiting_height(self) -> int:
        return self._height(self.waiting)

    @property
    def capacity_y(self) -> int:
        return HEIGHT - self.capacity_height

    @property
    def reserved_y(self) -> int:
        return HEIGHT - self.reserved_height

    @property
    def waiting_y(self) -> int:
        return HEIGHT - self.waiting_height


def show(request: HttpRequest) -> HttpResponse:
    common.check_permission(request, "view")
    chosen = request.GET.get("weeks", "")
    weeks = int(chosen) if chosen in {str(choice) for choice in WEEKS} else 4
    first = timezone.localdate()
    last = first + timedelta(weeks=weeks, days=-1)
    try:
        days, is_down = occupancy.between(first, last), False
    except common.DOWN:
        days, is_down = [], True
    top, bars = chart(first, last, days)
    return common.page(
        request,
        "planning.html",
        "Planning: the coming weeks",
        weeks=weeks,
        choices=WEEKS,
        days=days,
        bars=bars,
        scale=[(HEIGHT - HEIGHT * part // 4, top * part // 4) for part in range(5)],
        margin=MARGIN,
        width=WIDTH,
        height=HEIGHT,
        may_change_days=any(common.has_permission(request, name) for name in ("move", "cancel")),
        warning=common.SCHEDULES_DOWN if is_down else "",
    )


def chart(first: date, last: date, days: Sequence[Day]) -> tuple[int, list[Bar]]:
    """The top of the scale, a multiple of 4, and one bar per day, even without distributions."""
    count = (last - first).days + 1
    step = (WIDTH - MARGIN) // count
    calendar = [first + timedelta(days=offset) for offset in range(count)]
    on_day = {
        day: [date.occupancy for date in days if date.event_date.date == day] for day in calendar
    }
    sums = [
        (
            day,
            max(sum(date.capacity for date in on_day[day]), 0),
            max(sum(date.reserved for date in on_day[day]), 0),
            sum(date.waiting for date in on_day[day]),
        )
        for day in calendar
    ]
    highest = max(max(amounts) for _, *amounts in sums)
    top = 4 * max(ceil(highest / 4), 1)
    return top, [
        Bar(day, capacity, reserved, waiting, MARGIN + step * at, step - 4, HEIGHT / top)
        for at, (day, capacity, reserved, waiting) in enumerate(sums)
    ]
