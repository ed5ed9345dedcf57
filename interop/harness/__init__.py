"""A fake provider and a running vault, with a user who decides, for client tests in any language."""
