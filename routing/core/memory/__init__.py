"""What the engine remembers after the moment it happened: bounded memories and learned times."""
