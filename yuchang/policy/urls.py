"""Addresses."""

from django.urls import path

from yuchang.policy import views

app_name = "policy"
urlpatterns = [
    path("", views.desk, name="desk"),
    path("rules", views.rules, name="rules"),
    path("runs", views.run_new, name="run_new"),
    path("runs/<int:pk>", views.run, name="run"),
    path("runs/<int:pk>/results", views.results, name="results"),
    path("runs/<int:pk>/households/<int:household_id>", views.result, name="result"),
    path("households/<int:pk>", views.household, name="household"),
    path("decisions/<int:pk>", views.decision, name="decision"),
]
