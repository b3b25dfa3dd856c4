"""Addresses of the timelines."""

from django.urls import path

from portal.audit import views

urlpatterns = [
    path("p/<slug:project>/audit/", views.ProjectTimeline.as_view(), name="audit-timeline"),
    path("p/<slug:project>/audit.csv", views.timeline_csv, name="audit-csv"),
    path(
        "p/<slug:project>/audit/<slug:kind>/<int:pk>/",
        views.ObjectTimeline.as_view(),
        name="audit-object",
    ),
]
