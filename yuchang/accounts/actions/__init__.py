"""Every write about people, by noun."""

from yuchang.accounts.actions.consents import give_consent, withdraw_consent
from yuchang.accounts.actions.factors import (
    add_passkey,
    begin_totp,
    confirm_totp,
    is_second_step_locked,
    pass_passkey,
    pass_recovery_code,
    pass_totp,
    pending_secret,
    remove_own_factors,
    remove_second_factors,
    renew_recovery_codes,
)
from yuchang.accounts.actions.grants import end_grant, grant_role
from yuchang.accounts.actions.households import household_account
from yuchang.accounts.actions.invitations import accept_invitation, cancel_invitation, invite
from yuchang.accounts.actions.people import (
    change_own_password,
    create_user,
    deactivate_user,
    one_time_password,
    reactivate_user,
    reset_password,
)
from yuchang.accounts.actions.posts import (
    appoint,
    appoint_deputy,
    close_post,
    create_department,
    create_post,
    end_deputy,
    end_incumbency,
    hand_over,
    own_or_kept,
)
from yuchang.accounts.actions.proposals import vet
from yuchang.accounts.actions.sessions import begin_session, end_session, note_session, sign_out_everywhere
from yuchang.accounts.actions.teams import (
    add_member,
    assign_helper,
    dissolve_team,
    end_assignment,
    end_membership,
    form_team,
    open_sample,
)

__all__ = [
    "accept_invitation",
    "add_member",
    "add_passkey",
    "appoint",
    "appoint_deputy",
    "assign_helper",
    "begin_session",
    "begin_totp",
    "cancel_invitation",
    "change_own_password",
    "close_post",
    "confirm_totp",
    "create_department",
    "create_post",
    "create_user",
    "deactivate_user",
    "dissolve_team",
    "end_assignment",
    "end_deputy",
    "end_grant",
    "end_incumbency",
    "end_membership",
    "end_session",
    "form_team",
    "give_consent",
    "grant_role",
    "hand_over",
    "household_account",
    "invite",
    "is_second_step_locked",
    "note_session",
    "one_time_password",
    "open_sample",
    "own_or_kept",
    "pass_passkey",
    "pass_recovery_code",
    "pass_totp",
    "pending_secret",
    "reactivate_user",
    "remove_own_factors",
    "remove_second_factors",
    "renew_recovery_codes",
    "reset_password",
    "sign_out_everywhere",
    "vet",
    "withdraw_consent",
]
