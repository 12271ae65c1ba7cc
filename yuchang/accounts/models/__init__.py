"""Tables about people: who they are, what they may do where, how they prove it, and what was consented."""

from yuchang.accounts.models.consents import Consent
from yuchang.accounts.models.factors import Passkey, RecoveryCode, SignIn, TotpDevice
from yuchang.accounts.models.grants import Hat, Invitation, RoleGrant, Vetted, proposal_constraints
from yuchang.accounts.models.people import User, UserManager
from yuchang.accounts.models.posts import Department, Deputy, Incumbency, Post
from yuchang.accounts.models.teams import Assignment, ScopeItem, Team, TeamMember

__all__ = [
    "Assignment",
    "Consent",
    "Department",
    "Deputy",
    "Hat",
    "Incumbency",
    "Invitation",
    "Passkey",
    "Post",
    "RecoveryCode",
    "RoleGrant",
    "ScopeItem",
    "SignIn",
    "Team",
    "TeamMember",
    "TotpDevice",
    "User",
    "UserManager",
    "Vetted",
    "proposal_constraints",
]
