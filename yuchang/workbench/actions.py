"""What a person writes in the windows themselves: saved lists."""

from __future__ import annotations

from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.core.actions import write
from yuchang.core.errors import Hidden, invalid
from yuchang.workbench.models import SavedView

MOST_VIEWS = 20


def save_view(*, actor: Actor, page: str, name: str, query: str) -> SavedView:
    """Keep a list under a name; the same name again replaces it.

    Raises Invalid without a name, for an address too long, or when twenty are kept for the page.
    """
    name = name.strip()[:30]
    if not name:
        raise invalid("name", _("请给这个筛选起个名字。"), _("最多三十个字。"))
    if len(query) > 600:
        raise invalid("query", _("筛选条件太长，存不下。"), _("请减少条件。"))
    own = SavedView.objects.filter(user_id=actor.user_id, page=page)
    if not own.filter(name=name).exists() and own.count() >= MOST_VIEWS:
        raise invalid("name", _("一个页面最多存二十个筛选。"), _("请先删除不用的。"))
    with write("workbench.save_view", actor) as audit:
        row, _made = SavedView.objects.update_or_create(
            user_id=actor.user_id, page=page[:60], name=name, defaults={"query": query}
        )
        audit.add("saved_view", row.pk, page=page[:60])
    return row


def forget_view(*, actor: Actor, view_id: int) -> None:
    """Drop one's own saved list. Raises Hidden for anybody else's."""
    row = SavedView.objects.filter(user_id=actor.user_id, pk=view_id).first()
    if row is None:
        raise Hidden(_("没有这个常用筛选。"), remedy=_("请刷新页面。"))
    with write("workbench.forget_view", actor) as audit:
        audit.add("saved_view", row.pk, page=row.page)
        row.delete()
