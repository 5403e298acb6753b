"""Check the files of a centre against each other."""
