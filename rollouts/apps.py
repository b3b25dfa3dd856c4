"""The rollouts app."""

from django.apps import AppConfig


class RolloutsConfig(AppConfig):
    name = "rollouts"

    def ready(self) -> None:
        from catalog import pages
        from rollouts import (
            providers,
            receivers,  # noqa: F401 - wiring needs the models loaded
        )

        pages.timeline_providers.append(providers.timeline)
