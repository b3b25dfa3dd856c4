"""The benchmarks app."""

from django.apps import AppConfig


class BenchmarksConfig(AppConfig):
    name = "benchmarks"

    def ready(self) -> None:
        # Both read models, which exist only once every app is loaded.
        from benchmarks import providers
        from catalog import pages

        pages.assumption_status_providers.append(providers.assumption_status)
        pages.assumption_panels.append(providers.assumption_panel)
        pages.data_panels.append(providers.data_panel)
        pages.timeline_providers.append(providers.timeline)
        pages.version_panels.append(providers.version_panel)
