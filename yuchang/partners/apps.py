from django.apps import AppConfig


class PartnersConfig(AppConfig):
    name = "yuchang.partners"
    label = "partners"

    def ready(self) -> None:
        """Make the names of organisations known to the domains below."""
        from yuchang.core.naming import register_namer  # noqa: PLC0415
        from yuchang.partners.queries import organisation_names  # noqa: PLC0415 - needs the models

        register_namer("organisation", organisation_names)
