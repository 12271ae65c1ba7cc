from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "yuchang.accounts"
    label = "accounts"
