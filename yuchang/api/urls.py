"""Addresses of the machines' window: the operations of version 1, and the pages where people issue tokens."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.urls import path

from yuchang.api import views
from yuchang.api.v1 import TOKEN, api

app_name = "api"


def operations() -> Any:
    """ninja's addresses; each says that a token opens it, not a signed-in browser."""
    patterns, application, namespace = api.urls
    for pattern in patterns:
        view: Any = pattern.callback
        if not hasattr(view, "permission"):
            view.permission = TOKEN
            login_not_required(view)
    return patterns, application, namespace


urlpatterns = [
    path("", views.own, name="own"),
    path("tokens/", views.issue, name="issue"),
    path("tokens/<int:token_id>/revoke/", views.revoke, name="revoke"),
    path("webhooks/", views.webhook_new, name="webhook_new"),
    path("webhooks/<int:webhook_id>/", views.webhook, name="webhook"),
    path("webhooks/<int:webhook_id>/state/", views.webhook_state, name="webhook_state"),
    path("webhooks/<int:webhook_id>/again/", views.webhook_again, name="webhook_again"),
]
