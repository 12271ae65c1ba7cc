"""Password strength beyond Django's own checks."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from django.contrib.auth.password_validation import (
    CommonPasswordValidator,
    MinimumLengthValidator,
    UserAttributeSimilarityValidator,
)
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


class LengthValidator(MinimumLengthValidator):
    """At least so many signs; said in words of ours, since Django's have no Chinese."""

    def get_error_message(self) -> str:
        """What is wrong."""
        return _("密码太短:至少 %(least)s 位。") % {"least": self.min_length}

    get_help_text = get_error_message


class OwnNamesValidator(UserAttributeSimilarityValidator):
    """Not like the person's own names."""

    DEFAULT_USER_ATTRIBUTES = ("username", "display_name")

    def get_error_message(self) -> str:
        """What is wrong."""
        return _("密码与登录名或姓名太像。")

    get_help_text = get_error_message


class ThreeKindsValidator:
    """At least three of: small letters, capitals, digits, other signs."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError for a password of fewer than three kinds."""
        kinds = (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
        if sum(any(kind(c) for c in password) for kind in kinds) < 3:
            raise ValidationError(self.get_help_text(), code="too_few_kinds")

    def get_help_text(self) -> str:
        """The rule in a sentence."""
        return _("密码须含大写字母、小写字母、数字、符号中的至少三种。")


# What people write for a letter when a rule asks for signs and digits.
_DRESS = str.maketrans("@4310$5!7", "aaeiossit")


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    return frozenset(str(word) for word in CommonPasswordValidator().passwords)


class DressedUpValidator:
    """No common password with a capital, a year or an exclamation mark added: ``Password2026!``.

    Django refuses the 20,000 commonest as they stand; here the word under the dress is looked up, too.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError for a common word dressed up."""
        bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", password.lower())
        undressed = re.sub(r"[\W\d_]+$", "", password.lower()).translate(_DRESS)
        if {bare, undressed} & _common():
            raise ValidationError(self.get_help_text(), code="dressed_up")

    def get_help_text(self) -> str:
        """The rule in a sentence."""
        return _("密码不能只是常见密码加上年份或符号。")
