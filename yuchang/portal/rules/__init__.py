"""Pure: what may be said in public about groups, what must never appear, how a bundle is built and judged."""
