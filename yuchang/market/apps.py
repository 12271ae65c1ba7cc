from django.apps import AppConfig


class MarketConfig(AppConfig):
    name = "yuchang.market"
    label = "market"
