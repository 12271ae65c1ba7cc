from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "yuchang.registry"
    label = "registry"
