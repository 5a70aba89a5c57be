"""How secrets are found in bytes; `opsconsole.safety.redact` is the door to it."""
