"""Programs that read a queue_log, written from their documentation and docs/integrate/queue-log.md alone. They share no
code with `metrics` and check it.
"""
