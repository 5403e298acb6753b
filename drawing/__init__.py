"""Draw pages and charts as text from plain values: HTML without external parts, and SVG. Every room may use them."""
