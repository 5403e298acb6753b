"""Live state of each agent's desk: the whole state, notices of what happened, and the stream that carries both."""
