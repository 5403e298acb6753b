"""A first centre: questions or flags, and the files that follow from the answers."""
