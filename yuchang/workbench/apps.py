from django.apps import AppConfig


class WorkbenchConfig(AppConfig):
    name = "yuchang.workbench"
    label = "workbench"
