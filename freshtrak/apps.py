from django.apps import AppConfig


class FreshtrakConfig(AppConfig):
    name = "freshtrak"

    def ready(self) -> None:
        from freshtrak import checks  # noqa: F401 (registers them)
