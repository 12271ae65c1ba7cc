"""What people type about accounts: their own, and others'."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.actions.proposals import unknown_person
from yuchang.accounts.models import Department, Deputy, Team, TeamMember, User
from yuchang.accounts.queries import role_word
from yuchang.accounts.rules import NEEDS_ORGANISATION, NOT_GRANTED, Role
from yuchang.places.models import Place

STRENGTH = _("至少十位，含大写字母、小写字母、数字、符号中的至少三种。")


def _date(label: Any, *, required: bool = True) -> forms.DateField:
    return forms.DateField(
        label=label, required=required, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


def _new_password(label: Any, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class SignInForm(AuthenticationForm):
    """Name and password, asked for in the words of the other pages."""

    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": _("登录名或密码不对。两者都区分大小写。")
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["username"].label = _("登录名")


class _NewPassword(forms.Form):
    """A new password, typed twice."""

    def clean(self) -> dict[str, Any]:
        """Both entries of the new password agree."""
        data = super().clean() or {}
        if data.get("new") and data.get("again") and data["new"] != data["again"]:
            self.add_error("again", _("两次输入的新密码不一致。"))
        return data


class OwnPasswordForm(_NewPassword):
    """The old password, and the new one twice."""

    old = forms.CharField(
        label=_("原密码"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    new = _new_password(_("新密码"), STRENGTH)
    again = _new_password(_("再输一次新密码"))


class JoinForm(_NewPassword):
    """What an invited person chooses."""

    username = forms.RegexField(
        r"^[\w.-]{3,60}$",
        label=_("登录名"),
        help_text=_("三个字以上，可用字母、数字、汉字、点、横线和下划线。"),
        error_messages={"invalid": _("登录名只能用字母、数字、汉字、点、横线和下划线，至少三个字。")},
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    new = _new_password(_("新密码"), STRENGTH)
    again = _new_password(_("再输一次新密码"))


class SecondStepForm(forms.Form):
    """Six digits, or a recovery code."""

    code = forms.CharField(
        label=_("验证码或恢复码"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True}),
    )


class CodeForm(forms.Form):
    """The first code of a new authenticator."""

    code = forms.RegexField(
        r"^\d{6}$",
        label=_("手机上显示的六位验证码"),
        error_messages={"invalid": _("请填写六位数字。")},
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class PasswordForm(forms.Form):
    """One's own password, to prove the person."""

    password = forms.CharField(
        label=_("密码"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class _NamesPerson(forms.Form):
    """Another person, by the name used at sign-in."""

    username = forms.CharField(label=_("登录名"), max_length=60)

    def clean(self) -> dict[str, Any]:
        """Find the person."""
        data = super().clean() or {}
        user = User.objects.filter(username=data.get("username", ""), is_active=True).first()
        if user is None and data.get("username"):
            problem = unknown_person().problems[0]
            self.add_error("username", f"{problem.message}{problem.remedy}")
        data["user_id"] = user.pk if user else None
        return data


class DeputyForm(_NamesPerson):
    """Who stands in, and from when to when."""

    valid_from = _date(_("开始日期"))
    valid_to = _date(_("结束日期"))
    reason = forms.ChoiceField(label=_("原因"), choices=Deputy.Reason.choices)


class AppointForm(_NamesPerson):
    """Who takes a post."""

    valid_from = _date(_("任职日期"), required=False)
    valid_to = _date(_("截止日期"), required=False)


class HandOverForm(_NamesPerson):
    """Who takes over, and on which day."""

    on = _date(_("交接日期"), required=False)


class MemberForm(_NamesPerson):
    """Who joins a team."""

    position = forms.ChoiceField(label=_("职务"), choices=TeamMember.Position.choices)


class _NamesPlace(forms.Form):
    """A place by its code."""

    place = forms.CharField(label=_("地区"), max_length=12, help_text=_("十二位区划代码；县可只写前六位。"))

    def clean(self) -> dict[str, Any]:
        """Find the place."""
        data = super().clean() or {}
        code = (data.get("place") or "").strip()
        found = Place.objects.filter(code=code.ljust(12, "0"), valid_to__isnull=True).first()
        if code and found is None:
            self.add_error("place", _("没有这个地区代码。"))
        data["place_id"] = found.pk if found else None
        return data


class _NamesRole(forms.Form):
    role = forms.ChoiceField(label=_("岗位"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        left_out = NOT_GRANTED | NEEDS_ORGANISATION
        field.choices = [(role.value, role_word(role.value)) for role in Role if role not in left_out]


class _DepartmentField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """An organ of the state, with where it is."""

    def label_from_instance(self, obj: Any) -> str:
        """The name and its place."""
        return f"{obj.name} · {obj.place.name}"


class PostForm(_NamesRole, _NamesPlace):
    """A new post."""

    title = forms.CharField(label=_("岗位名称"), max_length=60)
    department = _DepartmentField(Department.objects.none(), label=_("部门"), required=False)
    field_order = ("title", "role", "department", "place")

    def __init__(self, *args: Any, departments: QuerySet[Department], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["department"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - declared above
        field.queryset = departments.order_by("name", "pk")


class DepartmentForm(_NamesPlace):
    """A new organ of the state at a place."""

    name = forms.CharField(label=_("部门名称"), max_length=100)
    field_order = ("name", "place")


class InviteForm(_NamesRole, _NamesPlace):
    """Whom to invite, and to which role."""

    display_name = forms.CharField(label=_("姓名"), max_length=60)
    field_order = ("display_name", "role", "place")


class TeamForm(_NamesPlace):
    """A new leading group or work team."""

    name = forms.CharField(label=_("名称"), max_length=100)
    kind = forms.ChoiceField(label=_("类别"), choices=Team.Kind.choices)
    document = forms.CharField(label=_("文号"), max_length=120, required=False)
    field_order = ("name", "kind", "place", "document")
