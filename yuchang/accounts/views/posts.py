"""Posts and who holds them, teams and who is in them."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from yuchang.accounts import actions
from yuchang.accounts.doors import actor_of, gate, open_door, require
from yuchang.accounts.forms import AppointForm, DepartmentForm, HandOverForm, MemberForm, PostForm, TeamForm
from yuchang.accounts.models import Incumbency, Post, Team, TeamMember
from yuchang.accounts.queries import departments_for, live, place_filter, posts_for, teams_for
from yuchang.accounts.rules import Role
from yuchang.core import clock
from yuchang.core.errors import Invalid
from yuchang.core.forms import show_problems, version_of
from yuchang.core.paging import keyset_page


@gate("accounts.manage")
@require_http_methods(["GET", "POST"])
def post_list(request: HttpRequest) -> HttpResponse:
    """The posts in one's places, who holds them today, and the form for another."""
    actor = actor_of(request)
    form = PostForm(request.POST or None, departments=departments_for(actor))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = actions.create_post(
                actor=actor,
                place_id=data["place_id"],
                title=data["title"],
                role=Role(data["role"]),
                department_id=data["department"].pk if data["department"] else None,
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("岗位已设立。"))
            return redirect("accounts:post", made.pk)
    held = Incumbency.objects.filter(live(clock.today()), state="live").select_related("user")
    rows = posts_for(actor).filter(closed_on=None).prefetch_related(Prefetch("incumbencies", held, "seats"))
    page = keyset_page(rows, order=["title", "id"], cursor=request.GET.get("after", ""))
    context = {"page": page, "form": form}
    return render(request, "accounts/posts.html", context, status=422 if form.errors else 200)


@gate("accounts.manage")
@require_http_methods(["GET", "POST"])
def department_list(request: HttpRequest) -> HttpResponse:
    """The organs of the state in one's places, and the form for another."""
    actor, form = actor_of(request), DepartmentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            actions.create_department(actor=actor, place_id=data["place_id"], name=data["name"])
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("部门已设立。"))
            return redirect("accounts:department_list")
    page = keyset_page(departments_for(actor), order=["name", "id"], cursor=request.GET.get("after", ""))
    context = {"page": page, "form": form}
    return render(request, "accounts/departments.html", context, status=422 if form.errors else 200)


@gate("accounts.manage")
@require_http_methods(["GET", "POST"])
def post(request: HttpRequest, pk: int) -> HttpResponse:
    """One post: everyone who held it, and the form to appoint somebody."""
    actor = actor_of(request)
    row = open_door(Post.objects.select_related("place", "department"), actor, "accounts.manage", pk)
    form = AppointForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            actions.appoint(
                actor=actor,
                post_id=pk,
                user_id=data["user_id"],
                valid_from=data["valid_from"],
                valid_to=data["valid_to"],
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("已提出任职，经安全管理员批准后生效。"))
            return redirect("accounts:post", pk)
    seats = row.incumbencies.select_related("user", "vetted_by").order_by("-valid_from", "-id")
    context = {"post": row, "seats": seats, "form": form, "today": clock.today()}
    return render(request, "accounts/post.html", context, status=422 if form.errors else 200)


