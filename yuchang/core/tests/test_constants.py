"""Words and addresses that are kept read as Django's own would."""

from __future__ import annotations

import pytest
from django.template import Context, Engine
from django.test import override_settings
from django.urls import NoReverseMatch
from django.utils.translation import override

DJANGO = ["django.templatetags.i18n", "django.templatetags.static"]
OURS = Engine(builtins=[*DJANGO, "yuchang.core.templatetags.constants"])
THEIRS = Engine(builtins=DJANGO)
TEMPLATES = (
    "{% translate '户主' %}|{% translate word %}|{% translate '50%' %}|{% translate '<b>' %}",
    "{% translate '户主' as head %}[{{ head }}]|{% translate 'May' context 'month name' %}",
    "{% translate '户主'|upper %}|{% translate '户主' noop %}",
    "{% static 'css/yuchang.css' %}|{% static path %}|{% static 'css/yuchang.css' as css %}[{{ css }}]",
    "{% url 'accounts:own' %}|{% url 'workbench:household' 7 %}|{% url 'workbench:household' pk=number %}",
    "{% url name number %}|{% url 'workbench:household' number as home %}[{{ home }}]",
    "{% url 'no:such' as nothing %}[{{ nothing }}]|{% url 'workbench:reveal' 1 2 'phone' %}",
)
VALUES = {"word": "户主", "path": "css/yuchang.css", "number": 12, "name": "workbench:household"}


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_is_kept_is_what_django_gives_in_either_language_and_again(template):
    ours, theirs = OURS.from_string(template), THEIRS.from_string(template)
    for language in ("zh-hans", "en", "zh-hans"):
        with override(language):
            assert ours.render(Context(VALUES)) == theirs.render(Context(VALUES))


def test_a_word_is_looked_up_once_for_each_language(monkeypatch):
    ours, asked = OURS.from_string("{% translate '户主' %}"), []
    first = ours.nodelist[0]
    monkeypatch.setattr(first, "node", Counting(first.node, asked))
    for language in ("zh-hans", "en", "zh-hans", "en"):
        with override(language):
            ours.render(Context())
    assert len(asked) == 2


def test_an_address_that_leads_nowhere_is_said_and_not_kept():
    wrong = OURS.from_string("{% url 'workbench:household' 'no number' %}")
    for _again in range(2):
        with pytest.raises(NoReverseMatch):
            wrong.render(Context())


def test_each_zone_has_addresses_of_its_own():
    ours = OURS.from_string("{% url 'workbench:home' as home %}{{ home }}")
    assert ours.render(Context()) != ""
    with override_settings(ROOT_URLCONF="config.urls_public"):
        assert ours.render(Context()) == ""
    assert ours.render(Context()) != ""


class Counting:
    """Renders a node and notes that it did."""

    def __init__(self, node, asked):
        self.node, self.asked = node, asked

    def render(self, context):
        self.asked.append(context)
        return self.node.render(context)
