"""Simulate nodes, a database and an Asterisk on a virtual clock in one process, with faults chosen by a seed."""
