"""What a person enters at the policy desk."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.queries import LEVEL_COLUMNS, NOTHING
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.places.models import Place


class DecideForm(forms.Form):
    """The day as of which one household is decided."""

    on = forms.DateField(
        label=_("认定日期"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        self.fields["on"].initial = today

    def clean_on(self) -> date:
        on: date = self.cleaned_data["on"]
        if on > self.today:
            raise forms.ValidationError(_("不能按将来的日期认定。"))
        return on


class RunForm(DecideForm):
    """A county of the actor's and a day."""

    county = forms.ModelChoiceField(Place.objects.none(), label=_("县"), empty_label=None)
    field_order = ["county", "on"]

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["county"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - declared above
        field.queryset = counties_for(actor, "policy.decide")


def counties_for(actor: Actor, permission: str) -> QuerySet[Place]:
    """The present counties wholly in the actor's reach."""
    reach = NOTHING
    for scope in actor.scopes(permission):
        if isinstance(scope, PlaceScope) and scope.level <= Place.Level.COUNTY:
            reach |= Q(**{LEVEL_COLUMNS[scope.level]: scope.place_id}) if scope.level else Q(pk__gt=0)
    return Place.objects.filter(reach, level=Place.Level.COUNTY, valid_to__isnull=True).order_by("code")
