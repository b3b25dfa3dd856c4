"""/api/v1/: every endpoint in one list. What is not in it serves nobody."""

from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import GenericViewSet

from benchmarks.api import RunViewSet, SuiteViewSet
from catalog.api import DatasetVersionViewSet, DatasetViewSet, FailureViewSet, ModelViewSet
from portal.accounts.permissions import Member
from rollouts.api import PlanViewSet

ENDPOINTS: dict[str, type[GenericViewSet]] = {
    "models": ModelViewSet,
    "datasets": DatasetViewSet,
    "dataset-versions": DatasetVersionViewSet,
    "suites": SuiteViewSet,
    "challenge-runs": RunViewSet,
    "failures": FailureViewSet,
    "rollouts": PlanViewSet,
}


def served(viewset: type[GenericViewSet]) -> type[GenericViewSet]:
    """The apps' viewset opened to members. Apps stand below the portal, so they cannot say it."""
    # Without metadata: a description of fields is one more place that could show too much.
    return type(
        viewset.__name__, (viewset,), {"permission_classes": [Member], "metadata_class": None}
    )


router = SimpleRouter()
for prefix, viewset in ENDPOINTS.items():
    router.register(prefix, served(viewset), basename=f"api-{prefix}")

urlpatterns = router.urls
