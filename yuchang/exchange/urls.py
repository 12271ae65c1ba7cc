"""Addresses."""

from django.urls import path

from yuchang.exchange.views import clearings, matches, postings, searches

app_name = "exchange"
urlpatterns = [
    path("", matches.board, name="board"),
    path("search", searches.search, name="search"),
    path("searches", searches.search_save, name="search_save"),
    path("searches/<int:search_id>/drop", searches.search_drop, name="search_drop"),
    path("postings", postings.posting_list, name="posting_list"),
    path("postings/new", postings.choose_category, name="choose_category"),
    path("postings/new/<str:code>", postings.posting_new, name="posting_new"),
    path("postings/new/<str:code>/partners", postings.partner_count, name="partner_count"),
    path("resources/<int:resource_id>/post", postings.post_resource, name="post_resource"),
    path("postings/<int:posting_id>", postings.posting_page, name="posting"),
    path("postings/<int:posting_id>/edit", postings.posting_edit, name="posting_edit"),
    path("postings/<int:posting_id>/open", postings.posting_open, name="posting_open"),
    path("postings/<int:posting_id>/withdraw", postings.posting_withdraw, name="posting_withdraw"),
    path("matches/<int:match_id>", matches.match_page, name="match"),
    path("matches/<int:match_id>/answer", matches.match_answer, name="match_answer"),
    path("matches/<int:match_id>/say", matches.match_say, name="match_say"),
    path("matches/<int:match_id>/counter", matches.match_counter, name="match_counter"),
    path("matches/<int:match_id>/agree", matches.match_agree, name="match_agree"),
    path("agreements", matches.agreement_list, name="agreement_list"),
    path("agreements/<int:agreement_id>", matches.agreement_page, name="agreement"),
    path("agreements/<int:agreement_id>/sign", matches.agreement_sign, name="agreement_sign"),
    path("agreements/<int:agreement_id>/refuse", matches.agreement_refuse, name="agreement_refuse"),
    path("clearings", clearings.clearing_list, name="clearing_list"),
    path("clearings/run", clearings.clearing_run, name="clearing_run"),
    path("clearings/<int:clearing_id>", clearings.clearing_page, name="clearing"),
    path("clearings/<int:clearing_id>/check", clearings.clearing_check, name="clearing_check"),
    path("clearings/<int:clearing_id>/publish", clearings.clearing_publish, name="clearing_publish"),
    path("clearings/<int:clearing_id>/discard", clearings.clearing_discard, name="clearing_discard"),
    path("clearings/<int:clearing_id>/leftovers", clearings.leftover_list, name="leftover_list"),
]
