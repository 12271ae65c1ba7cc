from django.apps import AppConfig


class PolicyConfig(AppConfig):
    name = "yuchang.policy"
    label = "policy"
