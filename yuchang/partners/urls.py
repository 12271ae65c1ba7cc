"""Addresses."""

from django.urls import path

from yuchang.partners import views

app_name = "partners"
urlpatterns = [
    path("", views.organisation_list, name="organisation_list"),
    path("new", views.organisation_new, name="organisation_new"),
    path("<int:organisation_id>", views.organisation_page, name="organisation_page"),
    path("<int:organisation_id>/vet", views.vet, name="vet"),
    path("<int:organisation_id>/suspend", views.suspend, name="suspend"),
    path("<int:organisation_id>/contact", views.edit_contact, name="edit_contact"),
    path("<int:organisation_id>/phone", views.reveal_phone, name="reveal_phone"),
]
