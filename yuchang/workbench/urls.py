"""Addresses."""

from django.urls import path

from yuchang.workbench import views

app_name = "workbench"
urlpatterns = [
    path("", views.home, name="home"),
    path("dashboard", views.dashboard, name="dashboard"),
    path("flows", views.flows, name="flows"),
    path("figures/<slug:name>", views.figure, name="figure"),
    path("search", views.search, name="search"),
    path("households/<int:pk>", views.household, name="household"),
    path("households/<int:pk>/why", views.why, name="why"),
    path("households/<int:pk>/members/<int:member>/<slug:field>", views.reveal, name="reveal"),
    path("places/<int:pk>/loop", views.place_loop, name="place_loop"),
    path("saved-views", views.save_view, name="save_view"),
    path("saved-views/<int:pk>/forget", views.forget_view, name="forget_view"),
    path("audit", views.audit_log, name="audit_log"),
    path("operations", views.operations, name="operations"),
    path("people", views.people, name="people"),
    path("people/<int:pk>", views.person, name="person"),
    path("people/<int:pk>/password", views.reset_password, name="reset_password"),
    path("people/<int:pk>/close", views.deactivate, name="deactivate"),
    path("grants/<int:pk>/end", views.end_grant, name="end_grant"),
]
