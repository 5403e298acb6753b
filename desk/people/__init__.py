"""People who use the desk: accounts, passwords, sign-in and sessions."""
