from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "yuchang.exchange"
    label = "exchange"

    def ready(self) -> None:
        """Make known what may leave as a file."""
        from yuchang.exchange.sources import SOURCES  # noqa: PLC0415 - needs the models
        from yuchang.sheets import catalogue  # noqa: PLC0415

        for source in SOURCES:
            catalogue.declare(source)
