"""Every write of the exchange, by noun."""

from yuchang.exchange.actions.agreements import (
    agree_set,
    propose_agreement,
    refuse_agreement,
    sign_agreement,
)
from yuchang.exchange.actions.categories import sync_categories
from yuchang.exchange.actions.clearings import discard_clearing, publish_clearing, run_clearing
from yuchang.exchange.actions.drafts import Reviewed, draft_from_sheet, publish_drafts
from yuchang.exchange.actions.notes import read_notes
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
from yuchang.exchange.actions.repeats import repeat_postings
from yuchang.exchange.actions.searches import drop_search, note_duals, save_search, tell_searches
from yuchang.exchange.actions.talks import answer_match, answer_matches_set, counter_terms, say
from yuchang.exchange.rules import PostingFacts
from yuchang.exchange.searching import Criteria

__all__ = [
    "Criteria",
    "PostingFacts",
    "Reviewed",
    "Terms",
    "add_photo",
    "agree_set",
    "answer_match",
    "answer_matches_set",
    "correct_posting",
    "counter_terms",
    "discard_clearing",
    "draft_from_sheet",
    "drop_search",
    "expire_postings",
    "note_duals",
    "open_posting",
    "post",
    "post_many",
    "propose_agreement",
    "propose_partner",
    "publish_clearing",
    "publish_drafts",
    "read_notes",
    "refuse_agreement",
    "repeat_postings",
    "run_clearing",
    "save_search",
    "say",
    "sign_agreement",
    "sync_categories",
    "tell_searches",
    "withdraw_posting",
]
