"""What the system administrator types about people and their roles."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.actions.proposals import unknown_person
from yuchang.accounts.models import Consent, Post, User
from yuchang.accounts.models.consents import INFORMATION
from yuchang.accounts.rules import NEEDS_ORGANISATION, NOT_GRANTED, Role
from yuchang.files.fields import UploadField
from yuchang.partners.models import Organisation
from yuchang.places.models import Place
from yuchang.workbench.queries.household import role_word


class PersonForm(forms.Form):
    """A new person."""

    username = forms.RegexField(
        r"^[\w.-]{3,60}$",
        label=_("登录名"),
        help_text=_("三个字以上，可用字母、数字、汉字、点、横线和下划线。"),
        error_messages={"invalid": _("登录名只能用字母、数字、汉字、点、横线和下划线，至少三个字。")},
    )
    display_name = forms.CharField(label=_("姓名"), max_length=60)


class GrantForm(forms.Form):
    """A role within a place (by code) or for an organisation (by number)."""

    role = forms.ChoiceField(label=_("岗位"))
    place = forms.CharField(
        label=_("所管地区"),
        required=False,
        max_length=12,
        help_text=_("十二位区划代码；县可只写前六位。帮扶伙伴不填。"),
    )
    organisation = forms.IntegerField(
        label=_("所代表的单位"), required=False, help_text=_("单位编号，只有帮扶伙伴填。")
    )
    valid_to = forms.DateField(
        label=_("截止日期"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [(role.value, role_word(role)) for role in Role if role not in NOT_GRANTED]

    def clean(self) -> dict[str, Any]:
        """Find the place or the organisation that was named."""
        data = super().clean() or {}
        if data.get("role") in NEEDS_ORGANISATION:
            if not Organisation.objects.filter(pk=data.get("organisation") or 0).exists():
                self.add_error("organisation", _("没有这个单位,或不是您管辖的地区引入的。"))
            return data
        code = (data.get("place") or "").strip()
        found = Place.objects.filter(code=code.ljust(12, "0"), valid_to__isnull=True).first()
        if found is None:
            self.add_error("place", _("没有这个地区代码。"))
        data["place_id"] = found.pk if found else None
        return data


class LeaveForm(forms.Form):
    """Whether somebody leaves for good or for a time, who takes the posts over, and why."""

    LEAVE, PAUSE = "leave", "pause"
    way = forms.ChoiceField(
        label=_("方式"),
        choices=[
            (LEAVE, _("离任：岗位、队组、结对和权限今天起全部结束")),
            (PAUSE, _("暂停：只是不能登录，岗位保留")),
        ],
        widget=forms.RadioSelect,
        initial=LEAVE,
        required=False,
    )
    username = forms.CharField(
        label=_("接任人的登录名"),
        max_length=60,
        required=False,
        help_text=_(
            "接任其全部任职，经安全管理员批准后生效。各岗位接任人不同的，请先在各岗位的页面办理交接。"
        ),
    )
    reason = forms.CharField(label=_("理由"), max_length=200)

    def clean(self) -> dict[str, Any]:
        """Find the successor."""
        data = super().clean() or {}
        name = data.get("username", "").strip()
        user = User.objects.filter(username=name, is_active=True).first() if name else None
        if name and data.get("way") == self.PAUSE:
            self.add_error("username", _("暂停时岗位保留，不需要接任人。请留空，或选择离任。"))
        elif name and user is None:
            problem = unknown_person().problems[0]
            self.add_error("username", f"{problem.message}{problem.remedy}")
        data["user_id"] = user.pk if user else None
        return data


class _NamedField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One of some posts or organisations, by title or name."""

    def label_from_instance(self, obj: Any) -> str:
        """What people call it."""
        return f"{obj.title} · {obj.place.name}" if isinstance(obj, Post) else str(obj.name)


def _choose_from(field: forms.Field, rows: QuerySet[Any]) -> None:
    assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - declared by the form
    field.queryset = rows


class HelperForm(forms.Form):
    """Who helps a household: a person, or whoever holds a post."""

    username = forms.CharField(label=_("帮扶责任人的登录名"), max_length=60, required=False)
    post = _NamedField(Post.objects.none(), label=_("或由岗位负责"), required=False)

    def __init__(self, *args: Any, posts: QuerySet[Post], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose_from(self.fields["post"], posts.order_by("title", "pk"))

    def clean(self) -> dict[str, Any]:
        """Either a person or a post."""
        data = super().clean() or {}
        name = data.get("username", "").strip()
        user = User.objects.filter(username=name, is_active=True).first() if name else None
        if bool(name) == bool(data.get("post")):
            self.add_error("username", _("请填写登录名，或选择一个岗位，二者选一。"))
        elif name and user is None:
            problem = unknown_person().problems[0]
            self.add_error("username", f"{problem.message}{problem.remedy}")
        data["user_id"] = user.pk if user else None
        return data


class ConsentForm(forms.Form):
    """What a household consents to, and how that was said."""

    purpose = forms.ChoiceField(label=_("用途"), choices=Consent.Purpose.choices)
    organisation = _NamedField(Organisation.objects.none(), label=_("使用单位"))
    information = forms.MultipleChoiceField(
        label=_("同意使用的信息"), choices=INFORMATION, widget=forms.CheckboxSelectMultiple
    )
    channel = forms.ChoiceField(
        label=_("同意的方式"), choices=[c for c in Consent.Channel.choices if c[0] != "page"]
    )
    expires_on = forms.DateField(
        label=_("有效期至"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    evidence = UploadField(
        purpose="consent_form", label=_("签字件"), required=False, help_text=_("书面或入户面签须附上。")
    )
    note = forms.CharField(label=_("备注"), max_length=200, required=False)

    def __init__(self, *args: Any, organisations: QuerySet[Organisation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose_from(self.fields["organisation"], organisations)

    @property
    def agreed(self) -> dict[str, Any]:
        """What was agreed, in the words of ``give_consent``."""
        data = self.cleaned_data
        given = {name: data[name] for name in ("purpose", "channel", "expires_on", "note")}
        return {**given, "organisation_id": data["organisation"].pk, "fields": data["information"]}
