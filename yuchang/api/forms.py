"""What a person fills in to let a machine in, or to be told of what happens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.rules import Actor
from yuchang.api.queries import offered_permissions, own_places
from yuchang.core import clock


class TokenForm(forms.Form):
    """A token of one's own."""

    name = forms.CharField(label=_("名称"), max_length=80, help_text=_("写明由哪个系统使用。"))
    permissions = forms.MultipleChoiceField(
        label=_("可做的事"), widget=forms.CheckboxSelectMultiple, help_text=_("令牌的权限不会超过您本人。")
    )
    expires_on = forms.DateField(label=_("有效期至"), widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["permissions"].choices = offered_permissions(actor)  # type: ignore[attr-defined]
        self.fields["expires_on"].initial = clock.today() + timedelta(days=90)


class WebhookForm(forms.Form):
    """An address to be told of what happens in a place."""

    place_id = forms.TypedChoiceField(label=_("范围"), coerce=int)
    url = forms.URLField(label=_("地址"), max_length=300, assume_scheme="https")
    events = forms.CharField(
        label=_("事件"),
        max_length=600,
        help_text=_("以逗号或空格分开,例如:exchange.*, registry.verify_household"),
    )

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["place_id"].choices = [(p.pk, p.full_name) for p in own_places(actor)]  # type: ignore[attr-defined]

    def clean_events(self) -> list[str]:
        return str(self.cleaned_data["events"]).replace(",", " ").replace("\uff0c", " ").split()
