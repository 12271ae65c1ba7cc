"""A person who signs in."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models

from yuchang.core.models import Versioned


class UserManager(BaseUserManager["User"]):
    """Finds a person by the name used at sign-in."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username=username)


class User(AbstractBaseUser, Versioned):
    """A person who signs in. Rights come from the person's hats only (see ``Hat``); there is no superuser.

    ``home`` is the place whose administrators keep the account as long as it has no hat there.
    ``phone_blind`` is set for a household that signs in by one-time code; such a person has no password.
    """

    username = models.CharField(max_length=60, unique=True)
    display_name = models.CharField(max_length=60)
    is_active = models.BooleanField(default=True)
    password_is_temporary = models.BooleanField(default=False)
    password_changed_at = models.DateTimeField(null=True)
    home = models.ForeignKey("places.Place", null=True, on_delete=models.PROTECT, related_name="+")
    phone_blind = models.BinaryField(null=True, unique=True)
    second_step_failures = models.SmallIntegerField(default=0)
    second_step_locked_until = models.DateTimeField(null=True)

    USERNAME_FIELD = "username"
    objects = UserManager()
