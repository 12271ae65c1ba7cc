from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "yuchang.exchange"
    label = "exchange"

    def ready(self) -> None:
        """Make known what may leave as a file, and what may come in as a workbook."""
        from yuchang.exchange.actions.imports import KIND  # noqa: PLC0415 - needs the models
        from yuchang.exchange.sources import SOURCES  # noqa: PLC0415 - needs the models
        from yuchang.sheets import catalogue, kinds  # noqa: PLC0415

        kinds.register(KIND)
        for source in SOURCES:
            catalogue.declare(source)
