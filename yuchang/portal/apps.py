from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "yuchang.portal"
    label = "portal"
