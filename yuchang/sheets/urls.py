"""Addresses."""

from django.urls import path

from yuchang.sheets.views import designs, exports, imports, readbacks, reports

app_name = "sheets"
urlpatterns = [
    path("", exports.output_list, name="output_list"),
    path("new", exports.output_new, name="output_new"),
    path("imports/<str:kind>", imports.import_list, name="import_list"),
    path("imports/<str:kind>/blank", imports.import_template, name="import_template"),
    path("imports/<str:kind>/<int:pk>", imports.import_batch, name="import"),
    path("imports/<str:kind>/<int:pk>/progress", imports.import_progress, name="import_progress"),
    path("imports/<str:kind>/<int:pk>/mapping", imports.import_mapping, name="import_mapping"),
    path("imports/<str:kind>/<int:pk>/annotated", imports.import_annotated, name="import_annotated"),
    path("imports/<str:kind>/<int:pk>/refused", imports.import_refused, name="import_refused"),
    path("imports/<str:kind>/<int:pk>/<str:step>", imports.import_step, name="import_step"),
    path("outputs/<int:pk>", exports.output, name="output"),
    path("outputs/<int:pk>/progress", exports.output_progress, name="output_progress"),
    path("outputs/<int:pk>/file", exports.output_file, name="output_file"),
    path("outputs/<int:pk>/cancel", exports.output_cancel, name="output_cancel"),
    path("templates", designs.template_list, name="template_list"),
    path("templates/new", designs.template_new, name="template_new"),
    path("templates/<int:pk>", designs.template, name="template"),
    path("templates/<int:pk>/edition", designs.template_edition, name="template_edition"),
    path("templates/<int:pk>/fill", designs.template_fill, name="template_fill"),
    path("templates/<int:pk>/retire", designs.template_retire, name="template_retire"),
    path("reports", reports.report_list, name="report_list"),
    path("reports/<int:pk>", reports.report, name="report"),
    path("reports/<int:pk>/verify", reports.report_verify, name="report_verify"),
    path("reports/<int:pk>/correct", reports.report_correct, name="report_correct"),
    path("reports/<int:pk>/compare/<int:other>", reports.report_compare, name="report_compare"),
    path("plans", reports.plan_list, name="plan_list"),
    path("plans/new", reports.plan_new, name="plan_new"),
    path("plans/<int:pk>", reports.plan, name="plan"),
    path("plans/<int:pk>/edit", reports.plan_edit, name="plan_edit"),
    path("plans/<int:pk>/freeze", reports.plan_freeze, name="plan_freeze"),
    path("plans/<int:pk>/stop", reports.plan_stop, name="plan_stop"),
    path("sendings", readbacks.sending_list, name="sending_list"),
    path("sendings/new", readbacks.sending_new, name="sending_new"),
    path("readbacks", readbacks.readback_list, name="readback_list"),
    path("readbacks/new", readbacks.readback_new, name="readback_new"),
    path("readbacks/<int:pk>", readbacks.readback, name="readback"),
    path("readbacks/<int:pk>/clear", readbacks.readback_clear, name="readback_clear"),
    path("readbacks/<int:pk>/decide", readbacks.readback_decide, name="readback_decide"),
    path("readbacks/<int:pk>/close", readbacks.readback_close, name="readback_close"),
]
