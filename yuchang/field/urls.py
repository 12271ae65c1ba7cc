"""Addresses. The window of the telephone asks the first group; the second are pages like any others."""

from django.urls import path

from yuchang.field import views

app_name = "field"
urlpatterns = [
    path("", views.phone, name="phone"),
    path("worker.js", views.worker, name="worker"),
    path("manifest.webmanifest", views.manifest, name="manifest"),
    path("standing", views.standing, name="standing"),
    path("devices/open", views.device_open, name="device_open"),
    path("devices/key", views.device_key, name="device_key"),
    path("pack", views.take, name="take"),
    path("send", views.send, name="send"),
    path("photo", views.photo, name="photo"),
    path("devices", views.devices, name="devices"),
    path("devices/<int:pk>/close", views.device_close, name="device_close"),
    path("reports", views.reports, name="reports"),
    path("reports/<int:pk>", views.report, name="report"),
    path("reports/<int:pk>/settle", views.report_settle, name="report_settle"),
    path("reports/<int:pk>/drop", views.report_drop, name="report_drop"),
]
