"""Every write of the exchange, by noun."""

from yuchang.exchange.actions.agreements import (
    agree_set,
    propose_agreement,
    refuse_agreement,
    sign_agreement,
)
from yuchang.exchange.actions.budgets import set_budget
from yuchang.exchange.actions.categories import sync_categories
from yuchang.exchange.actions.clearings import discard_clearing, run_clearing
from yuchang.exchange.actions.deals import (
    add_member,
    add_papers,
    add_task,
    answer_closing,
    answer_milestone,
    ask_closing,
    drop_task,
    end_member,
    finish_task,
    meet_milestone,
    propose_milestone,
    sign_with_scan,
)
from yuchang.exchange.actions.deliveries import (
    Ordered,
    deliver_orders,
    judge_delivery,
    record_delivery,
    withdraw_delivery,
)
from yuchang.exchange.actions.disputes import answer_dispute, decide_dispute, open_dispute, withdraw_dispute
from yuchang.exchange.actions.drafts import Reviewed, draft_from_sheet, publish_drafts
from yuchang.exchange.actions.emergencies import declare_emergency, end_emergencies, end_emergency
from yuchang.exchange.actions.notes import read_notes
from yuchang.exchange.actions.papers import open_paper
from yuchang.exchange.actions.photos import add_photo
from yuchang.exchange.actions.postings import (
    correct_posting,
    expire_postings,
    open_posting,
    post,
    post_many,
    withdraw_posting,
)
from yuchang.exchange.actions.proposals import Terms, propose_partner
from yuchang.exchange.actions.publications import (
    ask_publication,
    carry_out_publication,
    publish_clearing,
)
from yuchang.exchange.actions.repeats import repeat_postings
from yuchang.exchange.actions.replays import ask_replay, compute_replay
from yuchang.exchange.actions.reviews import answer_review, review
from yuchang.exchange.actions.scenarios import (
    add_scenario,
    compute_scenario,
    resume_scenario,
    stop_scenario,
)
from yuchang.exchange.actions.searches import drop_search, note_duals, save_search, tell_searches
from yuchang.exchange.actions.talks import answer_match, answer_matches_set, counter_terms, say
from yuchang.exchange.rules import PostingFacts
from yuchang.exchange.searching import Criteria

__all__ = [
    "Criteria",
    "Ordered",
    "PostingFacts",
    "Reviewed",
    "Terms",
    "add_member",
    "add_papers",
    "add_photo",
    "add_scenario",
    "add_task",
    "agree_set",
    "answer_closing",
    "answer_dispute",
    "answer_match",
    "answer_matches_set",
    "answer_milestone",
    "answer_review",
    "ask_closing",
    "ask_publication",
    "ask_replay",
    "carry_out_publication",
    "compute_replay",
    "compute_scenario",
    "correct_posting",
    "counter_terms",
    "decide_dispute",
    "declare_emergency",
    "deliver_orders",
    "discard_clearing",
    "draft_from_sheet",
    "drop_search",
    "drop_task",
    "end_emergencies",
    "end_emergency",
    "end_member",
    "expire_postings",
    "finish_task",
    "judge_delivery",
    "meet_milestone",
    "note_duals",
    "open_dispute",
    "open_paper",
    "open_posting",
    "post",
    "post_many",
    "propose_agreement",
    "propose_milestone",
    "propose_partner",
    "publish_clearing",
    "publish_drafts",
    "read_notes",
    "record_delivery",
    "refuse_agreement",
    "repeat_postings",
    "resume_scenario",
    "review",
    "run_clearing",
    "save_search",
    "say",
    "set_budget",
    "sign_agreement",
    "sign_with_scan",
    "stop_scenario",
    "sync_categories",
    "tell_searches",
    "withdraw_delivery",
    "withdraw_dispute",
    "withdraw_posting",
]
