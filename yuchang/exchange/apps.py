from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "yuchang.exchange"
    label = "exchange"

    def ready(self) -> None:
        """Make known what may leave as a file and come in as a workbook, and names for the domains below."""
        from yuchang.core.naming import register_namer  # noqa: PLC0415
        from yuchang.exchange.actions.imports import KIND  # noqa: PLC0415 - needs the models
        from yuchang.exchange.queries import category_names, unit_names  # noqa: PLC0415
        from yuchang.exchange.sources import SOURCES  # noqa: PLC0415 - needs the models
        from yuchang.sheets import catalogue, kinds  # noqa: PLC0415

        register_namer("category", category_names)
        register_namer("unit", unit_names)
        kinds.register(KIND)
        for source in SOURCES:
            catalogue.declare(source)
