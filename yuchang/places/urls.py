"""Addresses."""

from django.urls import path

from yuchang.places import views

app_name = "places"
urlpatterns = [
    path("", views.index, name="index"),
    path("<int:pk>", views.place, name="place"),
    path("map", views.place_map, name="map"),
    path("outline/<slug:area>.json", views.outline, name="outline"),
]
