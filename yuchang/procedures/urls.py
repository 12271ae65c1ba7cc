from django.urls import path

from yuchang.procedures.views import cases, library, samples

app_name = "procedures"
urlpatterns = [
    path("", cases.due, name="due"),
    path("overdue/", cases.overdue, name="overdue"),
    path("new/", cases.case_new, name="case_new"),
    path("cases/<int:pk>/", cases.case, name="case"),
    path("cases/<int:pk>/advance/", cases.case_advance, name="case_advance"),
    path("cases/<int:pk>/return/", cases.case_return, name="case_return"),
    path("cases/<int:pk>/withdraw/", cases.case_withdraw, name="case_withdraw"),
    path("cases/<int:pk>/transfer/", cases.case_transfer, name="case_transfer"),
    path("tracks/<int:pk>/", cases.track_complete, name="track_complete"),
    path("tracks/<int:pk>/object/", cases.track_object, name="track_object"),
    path("library/", library.procedures, name="library"),
    path("library/<int:pk>/", library.definition, name="definition"),
    path("library/<int:pk>/adapt/", library.definition_adapt, name="definition_adapt"),
    path("library/<int:pk>/vet/", library.definition_vet, name="definition_vet"),
    path("library/<int:pk>/withdraw/", library.definition_withdraw, name="definition_withdraw"),
    path("calendar/", library.calendar, name="calendar"),
    path("calendar/import/", library.calendar_import, name="calendar_import"),
    path("samples/", samples.sample_list, name="samples"),
    path("samples/draw/", samples.sample_draw, name="sample_draw"),
    path("samples/<int:pk>/", samples.sample, name="sample"),
    path("samples/<int:pk>/give/", samples.sample_give, name="sample_give"),
    path("samples/given/<int:pk>/end/", samples.sample_take_back, name="sample_take_back"),
    path("samples/rows/<int:pk>/check/", samples.sample_check, name="sample_check"),
]
