"""Programs that read a queue_log, written from what is known of them and from docs/integrate/queue-log.md alone: they
share no code with `metrics`, which is measured by them."""
