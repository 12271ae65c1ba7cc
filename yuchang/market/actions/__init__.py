"""Every write of the market, a file per noun: rounds, orders, payments, lots, settlements, agreements.

rounds       open_round, add_offer, commit, commit_set, start_sales, close_round, cancel_round
orders       place_order, order_set, cancel_order, release_expired
payments     confirm_payment, confirm_set
lots         record_lot, lot_set, lots_set, fulfil_round, dispatch_round, deliver_order, deliver_round
settlements  settle_round
agreements   order_from_agreement, orders_from_agreements
"""
