"""Uploads: quarantine, type check, EXIF strip, access door, expiry."""
