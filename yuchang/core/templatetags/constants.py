"""``translate``, ``static`` and ``url`` where nothing of the page goes into them: worked out once.

A page holds a hundred such words and addresses, and Django looks each of them up again every time (a tenth of
a page's processor time). A word is kept for each language, an address for each set of routes
(``core.addresses``). What has a variable in it stays Django's.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from django import template
from django.conf import settings
from django.template.base import FilterExpression, Node, Parser, Token, Variable
from django.template.defaulttags import URLNode
from django.template.defaulttags import url as django_url
from django.templatetags.i18n import TranslateNode, do_translate
from django.templatetags.static import StaticNode
from django.utils.html import conditional_escape
from django.utils.translation import get_language

from yuchang.core.addresses import address

register = template.Library()


class Constant(Node):
    """Renders another node once and gives the same text from then on."""

    child_nodelists = ()

    def __init__(self, node: Any) -> None:
        self.node = node
        self.kept: dict[Hashable, Any] = {}

    def key(self) -> Hashable:
        """What the text depends on."""
        return settings.STATIC_URL

    def render(self, context: template.Context) -> Any:
        key = self.key()
        if key not in self.kept:
            self.kept[key] = self.node.render(context)
        return self.kept[key]


class ConstantWord(Constant):
    """A word, which depends on the reader's language."""

    def key(self) -> Hashable:
        return get_language()


class AddressNode(Node):
    """The address of a page by its literal name, from ``core.addresses``."""

    child_nodelists = ()

    def __init__(self, node: URLNode, name: str) -> None:
        self.node, self.name = node, name

    def render(self, context: template.Context) -> str:
        found = address(self.name, *(argument.resolve(context) for argument in self.node.args))
        if self.node.asvar:
            context[self.node.asvar] = found
            return ""
        if not found:  # Django says what it looked for
            return str(self.node.render(context))
        return conditional_escape(found) if context.autoescape else found


@register.tag
def translate(parser: Parser, token: Token) -> Node:
    """Django's, kept for each language where it is one literal."""
    node: TranslateNode = do_translate(parser, token)
    is_plain = not (node.noop or node.asvar or node.message_context) and _is_literal(node.filter_expression)
    return ConstantWord(node) if is_plain else node


@register.tag
def static(parser: Parser, token: Token) -> Node:
    """Django's, kept where the path is a literal."""
    node: Any = StaticNode.handle_token(parser, token)
    return Constant(node) if node.varname is None and _is_literal(node.path) else node


@register.tag
def url(parser: Parser, token: Token) -> Node:
    """Django's, by way of ``core.addresses`` where the name is a literal and no argument has a name."""
    node: URLNode = django_url(parser, token)
    is_plain = not node.kwargs and _is_literal(node.view_name)
    return AddressNode(node, str(node.view_name.var)) if is_plain else node


def _is_literal(expression: FilterExpression) -> bool:
    variable = expression.var
    return not expression.filters and (not isinstance(variable, Variable) or variable.lookups is None)
