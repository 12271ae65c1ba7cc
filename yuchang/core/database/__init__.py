"""Django's PostgreSQL backend, watched: see ``base``."""
