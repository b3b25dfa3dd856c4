"""The addresses of rollouts and of what they ask people, below their project's."""

from django.urls import URLPattern, URLResolver, include, path

from rollouts.views import acts, drafting, plans

_draft = [
    path("edit/", drafting.RolloutEdit.as_view(), name="rollout-edit"),
    path("stages/new/", drafting.StagePage.as_view(), name="stage-add"),
    path("stages/<int:stage>/", drafting.StagePage.as_view(), name="stage-edit"),
    path("stages/<int:stage>/remove/", drafting.stage_remove, name="stage-remove"),
    path("stages/<int:stage>/gates/new/", drafting.GatePage.as_view(), name="gate-add"),
    path("stages/<int:stage>/gates/<int:gate>/", drafting.GatePage.as_view(), name="gate-edit"),
    path("stages/<int:stage>/gates/<int:gate>/remove/", drafting.gate_remove, name="gate-remove"),
]

_acts = [
    path("submit/", acts.submit, name="rollout-submit"),
    path("withdraw/", acts.withdraw, name="rollout-withdraw"),
    path("start/", acts.start, name="rollout-start"),
    path("advance/", acts.advance, name="rollout-advance"),
    path("hold/", acts.hold, name="rollout-hold"),
    path("resume/", acts.resume, name="rollout-resume"),
    path("roll-back/", acts.roll_back, name="rollout-roll-back"),
    path("abort/", acts.abort, name="rollout-abort"),
]

_pages: list[URLPattern | URLResolver] = [
    path("rollouts/", plans.RolloutList.as_view(), name="rollout-list"),
    path("rollouts/new/", drafting.RolloutNew.as_view(), name="rollout-new"),
    path("rollouts/<int:pk>/", plans.RolloutDetail.as_view(), name="rollout-detail"),
    path("rollouts/<int:pk>/", include(_draft)),
    path("rollouts/<int:pk>/", include(_acts)),
    path("gates/<int:pk>/waive/", acts.waive, name="gate-waive"),
    path("requests/<int:pk>/", plans.RequestDetail.as_view(), name="request-detail"),
    path("requests/<int:pk>/answer/", acts.answer, name="request-answer"),
]

urlpatterns = [path("p/<slug:project>/", include(_pages))]
