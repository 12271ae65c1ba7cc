from django.apps import AppConfig


class SheetsConfig(AppConfig):
    name = "yuchang.sheets"
    label = "sheets"
