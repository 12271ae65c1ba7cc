from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "yuchang.core"
    label = "core"
