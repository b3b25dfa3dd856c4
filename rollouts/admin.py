"""Rollouts in the admin: to look things up. Whatever changes one goes through its actions."""

from django.contrib import admin

from catalog.admin_base import GovernedAdmin, ProjectAdminMixin
from rollouts.models import (
    Approval,
    ApprovalRequest,
    DecisionRecord,
    Gate,
    GateCheck,
    RolloutPlan,
    Stage,
    Waiver,
)


@admin.register(RolloutPlan)
class RolloutPlanAdmin(GovernedAdmin):
    list_display = ("title", "model", "candidate", "status", "exposure", "owner")
    list_filter = ("status", "risk_tier")
    list_select_related = ("model", "candidate__model", "owner")
    search_fields = ("title", "model__title", "candidate__version")


@admin.register(Stage)
class StageAdmin(GovernedAdmin):
    list_display = ("plan", "position", "name", "exposure", "status", "started_at")
    list_filter = ("status",)
    list_select_related = ("plan",)
    search_fields = ("name", "plan__title")


@admin.register(Gate)
class GateAdmin(GovernedAdmin):
    list_display = ("stage", "position", "name", "kind", "metric", "margin", "stop_loss")
    list_filter = ("kind", "stop_loss")
    list_select_related = ("stage",)
    search_fields = ("name", "stage__plan__title")


@admin.register(Waiver)
class WaiverAdmin(GovernedAdmin):
    list_display = ("gate", "created_by", "created_at", "expires_at")
    list_select_related = ("gate", "created_by")
    search_fields = ("gate__name", "reason")


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(GovernedAdmin):
    list_display = ("plan", "stage", "subject", "status", "opened_at", "closed_at")
    list_filter = ("status", "subject")
    list_select_related = ("plan", "stage")
    search_fields = ("plan__title", "evidence_digest")


@admin.register(Approval)
class ApprovalAdmin(ProjectAdminMixin, admin.ModelAdmin):
    list_display = ("request", "slot", "printed_name", "answer", "answered_at")
    list_filter = ("answer", "slot")
    list_select_related = ("request__plan",)
    search_fields = ("printed_name", "evidence_digest")


@admin.register(GateCheck)
class GateCheckAdmin(ProjectAdminMixin, admin.ModelAdmin):
    list_display = ("gate", "verdict", "value", "threshold", "n", "observed_until", "checked_at")
    list_filter = ("verdict",)
    list_select_related = ("gate",)
    search_fields = ("gate__name", "reason")


@admin.register(DecisionRecord)
class DecisionRecordAdmin(ProjectAdminMixin, admin.ModelAdmin):
    list_display = ("plan", "number", "kind", "summary", "actor", "decided_at")
    list_filter = ("kind",)
    list_select_related = ("plan", "actor")
    search_fields = ("plan__title", "summary", "reason")
