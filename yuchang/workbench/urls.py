"""Addresses."""

from django.urls import path

from yuchang.workbench import care, entrance, leaving, views, windows

app_name = "workbench"
urlpatterns = [
    path("phone", entrance.phone_sign_in, name="phone_sign_in"),
    path("phone/code", entrance.phone_code, name="phone_code"),
    path("", windows.home, name="home"),
    path("mine", windows.own, name="own"),
    path("mine/appeal", windows.own_appeal, name="own_appeal"),
    path("mine/consents/<int:pk>/withdraw", windows.own_withdraw, name="own_withdraw"),
    path("wall", windows.wall, name="wall"),
    path("suggest", windows.suggest, name="suggest"),
    path("categories", windows.categories, name="categories"),
    path("help", windows.help_panel, name="help"),
    path("dashboard", views.dashboard, name="dashboard"),
    path("flows", views.flows, name="flows"),
    path("figures/<slug:name>", views.figure, name="figure"),
    path("search", windows.search, name="search"),
    path("households/<int:pk>", views.household, name="household"),
    path("households/<int:pk>/why", views.why, name="why"),
    path("households/<int:pk>/helper", care.helper, name="helper"),
    path("households/<int:pk>/helper/end", care.helper_end, name="helper_end"),
    path("households/<int:pk>/consents", care.consents, name="consents"),
    path("households/<int:pk>/members/<int:member>/<slug:field>", views.reveal, name="reveal"),
    path("places/<int:pk>/loop", views.place_loop, name="place_loop"),
    path("saved-views", windows.save_view, name="save_view"),
    path("saved-views/<int:pk>/forget", windows.forget_view, name="forget_view"),
    path("audit", views.audit_log, name="audit_log"),
    path("operations", views.operations, name="operations"),
    path("operations/tasks", views.tasks, name="tasks"),
    path("operations/tasks/<int:pk>/retry", views.task_retry, name="task_retry"),
    path("people", views.people, name="people"),
    path("people/<int:pk>", views.person, name="person"),
    path("people/<int:pk>/password", views.reset_password, name="reset_password"),
    path("people/<int:pk>/close", leaving.deactivate, name="deactivate"),
    path("people/<int:pk>/reopen", views.reactivate, name="reactivate"),
    path("grants/<int:pk>/end", views.end_grant, name="end_grant"),
]
