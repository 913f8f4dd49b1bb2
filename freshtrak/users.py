"""Accounts of staff: made in one form, and unlocked before their time."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from freshtrak import lockout
from registrations.desk import common


class StaffForm(UserCreationForm):
    """A member of staff: name, password and group. They may log in to the desk."""

    group = forms.ModelChoiceField(
        Group.objects.order_by("name"),
        empty_label=None,
        widget=forms.RadioSelect,
        help_text="What the person may do; the documentation lists it.",
    )

    class Meta(UserCreationForm.Meta):
        fields = ("username", "first_name", "last_name")

    def save(self, commit: bool = True) -> User:
        self.instance.is_staff = True
        return super().save(commit)

    def _save_m2m(self) -> None:
        super()._save_m2m()  # type: ignore[misc]
        self.instance.groups.set([self.cleaned_data["group"]])


class StaffAdmin(UserAdmin):
    add_form = StaffForm
    add_form_template = None  # Django's promises a second form
    add_fieldsets = (
        (None, {"fields": ("username", "password1", "password2", "group")}),
        ("The person's name", {"fields": ("first_name", "last_name")}),
    )
    list_display = ("username", "first_name", "last_name", "in_groups", "is_active", "last_login")
    list_filter = ("is_active", "groups")
    change_list_template = "freshtrak/users.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="groups")
    def in_groups(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())

    def response_add(
        self, request: HttpRequest, obj: User, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Back to the list: nothing is left to fill in."""
        return super(UserAdmin, self).response_add(request, obj, post_url_continue)

    def get_urls(self) -> list[URLPattern]:
        locked = path("locked/", self.admin_site.admin_view(self.locked), name="auth_user_locked")
        return [locked, *super().get_urls()]

    def locked(self, request: HttpRequest) -> HttpResponse:
        """Who is locked out, until when, with a button to unlock each."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            username = request.POST.get("username", "")
            address = request.POST.get("ip_address", "")
            if lockout.unlock(username, address, by=common.actor(request)):
                messages.success(request, f"{username} can log in again.")
            else:
                messages.info(request, f"{username} is no longer locked.")
            return redirect("admin:auth_user_locked")
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Locked log-ins",
            "opts": self.opts,
            "locks": lockout.locks(),
        }
        return TemplateResponse(request, "freshtrak/locked.html", context)


def register() -> None:
    """Puts this page of users in the place of Django's."""
    admin.site.unregister(get_user_model())
    admin.site.register(get_user_model(), StaffAdmin)
