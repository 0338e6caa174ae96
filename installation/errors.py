class InstallationError(Exception):
    """Setting up failed; the message says what to do about it."""
