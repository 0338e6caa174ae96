"""Outbound webhooks, after Standard Webhooks: what happened here, told to addresses outside."""
