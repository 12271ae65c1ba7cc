"""Pages of the think tank, by noun."""
