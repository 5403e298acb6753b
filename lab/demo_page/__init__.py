"""The demo's own page: what callers hear, and a button that kills the node."""
