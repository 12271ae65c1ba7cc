"""What the audit log's codes are called, for the short lists of a home."""

from __future__ import annotations

from django import template

from yuchang.workbench.queries.log import action_word, kind_word

register = template.Library()
register.filter("action_word", action_word)
register.filter("kind_word", kind_word)
