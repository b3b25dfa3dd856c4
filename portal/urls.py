"""Every address of the site; one line an app."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import include, path
from django.views.decorators.http import require_safe

from portal import health


@login_not_required
@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Some browsers ask for it here, whatever the page says."""
    return redirect(static("portal/favicon.svg"))


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """A refusal in the words of whoever refused."""
    return render(request, "403.html", {"sentence": str(exception or "")}, status=403)


handler403 = forbidden

# By names of our own: the admin has templates under the names that Django gives these.
change_password = auth.PasswordChangeView.as_view(template_name="registration/password.html")
password_changed = auth.PasswordChangeDoneView.as_view(
    template_name="registration/password_changed.html"
)

urlpatterns = [
    path("accounts/login/", auth.LoginView.as_view(), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("accounts/password/", change_password, name="password_change"),
    path("accounts/password/changed/", password_changed, name="password_change_done"),
    path("favicon.ico", favicon, name="favicon"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("portal.api")),
    path("", include("portal.dashboards.urls")),
    path("", include("catalog.urls")),
    path("", include("benchmarks.urls")),
    path("", include("rollouts.urls")),
    path("", include("portal.audit.urls")),
    path("", include("portal.accounts.urls")),
]
