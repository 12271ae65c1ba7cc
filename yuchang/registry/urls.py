"""Addresses."""

from django.urls import path

from yuchang.registry.views import households, imports, likenesses, notices

app_name = "registry"
urlpatterns = [
    path("", households.household_list, name="household_list"),
    path("export", households.household_export, name="household_export"),
    path("new", households.household_new, name="household_new"),
    path("<int:pk>", households.household, name="household"),
    path("<int:pk>/correct", households.household_correct, name="household_correct"),
    path("<int:pk>/verify", households.household_verify, name="household_verify"),
    path("<int:pk>/exit", households.household_exit, name="household_exit"),
    path("<int:pk>/remove", households.household_remove, name="household_remove"),
    path("<int:pk>/facts", households.household_facts, name="household_facts"),
    path("<int:pk>/resources", households.household_resource, name="household_resource"),
    path("verify", households.verify_queue, name="verify_queue"),
    path("verify/selected", households.verify_many, name="verify_many"),
    path("notices", notices.notices, name="notices"),
    path("notices/new", notices.notice_new, name="notice_new"),
    path("notices/close", notices.notices_close, name="notices_close"),
    path("notices/<int:pk>", notices.notice, name="notice"),
    path("notices/<int:pk>/close", notices.notice_close, name="notice_close"),
    path("notices/entries/<int:entry>/object", notices.objection_new, name="objection_new"),
    path("objections", notices.objections, name="objections"),
    path("objections/<int:pk>", notices.objection, name="objection"),
    path("objections/<int:pk>/decide", notices.objection_decide, name="objection_decide"),
    path("likenesses", likenesses.likenesses, name="likenesses"),
    path("likenesses/find", likenesses.likenesses_find, name="likenesses_find"),
    path("likenesses/<int:pk>", likenesses.likeness, name="likeness"),
    path("likenesses/<int:pk>/decide", likenesses.likeness_decide, name="likeness_decide"),
    path("resources", notices.resource_list, name="resource_list"),
    path("resources/new", notices.resource_new, name="resource_new"),
    path("resources/<int:pk>/withdraw", notices.resource_withdraw, name="resource_withdraw"),
    path("imports", imports.import_list, name="import_list"),
    path("imports/new", imports.import_new, name="import_new"),
    path("imports/template", imports.import_template, name="import_template"),
    path("imports/<int:pk>", imports.import_batch, name="import"),
    path("imports/<int:pk>/progress", imports.import_progress, name="import_progress"),
    path("imports/<int:pk>/mapping", imports.import_mapping, name="import_mapping"),
    path("imports/<int:pk>/confirm", imports.import_confirm, name="import_confirm"),
    path("imports/<int:pk>/undo", imports.import_undo, name="import_undo"),
    path("imports/<int:pk>/cancel", imports.import_cancel, name="import_cancel"),
    path("imports/<int:pk>/annotated", imports.import_annotated, name="import_annotated"),
    path("imports/<int:pk>/refused", imports.import_refused, name="import_refused"),
]
