"""Addresses of the market."""

from django.urls import path

from yuchang.market.views import orders, rounds

app_name = "market"
urlpatterns = [
    path("", rounds.round_list, name="round_list"),
    path("new", rounds.round_new, name="round_new"),
    path("<int:round_id>", rounds.round_page, name="round"),
    path("<int:round_id>/goods", rounds.offer_new, name="offer_new"),
    path("<int:round_id>/sales/<slug:step>", rounds.round_sales, name="round_sales"),
    path("<int:round_id>/delivery/<slug:step>", rounds.round_delivery, name="round_delivery"),
    path("<int:round_id>/settlement", rounds.round_settlement, name="round_settlement"),
    path("offers/<int:offer_id>", orders.offer, name="offer"),
    path("offers/<int:offer_id>/buy", orders.buy, name="buy"),
    path("offers/<int:offer_id>/growers", rounds.offer_growers, name="offer_growers"),
    path("offers/<int:offer_id>/commitments", rounds.offer_commit, name="offer_commit"),
    path("offers/<int:offer_id>/lots", rounds.offer_lot, name="offer_lot"),
    path("orders/", orders.order_list, name="order_list"),
    path("orders/<int:order_id>", orders.order, name="order"),
    path("orders/<int:order_id>/pay", orders.order_pay, name="order_pay"),
    path("orders/<int:order_id>/cancel", orders.order_cancel, name="order_cancel"),
    path("orders/<int:order_id>/receive", orders.order_receive, name="order_receive"),
    path("orders/<int:order_id>/transfer", orders.order_transfer, name="order_transfer"),
    path("agreements/<int:agreement_id>", orders.agreement_order, name="agreement_order"),
]
