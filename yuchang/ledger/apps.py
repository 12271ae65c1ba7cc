from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "yuchang.ledger"
    label = "ledger"
