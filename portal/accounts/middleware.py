"""Pages are for signed-in people; what they show is kept out of shared and browser caches."""

from collections.abc import Callable

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse


class PrivatePagesMiddleware(LoginRequiredMiddleware):
    """Every view asks for a sign-in unless it is marked as public; the API answers for itself."""

    def process_view(self, request, view_func, view_args, view_kwargs):
        if request.path.startswith("/api/"):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        return response

    get_response: Callable[[HttpRequest], HttpResponse]
