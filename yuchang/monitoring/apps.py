from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "yuchang.monitoring"
    label = "monitoring"
