"""Addresses of the book."""

from django.urls import path

from yuchang.ledger import views

app_name = "ledger"
urlpatterns = [
    path("", views.transaction_list, name="transaction_list"),
    path("<int:transaction_id>", views.transaction, name="transaction"),
    path("<int:transaction_id>/reverse", views.transaction_reverse, name="transaction_reverse"),
    path("households/<int:household_id>", views.household_book, name="household_book"),
]
