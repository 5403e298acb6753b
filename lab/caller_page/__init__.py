"""The caller's page of the lab: a visitor's browser dials the centre as a caller of the telephone network does."""
