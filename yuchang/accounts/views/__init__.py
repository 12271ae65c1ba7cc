"""Pages about people, by purpose."""
