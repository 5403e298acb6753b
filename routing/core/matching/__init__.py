"""Find which agents fit which contacts, without looking at all of them."""
