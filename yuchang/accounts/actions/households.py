"""The account of a household that signs in with its telephone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from yuchang.accounts.models import RoleGrant, User
from yuchang.accounts.rules import Actor, Role
from yuchang.core import actions, clock


def household_account(*, phone_blind: bytes, display_name: str, household_ids: Sequence[int]) -> User:
    """The person behind a telephone number that was just proven by a one-time code; made on first use.

    The account opens exactly the households given: those in whose entry the number stands today.
    The caller (a window) has checked the code and looked the number up.
    """
    today = clock.today()
    with actions.write("accounts.household_account", Actor(None, display_name)) as audit:
        user, is_new = User.objects.get_or_create(
            phone_blind=phone_blind,
            defaults={"username": f"phone-{phone_blind.hex()[:24]}", "display_name": display_name},
        )
        User.objects.select_for_update().get(pk=user.pk)
        if is_new:
            user.set_unusable_password()
            actions.save(user)
        rows = RoleGrant.objects.filter(user=user, role=Role.HOUSEHOLD, valid_to__isnull=True)
        gone = rows.exclude(target_id__in=household_ids)
        gone.filter(valid_from=today).delete()
        gone.update(valid_to=today - timedelta(days=1))
        held = set(rows.values_list("target_id", flat=True))
        RoleGrant.objects.bulk_create(
            RoleGrant(
                user=user, role=Role.HOUSEHOLD, scope_kind="household", target_id=number, valid_from=today
            )
            for number in sorted(set(household_ids) - held)
        )
        audit.add("user", user.pk, households=sorted(household_ids), new=is_new)
    return user
