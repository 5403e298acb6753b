"""The indexes: which agents fit which contacts, without looking at everybody."""