@gate("accounts.manage")
@require_POST
def post_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Abolish a post."""
    actions.close_post(actor=actor_of(request), post_id=pk, version=version_of(request))
    messages.success(request, _("岗位已撤销。"))
    return redirect("accounts:post_list")


@gate("accounts.manage")
@require_POST
def seat_end(request: HttpRequest, pk: int) -> HttpResponse:
    """A person leaves a post."""
    row = actions.end_incumbency(actor=actor_of(request), incumbency_id=pk, version=version_of(request))
    messages.success(request, _("任职已结束。"))
    return redirect("accounts:post", row.post_id)


@gate("accounts.manage")
@require_http_methods(["GET", "POST"])
def hand_over(request: HttpRequest, pk: int) -> HttpResponse:
    """One person leaves a post, another takes it with everything open."""
    actor = actor_of(request)
    rows = Incumbency.objects.select_related("post__place", "user")
    within = place_filter(actor, "accounts.manage", "post__")
    seat = open_door(rows, actor, "accounts.manage", pk, within=within)
    form = HandOverForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.hand_over(
                actor=actor,
                incumbency_id=pk,
                version=version_of(request),
                successor_id=form.cleaned_data["user_id"],
                on=form.cleaned_data["on"],
            )
        except Invalid as error:
            show_problems(form, error, {"successor": "username"})
        else:
            messages.success(request, _("交接已办理，接任人经安全管理员批准后即可看到全部未办事项。"))
            return redirect("accounts:post", seat.post_id)
    context = {"form": form, "seat": seat}
    return render(request, "accounts/hand_over.html", context, status=422 if form.errors else 200)


@gate("teams.read")
@require_http_methods(["GET", "POST"])
def team_list(request: HttpRequest) -> HttpResponse:
    """Leading groups and resident work teams, and the form for another."""
    actor, form = actor_of(request), TeamForm(request.POST or None)
    if request.method == "POST":
        require(actor, "teams.manage")
        if form.is_valid():
            data = form.cleaned_data
            try:
                made = actions.form_team(
                    actor=actor,
                    place_id=data["place_id"],
                    kind=data["kind"],
                    name=data["name"],
                    document=data["document"],
                )
            except Invalid as error:
                show_problems(form, error)
            else:
                messages.success(request, _("队(组)已成立。"))
                return redirect("accounts:team", made.pk)
    rows = teams_for(actor).filter(dissolved_on=None)
    if request.GET.get("kind") in Team.Kind.values:
        rows = rows.filter(kind=request.GET["kind"])
    page = keyset_page(rows, order=["kind", "id"], cursor=request.GET.get("after", ""))
    context = {"page": page, "form": form, "may_manage": actor.may("teams.manage")}
    return render(request, "accounts/teams.html", context, status=422 if form.errors else 200)


@gate("teams.read")
@require_http_methods(["GET", "POST"])
def team(request: HttpRequest, pk: int) -> HttpResponse:
    """One team: its members, and the form to add somebody."""
    actor = actor_of(request)
    row = open_door(Team.objects.select_related("place"), actor, "teams.read", pk)
    form = MemberForm(request.POST or None)
    if request.method == "POST":
        require(actor, "teams.manage")
        if form.is_valid():
            data = form.cleaned_data
            try:
                actions.add_member(
                    actor=actor, team_id=pk, user_id=data["user_id"], position=data["position"]
                )
            except Invalid as error:
                show_problems(form, error)
            else:
                messages.success(request, _("已提出入队，经安全管理员批准后生效。"))
                return redirect("accounts:team", pk)
    members = (
        TeamMember.objects.filter(team=row).filter(state__in=["proposed", "live"]).select_related("user")
    )
    context = {
        "team": row,
        "members": members.order_by("-valid_from", "id"),
        "form": form,
        "today": clock.today(),
        "may_manage": actor.may("teams.manage"),
    }
    return render(request, "accounts/team.html", context, status=422 if form.errors else 200)


@gate("teams.manage")
@require_POST
def team_dissolve(request: HttpRequest, pk: int) -> HttpResponse:
    """End a team."""
    actions.dissolve_team(actor=actor_of(request), team_id=pk, version=version_of(request))
    messages.success(request, _("队(组)已撤销。"))
    return redirect("accounts:team_list")


@gate("teams.manage")
@require_POST
def member_end(request: HttpRequest, pk: int) -> HttpResponse:
    """A person leaves a team."""
    row = actions.end_membership(actor=actor_of(request), member_id=pk, version=version_of(request))
    messages.success(request, _("已离队。"))
    return redirect("accounts:team", row.team_id)
