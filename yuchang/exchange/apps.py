from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "yuchang.exchange"
    label = "exchange"
