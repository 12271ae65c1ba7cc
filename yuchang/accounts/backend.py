"""Who a session belongs to, read with one statement that is written once."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend

from yuchang.accounts.models import User
from yuchang.core.rows import row_by


class AccountBackend(ModelBackend):
    """``django.contrib.auth.backends.ModelBackend``, cheaper to ask on every request."""

    def get_user(self, user_id: Any) -> User | None:
        """The person, when the account is active."""
        user = row_by(User, "id", user_id)
        return user if user is not None and self.user_can_authenticate(user) else None
