"""Who belongs to a project and in which roles; administrators give and end them."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from catalog.actions import end_role, give_role
from catalog.forms import RoleForm
from catalog.models import Membership, Project
from catalog.pages import FormPage, ListPage, act, address


class MemberList(ListPage):
    """One line a role: a person who holds several shows several."""

    queryset = Membership.objects.select_related("user", "created_by")
    template_name = "catalog/member_list.html"
    search_fields = ("user__username", "user__first_name", "user__last_name", "role")
    sort_fields = {"person": ("user__first_name", "user__username"), "role": "role"}
    sort_default = "person"
    paginate_by = 50

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        may_manage = self.may("catalog.manage_members")
        form = RoleForm(project=self.project) if may_manage else None
        return super().get_context_data(may_manage=may_manage, form=form, **kwargs)


class MemberGive(FormPage):
    form_class = RoleForm
    template_name = "catalog/member_form.html"
    permission_required = "catalog.manage_members"
    refusal = "Only an administrator of the project gives roles."

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "project": self.project}

    def act(self, form: Any) -> str:
        role = form.cleaned_data["role"]
        held = give_role(form.account, project=self.project, role=role, by=self.request.user)
        said = f"{held.user} is now {held.get_role_display().lower()} in this project."
        messages.success(self.request, said)
        return address("member-list", self.project)


@act
def end_membership(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    rows = Membership.objects.visible_to(request.user).in_project(project)
    held = get_object_or_404(rows.select_related("user", "project"), pk=pk)
    end_role(held, by=request.user)
    messages.success(request, f"{held.user} is no longer {held.get_role_display().lower()}.")
    return redirect("member-list", project=project.slug)
