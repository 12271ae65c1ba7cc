"""Inbox, due reminders, one-time codes, pluggable SMS and e-mail."""
