"""Share an Asterisk that has other work: read its files, make fragments of Santral's and find their places."""
