"""Addresses of the inside zone."""

from django.urls import include, path

from yuchang.api.urls import operations

urlpatterns = [
    path("", include("yuchang.core.urls")),
    path("", include("yuchang.workbench.urls")),
    path("accounts/", include("yuchang.accounts.urls")),
    path("places/", include("yuchang.places.urls")),
    path("files/", include("yuchang.files.urls")),
    path("messages/", include("yuchang.messages.urls")),
    path("procedures/", include("yuchang.procedures.urls")),
    path("sheets/", include("yuchang.sheets.urls")),
    path("registry/", include("yuchang.registry.urls")),
    path("partners/", include("yuchang.partners.urls")),
    path("exchange/", include("yuchang.exchange.urls")),
    path("market/", include("yuchang.market.urls")),
    path("ledger/", include("yuchang.ledger.urls")),
    path("policy/", include("yuchang.policy.urls")),
    path("monitoring/", include("yuchang.monitoring.urls")),
    path("field/", include("yuchang.field.urls")),
    path("api/v1/", operations()),
    path("api/", include("yuchang.api.urls")),
    path("publication/", include("yuchang.portal.urls_inside")),
]
handler400 = "yuchang.core.views.bad_request"
handler403 = "yuchang.core.views.forbidden"
handler404 = "yuchang.core.views.not_found"
handler500 = "yuchang.core.views.server_error"
