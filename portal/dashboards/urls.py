"""Addresses of the front doors: home, the projects, a project's own home and the inbox."""

from django.urls import path

from portal.dashboards import views

urlpatterns = [
    path("", views.home, name="home"),
    path("projects/", views.ProjectList.as_view(), name="project-list"),
    path("p/<slug:project>/", views.ProjectHome.as_view(), name="project-home"),
    path("p/<slug:project>/inbox/", views.Inbox.as_view(), name="inbox"),
]
