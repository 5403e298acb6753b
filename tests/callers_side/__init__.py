"""Read days from the side of callers and agents: sentences heard, phones rung, times, and nothing else.

The engine and `tests/oracle` are both written from the guide, so an error of the guide is in both. This reader knows no
rule of routing. Its invariants are sentences that a caller or an agent would say of the day (`invariants/`), and its
only input are observations (`observations.py`). Adapters turn other records into observations (`adapters/`).
"""
