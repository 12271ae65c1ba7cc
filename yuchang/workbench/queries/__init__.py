"""Reads that join domains, scoped and masked for the reader."""
