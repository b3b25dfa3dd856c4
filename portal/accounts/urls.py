"""Addresses of the token pages."""

from django.urls import path

from portal.accounts import views

urlpatterns = [
    path("p/<slug:project>/tokens/", views.TokenList.as_view(), name="token-list"),
    path("p/<slug:project>/tokens/new/", views.TokenIssue.as_view(), name="token-issue"),
    path("p/<slug:project>/tokens/<int:pk>/revoke/", views.token_revoke, name="token-revoke"),
]
