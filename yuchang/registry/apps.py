from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "yuchang.registry"
    label = "registry"

    def ready(self) -> None:
        """Make the official workbook known to the import machinery, and what may leave to the export's."""
        from yuchang.core.naming import register_namer  # noqa: PLC0415
        from yuchang.registry.actions.imports import KIND  # noqa: PLC0415 - needs the models
        from yuchang.registry.queries import household_numbers  # noqa: PLC0415
        from yuchang.registry.sources import SOURCES  # noqa: PLC0415
        from yuchang.sheets import catalogue, kinds  # noqa: PLC0415

        register_namer("household", household_numbers)
        kinds.register(KIND)
        for source in SOURCES:
            catalogue.declare(source)
