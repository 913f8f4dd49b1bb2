from datetime import date, timedelta

from registrations.desk import planning
from registrations.queries import occupancy
from tests.support import booking as b
from tests.support import desk, factories


def test_chart_adds_up_the_distributions_of_a_day() -> None:
    first = factories.today()
    for capacity in (10, 5):
        factories.EventDateFactory(
            event_date_key=factories.in_days(1), capacity=capacity, reserved=3
        )
    full = factories.EventDateFactory(event_date_key=factories.in_days(3), capacity=1)
    for household in factories.households(3):
        b.register(household, full)
    last = first + timedelta(days=13)

    top, bars = planning.chart(first, last, occupancy.between(first, last))

    assert top == 16
    assert [(bar.capacity, bar.reserved, bar.waiting) for bar in bars[:5]] == [
        (0, 0, 0),
        (15, 6, 0),
        (0, 0, 0),
        (1, 1, 2),
        (0, 0, 0),
    ]
    assert [bar.day for bar in bars[:2]] == [first, first + timedelta(days=1)]
    full_day = bars[3]
    assert full_day.waiting_y + full_day.waiting_height == planning.HEIGHT  # from the same ground
    assert full_day.waiting_height == 2 * full_day.capacity_height
    assert full_day.waiting_x > full_day.main_width
    assert full_day.waiting_x + full_day.waiting_width == full_day.width


def test_who_waits_needs_no_room_above_the_others() -> None:
    day = factories.EventDateFactory(event_date_key=factories.in_days(0), capacity=2)
    for household in factories.households(4):
        b.register(household, day)
    today = factories.today()

    assert planning.chart(today, today, occupancy.between(today, today))[0] == 4


def test_chart_of_nothing_and_of_counters_below_zero() -> None:
    top, bars = planning.chart(date(2026, 12, 1), date(2026, 12, 14), [])
    assert (top, {bar.capacity_height for bar in bars}) == (4, {0})

    factories.EventDateFactory(event_date_key=factories.in_days(0), capacity=-5, reserved=-2)
    _, bars = planning.chart(
        factories.today(),
        factories.today(),
        occupancy.between(factories.today(), factories.today()),
    )
    assert (bars[0].capacity, bars[0].reserved) == (0, 0)


def test_planning_shows_chart_links_and_numbers() -> None:
    day = factories.EventDateFactory(event_date_key=factories.in_days(2), reserved=4)
    anna = desk.log_in("Front desk")

    html = anna.get(f"{desk.LIST}planning/", {"weeks": "2"}).content.decode()

    assert f"days/?date={factories.today() + timedelta(days=2)}" in html
    assert "4 of 10 reserved, 0 waiting" in html
    assert f"{desk.LIST}days/{day.pk}/" in html
    assert anna.get(f"{desk.LIST}planning/", {"weeks": "x"}).status_code == 200
