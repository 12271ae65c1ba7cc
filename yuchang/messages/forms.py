"""How a person wants to be told."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from yuchang.messages.models import Message, Preference

HOURS = [(hour, f"{hour:02d}:00") for hour in range(24)]


class PreferenceForm(forms.Form):
    """Channels, kinds, digest and quiet hours."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    wants_sms = forms.BooleanField(label=gettext_lazy("有新消息时发短信"), required=False)
    wants_email = forms.BooleanField(label=gettext_lazy("有新消息时发电子邮件"), required=False)
    muted = forms.MultipleChoiceField(
        label=gettext_lazy("只留在收件箱、不向外发送的消息"),
        choices=[(k.value, k.label) for k in Message.Kind if k != Message.Kind.DIGEST],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    digest = forms.ChoiceField(label=gettext_lazy("发送方式"), choices=Preference.Digest.choices)
    digest_hour = forms.TypedChoiceField(label=gettext_lazy("摘要时间"), choices=HOURS, coerce=int)
    quiet_from = forms.TypedChoiceField(
        label=gettext_lazy("免打扰开始"),
        choices=HOURS,
        coerce=int,
        help_text=gettext_lazy("免打扰时段内不发短信和邮件；验证码和紧急消息除外。"),
    )
    quiet_to = forms.TypedChoiceField(label=gettext_lazy("免打扰结束"), choices=HOURS, coerce=int)

    @classmethod
    def of(cls, row: Preference, data: Any = None) -> PreferenceForm:
        """The form filled from what is stored."""
        names = [name for name in cls.base_fields if name != "version"]
        return cls(data, initial={name: getattr(row, name) for name in names} | {"version": row.version})
