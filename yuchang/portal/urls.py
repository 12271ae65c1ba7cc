"""Addresses of the public zone."""

from django.urls import path

from yuchang.portal import views

app_name = "portal"
urlpatterns = [
    path("", views.front, name="front"),
    path("counties/<slug:code>", views.county, name="county"),
    path("notices/<slug:code>", views.notice, name="notice"),
    path("objections/<slug:code>", views.objection, name="objection"),
    path("receipts/<slug:receipt>", views.received, name="received"),
    path("about", views.about, name="about"),
]
