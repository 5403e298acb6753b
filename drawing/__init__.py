"""Pages and pictures as text, made of values alone: HTML that needs nothing else, SVG. Every room may draw."""
