from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "yuchang.registry"
    label = "registry"

    def ready(self) -> None:
        """Make the official workbook known to the import machinery."""
        from yuchang.registry.actions.imports import KIND  # noqa: PLC0415 - needs the models
        from yuchang.sheets import kinds  # noqa: PLC0415

        kinds.register(KIND)
