"""Pages of what goes out: exports, templates, reports, sendings, read-backs."""
