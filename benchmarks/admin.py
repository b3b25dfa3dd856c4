"""Suites, runs and what was judged, to look up in Django's admin; nothing here is edited there."""

from django.contrib import admin

from benchmarks.models import (
    Baseline,
    ChallengeRun,
    Comparison,
    Correction,
    Criterion,
    Debrief,
    DriftComparison,
    MetricSpec,
    Playbook,
    Program,
    ProgramCycle,
    PublicSummary,
    Quarantine,
    Remediation,
    Scenario,
    Suite,
)
from catalog.admin_base import GovernedAdmin


@admin.register(MetricSpec)
class MetricSpecAdmin(GovernedAdmin):
    list_display = ["label", "key", "direction", "margin", "severe_margin", "minimum_n", "project"]
    list_select_related = ["project"]
    search_fields = ["key", "label"]


@admin.register(Scenario)
class ScenarioAdmin(GovernedAdmin):
    list_display = ["title", "key", "risk_area", "level", "in_words", "dataset", "project"]
    list_filter = ["risk_area", "level"]
    list_select_related = ["dataset", "project"]
    search_fields = ["key", "title", "description"]


@admin.register(Criterion)
class CriterionAdmin(GovernedAdmin):
    list_display = [
        "scenario",
        "metric",
        "slice",
        "value_threshold",
        "change_threshold",
        "critical",
    ]
    list_filter = ["critical"]
    list_select_related = ["scenario", "metric", "slice"]
    search_fields = ["scenario__title", "metric__label", "why"]


@admin.register(Suite)
class SuiteAdmin(GovernedAdmin):
    list_display = ["title", "key", "model", "kind", "owner", "project"]
    list_filter = ["kind"]
    list_select_related = ["model", "owner", "project"]
    search_fields = ["key", "title", "goal"]


@admin.register(ChallengeRun)
class ChallengeRunAdmin(GovernedAdmin):
    list_display = ["suite", "model_version", "status", "verdict", "source", "created_at"]
    list_filter = ["status", "verdict", "source"]
    list_select_related = ["suite", "model_version__model"]
    search_fields = ["suite__title", "model_version__version", "external_id", "plan_digest"]
    date_hierarchy = "created_at"


@admin.register(Comparison)
class ComparisonAdmin(GovernedAdmin):
    list_display = ["run", "verdict", "expected", "received", "judge_version", "created_at"]
    list_filter = ["verdict"]
    list_select_related = ["run__suite", "run__model_version"]
    search_fields = ["run__suite__title", "run__model_version__version", "digest"]
    date_hierarchy = "created_at"


@admin.register(Baseline)
class BaselineAdmin(GovernedAdmin):
    list_display = ["suite", "run", "status", "created_by", "decided_by", "decided_at"]
    list_filter = ["status"]
    list_select_related = ["suite", "run__suite", "run__model_version", "created_by", "decided_by"]
    search_fields = ["suite__title", "reason", "decision_reason"]


@admin.register(Program)
class ProgramAdmin(GovernedAdmin):
    list_display = ["title", "key", "model", "status", "cadence_in_words", "owner", "project"]
    list_filter = ["status"]
    list_select_related = ["model", "owner", "project"]
    search_fields = ["key", "title", "goal"]


@admin.register(ProgramCycle)
class ProgramCycleAdmin(GovernedAdmin):
    list_display = ["program", "due_on", "status", "settled_at"]
    list_filter = ["status"]
    list_select_related = ["program"]
    search_fields = ["program__title"]
    date_hierarchy = "due_on"


@admin.register(Remediation)
class RemediationAdmin(GovernedAdmin):
    list_display = ["title", "model", "owner", "due_on", "status", "validation_run"]
    list_filter = ["status"]
    list_select_related = [
        "model",
        "owner",
        "validation_run__suite",
        "validation_run__model_version",
    ]
    search_fields = ["title", "weakness"]
    date_hierarchy = "due_on"


@admin.register(Quarantine)
class QuarantineAdmin(GovernedAdmin):
    list_display = ["scenario", "suite", "owner", "until", "flips", "pairs", "lifted_at"]
    list_select_related = ["scenario", "suite", "owner"]
    search_fields = ["scenario__title", "reason"]
    date_hierarchy = "until"


@admin.register(DriftComparison)
class DriftComparisonAdmin(GovernedAdmin):
    list_display = ["dataset", "reference", "current", "drifted", "compared", "created_at"]
    list_select_related = ["dataset", "reference__dataset", "current__dataset"]
    search_fields = ["dataset__title", "digest"]
    date_hierarchy = "created_at"


@admin.register(Debrief)
class DebriefAdmin(GovernedAdmin):
    list_display = ["title", "program", "held_on"]
    list_select_related = ["program"]
    search_fields = ["title", "seen", "decided", "learned"]
    date_hierarchy = "held_on"


@admin.register(Playbook)
class PlaybookAdmin(GovernedAdmin):
    list_display = ["title", "program", "owner"]
    list_select_related = ["program", "owner"]
    search_fields = ["title", "sign", "steps"]


@admin.register(Correction)
class CorrectionAdmin(GovernedAdmin):
    list_display = ["dataset_version", "kind", "label", "reason", "created_at", "created_by"]
    list_filter = ["kind"]
    list_select_related = ["dataset_version__dataset", "created_by"]
    search_fields = ["dataset_version__dataset__title", "reason"]
    date_hierarchy = "created_at"


@admin.register(PublicSummary)
class PublicSummaryAdmin(GovernedAdmin):
    list_display = ["program", "created_at", "created_by", "withdrawn_at", "withdrawn_by"]
    list_select_related = ["program", "created_by", "withdrawn_by"]
    search_fields = ["program__title", "reason", "withdrawal_reason", "digest"]
    date_hierarchy = "created_at"
