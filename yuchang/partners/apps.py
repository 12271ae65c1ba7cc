from django.apps import AppConfig


class PartnersConfig(AppConfig):
    name = "yuchang.partners"
    label = "partners"
