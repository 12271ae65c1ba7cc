"""Health and language."""

from django.urls import path
from django.views.decorators.http import require_POST
from django.views.i18n import set_language as django_set_language

from yuchang.core import views

set_language = views.public(require_POST(django_set_language))

app_name = "core"
urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("language", set_language, name="set_language"),
]
