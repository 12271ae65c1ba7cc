"""Addresses of the public zone: published and intake tables only."""

from django.urls import include, path

urlpatterns = [
    path("", include("yuchang.core.urls")),
    path("", include("yuchang.portal.urls")),
]
handler400 = "yuchang.core.views.bad_request"
handler403 = "yuchang.core.views.forbidden"
handler404 = "yuchang.core.views.not_found"
handler500 = "yuchang.core.views.server_error"
