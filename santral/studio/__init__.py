"""The recording studio: a page on this machine in which a person reads the sentences of a centre."""
