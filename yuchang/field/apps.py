from django.apps import AppConfig


class FieldConfig(AppConfig):
    name = "yuchang.field"
    label = "field"
