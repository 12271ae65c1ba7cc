"""Addresses of the public zone."""

from django.urls import path

from yuchang.portal.views import public, registering

app_name = "portal"
urlpatterns = [
    path("", public.front, name="front"),
    path("counties/<slug:code>", public.county, name="county"),
    path("notices/<slug:code>", public.notice, name="notice"),
    path("objections/<slug:code>", public.objection, name="objection"),
    path("receipts", registering.find_receipt, name="find_receipt"),
    path("join", registering.join, name="join"),
    path("receipts/<slug:receipt>", public.received, name="received"),
    path("rounds/<slug:code>", public.round_page, name="round"),
    path("traces/<slug:code>", public.trace, name="trace"),
    path("trades", public.trades, name="trades"),
    path("trades/<slug:code>", public.county_trades, name="county_trades"),
    path("data/<slug:code>", public.open_data, name="open_data"),
    path("files/<slug:code>", public.download, name="download"),
    path("about", public.about, name="about"),
]
