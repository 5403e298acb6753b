"""Remember what happened: bounded memories of callers, and learned times."""
