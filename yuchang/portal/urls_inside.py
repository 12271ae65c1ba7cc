"""Addresses inside, from which the public zone is filled."""

from django.urls import path

from yuchang.portal import views

app_name = "publication"
urlpatterns = [
    path("", views.publication, name="home"),
    path("counties/<int:pk>/figures", views.publish_figures, name="publish_figures"),
    path("counties/<int:pk>/notices", views.publish_notices, name="publish_notices"),
    path("objections", views.collect, name="collect"),
]
