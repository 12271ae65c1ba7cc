"""Codes in the reader's language: official labels in Chinese, our words in English."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from yuchang.core.language import is_english
from yuchang.registry.codes import LISTS


def word(list_name: str, code: str | None) -> str:
    """The word for a code; an unknown code as it is, none as an empty string."""
    found = LISTS[list_name].by_code().get(code or "")
    if found is None:
        return code or ""
    return found.english if is_english() else found.label


def choices(list_name: str, empty: str | None = None) -> list[tuple[str, str]]:
    """(code, word) pairs for a form; ``empty`` is the word of the empty choice, if there is one."""
    found = [(c.code, c.english if is_english() else c.label) for c in LISTS[list_name]]
    return found if empty is None else [("", empty), *found]


LIKENESS_WORDS = {
    "same_name": gettext_lazy("姓名相同"),
    "swapped_name": gettext_lazy("姓名用字相同、次序不同"),
    "same_sound": gettext_lazy("姓名读音相同"),
    "same_birth": gettext_lazy("出生日期相同"),
    "near_birth": gettext_lazy("出生日期差一项"),
    "id_one_sign": gettext_lazy("证件号码差一位"),
    "id_swapped": gettext_lazy("证件号码相邻两位颠倒"),
    "id_two_signs": gettext_lazy("证件号码差两位"),
    "id_three_signs": gettext_lazy("证件号码差三位"),
    "other_phone": gettext_lazy("电话不同"),
    "same_phone": gettext_lazy("电话相同"),
    "other_sex": gettext_lazy("性别不同"),
}
"""Why two people may be one: the reasons of ``registry.likeness``."""
