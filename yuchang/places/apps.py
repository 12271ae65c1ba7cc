from django.apps import AppConfig


class PlacesConfig(AppConfig):
    name = "yuchang.places"
    label = "places"
