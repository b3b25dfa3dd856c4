"""Registers the look, so that Django finds its tags and its static files."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "portal.ui"
    label = "ui"
    verbose_name = "Look"
