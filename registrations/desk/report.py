"""The service report: who came in a period, as a page with a chart, and as a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import tablib
from django import forms
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from registrations.desk import common
from registrations.desk.exports import TYPES, harmless
from registrations.queries import report
from registrations.queries.report import BANDS, Line
from schedules.models import Event

LONGEST = timedelta(days=366)
"""The longest period of one report."""
MAX_BARS = 62
"""Lines of a chart: two months by day."""

HEADERS = (
    "visits",
    "households",
    "individuals",
    *BANDS,
    "first visit this year",
    "walk-ins",
    "no-shows",
)
"""The columns of a file, after the one that names the line."""

DOWN = (
    "PantryTrak's schedules are temporarily unavailable, and the report needs them. Try again in a "
    "few minutes."
)


def _day_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class PeriodForm(forms.Form):
    """Which days, of which event, and what a line stands for."""

    first = forms.DateField(label="From", widget=_day_input())
    last = forms.DateField(label="To", widget=_day_input())
    by = forms.ChoiceField(
        label="By",
        choices=[("day", "day"), ("month", "month"), ("event", "event"), ("zip", "ZIP")],
    )
    event = forms.TypedChoiceField(label="Event", required=False, coerce=int, empty_value=None)

    def __init__(self, data: QueryDict, events: Sequence[tuple[int, str]]) -> None:
        today = timezone.localdate()
        defaults = {"first": f"{today.replace(day=1)}", "last": f"{today}", "by": "day"}
        super().__init__({**defaults, **data.dict()})
        self.fields["event"].choices = [("", "all events"), *events]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        if first and last and last < first:
            self.add_error("last", "The last day is before the first.")
        elif first and last and last - first > LONGEST:
            self.add_error("last", "Choose at most a year.")
        return self.cleaned_data


@dataclass(frozen=True)
class Bar:
    """One line of the chart: who came, by age, in thousandths of the longest."""

    line: Line
    parts: list[tuple[str, int, int]]
    """For each age: its style, where it begins, and how wide it is."""


@dataclass(frozen=True)
class Report:
    form: PeriodForm
    lines: list[Line]
    total: Line
    warning: str = ""


def show(request: HttpRequest) -> HttpResponse:
    common.check_permission(request, "report")
    shown = _read(request)
    return common.page(
        request,
        "report.html",
        "Service report",
        form=shown.form,
        lines=shown.lines,
        total=shown.total,
        bands=BANDS,
        bars=chart(shown.lines) if len(shown.lines) <= MAX_BARS else [],
        most=MAX_BARS,
        by=dict(PeriodForm.base_fields["by"].choices).get(shown.form["by"].value(), ""),  # type: ignore[attr-defined]
        warning=shown.warning,
    )


def export(request: HttpRequest, kind: str) -> HttpResponse:
    """The lines of the page, with the period of this URL, as a file; a total at the end."""
    common.check_permission(request, "report")
    if kind not in TYPES:
        raise Http404
    shown = _read(request)
    if shown.warning or not shown.form.is_valid():  # the page says what is wrong
        return redirect(f"{reverse('admin:registrations_report')}?{request.GET.urlencode()}")
    chosen = shown.form.cleaned_data
    table = tablib.Dataset(headers=(chosen["by"], *HEADERS), title="Service report")
    for line in (*shown.lines, shown.total):
        table.append([harmless(value) for value in (line.label, *_values(line))])
    content = table.export(kind)
    name = f"service-{chosen['first']}-to-{chosen['last']}-by-{chosen['by']}.{kind}"
    return HttpResponse(
        content.encode("utf-8-sig") if isinstance(content, str) else content,
        content_type=TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _read(request: HttpRequest) -> Report:
    nothing = Line("Total")
    try:
        events = list(Event.objects.order_by("event_name", "pk").values_list("pk", "event_name"))
        form = PeriodForm(request.GET, events)
        if not form.is_valid():
            return Report(form, [], nothing)
        chosen = form.cleaned_data
        service = report.read(chosen["first"], chosen["last"], event_id=chosen["event"])
    except common.DOWN:
        return Report(PeriodForm(request.GET, []), [], nothing, DOWN)
    return Report(form, *report.add_up(service, chosen["by"]))


def _values(line: Line) -> list[int]:
    return [
        line.visits,
        line.households,
        line.individuals,
        *line.people,
        line.first_visits,
        line.walk_ins,
        line.no_shows,
    ]


def chart(lines: Sequence[Line]) -> list[Bar]:
    """A bar for each line, its ages beside each other."""
    longest = max((line.individuals for line in lines), default=0) or 1
    bars = []
    for line in lines:
        parts, at = [], 0
        for index, count in enumerate(line.people):
            width = round(1000 * count / longest)
            parts.append((f"age-{index}", at, width))
            at += width
        bars.append(Bar(line, parts))
    return bars
