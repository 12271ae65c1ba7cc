"""Addresses inside, from which the public zone is filled."""

from django.urls import path

from yuchang.portal.views import inside

app_name = "publication"
urlpatterns = [
    path("", inside.publication, name="home"),
    path("counties/<int:pk>/figures", inside.publish_figures, name="publish_figures"),
    path("counties/<int:pk>/notices", inside.publish_notices, name="publish_notices"),
    path("counties/<int:pk>/rounds", inside.publish_rounds, name="publish_rounds"),
    path("counties/<int:pk>/data", inside.publish_open_data, name="publish_open_data"),
    path("counties/<int:pk>/deals", inside.publish_deals, name="publish_deals"),
    path("objections", inside.collect, name="collect"),
    path("bundles", inside.bundles, name="bundles"),
    path("bundles/new", inside.bundle_make, name="bundle_make"),
    path("bundles/received", inside.bundle_take, name="bundle_take"),
    path("bundles/<int:number>", inside.bundle_file, name="bundle_file"),
]
