from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class FreshtrakConfig(AppConfig):
    name = "freshtrak"

    def ready(self) -> None:
        from freshtrak import checks, client_address  # noqa: F401 (registers them)


class DeskConfig(AdminConfig):
    """Django's admin, with the desk as its site."""

    default_site = "freshtrak.admin.DeskSite"

    def ready(self) -> None:
        super().ready()  # finds each app's lists, Django's own too
        from freshtrak import users

        users.register()
