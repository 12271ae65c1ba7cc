"""Addresses."""

from django.urls import path

from yuchang.monitoring import views

app_name = "monitoring"
urlpatterns = [
    path("", views.alerts, name="alerts"),
    path("assess", views.assess, name="assess"),
    path("alerts/<int:pk>", views.alert, name="alert"),
    path("alerts/<int:pk>/visit", views.visit, name="visit"),
]
