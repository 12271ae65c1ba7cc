"""Every write of the think tank, by noun."""

from yuchang.partners.actions.commitments import (
    CommitmentFacts,
    ProgressFacts,
    answer_commitment,
    commit,
    judge_progress,
    release_commitment,
    report_progress,
)
from yuchang.partners.actions.organisations import (
    OrganisationFacts,
    check_organisation,
    edit_contact,
    propose_organisation,
    propose_organisations,
    refuse_organisation,
    reveal_phone,
    suspend_organisation,
    vet_organisation,
    vet_organisations,
)
from yuchang.partners.actions.pairings import PairingFacts, answer_pairing, end_pairing, propose_pairing
from yuchang.partners.actions.pilots import RoundFacts, decide_round, next_round, open_pilot, report_round
from yuchang.partners.actions.profiles import (
    LineFacts,
    add_contact,
    add_line,
    end_contact,
    end_line,
    reveal_contact,
)
from yuchang.partners.actions.registrations import cancel_invitation, invite_organisation, register
from yuchang.partners.rules import MilestonePlan

__all__ = [
    "CommitmentFacts",
    "LineFacts",
    "MilestonePlan",
    "OrganisationFacts",
    "PairingFacts",
    "ProgressFacts",
    "RoundFacts",
    "add_contact",
    "add_line",
    "answer_commitment",
    "answer_pairing",
    "cancel_invitation",
    "check_organisation",
    "commit",
    "decide_round",
    "edit_contact",
    "end_contact",
    "end_line",
    "end_pairing",
    "invite_organisation",
    "judge_progress",
    "next_round",
    "open_pilot",
    "propose_organisation",
    "propose_organisations",
    "propose_pairing",
    "refuse_organisation",
    "register",
    "release_commitment",
    "report_progress",
    "report_round",
    "reveal_contact",
    "reveal_phone",
    "suspend_organisation",
    "vet_organisation",
    "vet_organisations",
]
