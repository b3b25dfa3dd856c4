"""The addresses of suites, runs and comparisons, below their project's."""

from django.urls import path

from benchmarks.views import (
    comparisons,
    corrections,
    drifts,
    editing,
    fairness,
    lessons,
    loads,
    programs,
    public_summaries,
    remediation,
    runs,
    suites,
)

urlpatterns = [
    path("p/<slug:project>/suites/", suites.SuiteList.as_view(), name="suite-list"),
    path("p/<slug:project>/suites/new/", editing.SuiteCreate.as_view(), name="suite-create"),
    path("p/<slug:project>/suites/<int:pk>/edit/", editing.SuiteEdit.as_view(), name="suite-edit"),
    path("p/<slug:project>/suites/<int:pk>/", suites.SuiteDetail.as_view(), name="suite-detail"),
    path("p/<slug:project>/suites/<int:pk>/runs/", suites.run_start, name="run-start"),
    path(
        "p/<slug:project>/suites/<int:pk>/baselines/",
        suites.baseline_propose,
        name="baseline-propose",
    ),
    path(
        "p/<slug:project>/baselines/<int:pk>/decision/",
        suites.baseline_decide,
        name="baseline-decide",
    ),
    path(
        "p/<slug:project>/scenarios/<int:pk>/",
        suites.ScenarioDetail.as_view(),
        name="scenario-detail",
    ),
    path(
        "p/<slug:project>/scenarios/new/",
        editing.ScenarioCreate.as_view(),
        name="scenario-create",
    ),
    path(
        "p/<slug:project>/scenarios/<int:pk>/edit/",
        editing.ScenarioEdit.as_view(),
        name="scenario-edit",
    ),
    path(
        "p/<slug:project>/suites/<int:pk>/quarantine/",
        suites.quarantine_add,
        name="quarantine-add",
    ),
    path(
        "p/<slug:project>/quarantines/<int:pk>/lift/",
        suites.quarantine_lift,
        name="quarantine-lift",
    ),
    path("p/<slug:project>/runs/", runs.RunList.as_view(), name="run-list"),
    path("p/<slug:project>/runs/<int:pk>/", runs.RunDetail.as_view(), name="run-detail"),
    path("p/<slug:project>/runs/<int:pk>/again/", runs.run_again, name="run-again"),
    path("p/<slug:project>/runs/<int:pk>/progress/", runs.run_progress, name="run-progress"),
    path(
        "p/<slug:project>/runs/<int:pk>/fairness/",
        fairness.RunFairness.as_view(),
        name="run-fairness",
    ),
    path(
        "p/<slug:project>/runs/<int:pk>/load/",
        loads.RunLoad.as_view(),
        name="run-load",
    ),
    path(
        "p/<slug:project>/runs/<int:pk>/cell/",
        runs.MeasurementDetail.as_view(),
        name="measurement-detail",
    ),
    path(
        "p/<slug:project>/comparisons/<int:pk>/",
        comparisons.ComparisonDetail.as_view(),
        name="comparison-detail",
    ),
    path(
        "p/<slug:project>/comparisons/<int:pk>/cells.csv",
        comparisons.comparison_csv,
        name="comparison-csv",
    ),
    path("p/<slug:project>/drift/", drifts.DriftList.as_view(), name="drift-list"),
    path("p/<slug:project>/drift/compare/", drifts.drift_compare, name="drift-compare"),
    path("p/<slug:project>/drift/<int:pk>/", drifts.DriftDetail.as_view(), name="drift-detail"),
    path("p/<slug:project>/programs/", programs.ProgramList.as_view(), name="program-list"),
    path(
        "p/<slug:project>/programs/new/", programs.ProgramCreate.as_view(), name="program-create"
    ),
    path(
        "p/<slug:project>/programs/<int:pk>/",
        programs.ProgramDetail.as_view(),
        name="program-detail",
    ),
    path(
        "p/<slug:project>/programs/<int:pk>/edit/",
        programs.ProgramEdit.as_view(),
        name="program-edit",
    ),
    path(
        "p/<slug:project>/programs/<int:pk>/status/",
        programs.program_status,
        name="program-status",
    ),
    path(
        "p/<slug:project>/programs/<int:pk>/summary/",
        programs.ProgramSummary.as_view(),
        name="program-summary",
    ),
    path(
        "p/<slug:project>/programs/<int:pk>/debriefs/new/",
        lessons.DebriefCreate.as_view(),
        name="debrief-create",
    ),
    path(
        "p/<slug:project>/programs/<int:pk>/playbooks/new/",
        lessons.PlaybookCreate.as_view(),
        name="playbook-create",
    ),
    path(
        "p/<slug:project>/debriefs/<int:pk>/",
        lessons.DebriefDetail.as_view(),
        name="debrief-detail",
    ),
    path(
        "p/<slug:project>/debriefs/<int:pk>/edit/",
        lessons.DebriefEdit.as_view(),
        name="debrief-edit",
    ),
    path(
        "p/<slug:project>/playbooks/<int:pk>/",
        lessons.PlaybookDetail.as_view(),
        name="playbook-detail",
    ),
    path(
        "p/<slug:project>/playbooks/<int:pk>/edit/",
        lessons.PlaybookEdit.as_view(),
        name="playbook-edit",
    ),
    path(
        "p/<slug:project>/remediation/",
        remediation.RemediationList.as_view(),
        name="remediation-list",
    ),
    path(
        "p/<slug:project>/remediation/new/",
        remediation.RemediationCreate.as_view(),
        name="remediation-create",
    ),
    path(
        "p/<slug:project>/remediation/<int:pk>/",
        remediation.RemediationDetail.as_view(),
        name="remediation-detail",
    ),
    path(
        "p/<slug:project>/remediation/<int:pk>/edit/",
        remediation.RemediationEdit.as_view(),
        name="remediation-edit",
    ),
    path(
        "p/<slug:project>/remediation/<int:pk>/evidence/",
        remediation.remediation_evidence,
        name="remediation-evidence",
    ),
    path(
        "p/<slug:project>/remediation/<int:pk>/close/",
        remediation.remediation_close,
        name="remediation-close",
    ),
    path(
        "p/<slug:project>/remediation/<int:pk>/withdraw/",
        remediation.remediation_withdraw,
        name="remediation-withdraw",
    ),
    path(
        "p/<slug:project>/remediation/<int:pk>/reopen/",
        remediation.remediation_reopen,
        name="remediation-reopen",
    ),
    path(
        "p/<slug:project>/data-versions/<int:pk>/corrections/",
        corrections.DataCorrections.as_view(),
        name="data-corrections",
    ),
    path(
        "p/<slug:project>/corrections/<int:pk>/take-back/",
        corrections.correction_take_back,
        name="correction-take-back",
    ),
    path(
        "p/<slug:project>/programs/<int:pk>/public/",
        public_summaries.ProgramPublic.as_view(),
        name="program-public",
    ),
    path(
        "p/<slug:project>/public-summaries/<int:pk>/summary.html",
        public_summaries.public_summary_html,
        name="public-summary-html",
    ),
    path(
        "p/<slug:project>/public-summaries/<int:pk>/summary.json",
        public_summaries.public_summary_json,
        name="public-summary-json",
    ),
    path(
        "p/<slug:project>/public-summaries/<int:pk>/withdraw/",
        public_summaries.public_summary_withdraw,
        name="public-summary-withdraw",
    ),
]
