"""Households: found by name, shown with their members and registrations, booked for."""

from typing import Any

from django.contrib import admin
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse

from registrations.admin import desk
from registrations.models import Household, HouseholdMember
from registrations.queries import details, names, registrations
from registrations.queries.details import RegistrationDetails
from schedules.admin import ReadOnlyAdmin, ReadOnlyInline


class MemberInline(ReadOnlyInline):
    model = HouseholdMember
    fields = ("first_name", "last_name", "date_of_birth", "is_head_of_household", "is_active")


@admin.register(Household)
class HouseholdAdmin(ReadOnlyAdmin):
    list_display = ("name", "identification_code", "deleted_on")
    search_fields = ("name",)
    search_help_text = (
        "Name of a household or a member (a letter may be wrong), identification code"
    )
    ordering = ("name", "pk")
    fields = ("name", "identification_code", "number", "created_at", "deleted_on")
    inlines = (MemberInline,)
    show_full_result_count = False
    change_form_template = "registrations/household.html"

    class Media:
        css = {"all": ("registrations/desk.css",)}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Household], search_term: str
    ) -> tuple[QuerySet[Household], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        exact = names.named(text)
        found = queryset.filter(exact | names.resembling(text))
        return found.order_by(Case(When(exact, then=0), default=1), "name", "pk"), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Adds the household's registrations, the newest hundred."""
        shown: list[RegistrationDetails] = []
        if desk.may(request, "view"):
            of_household = registrations.registrations().filter(household_id=desk.number(object_id))
            shown = details.read(list(of_household[:100]))
        context = {"registrations": shown, "may_add": desk.may(request, "add")}
        return super().change_view(request, object_id, form_url, context)
