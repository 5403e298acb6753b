"""Make what people need at a phone: provisioning files, cards of seats with a QR code, and cards with PINs."""
