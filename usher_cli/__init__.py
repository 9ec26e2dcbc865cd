"""The `usher` command: see what a deployed stack does, and direct it. Works on the local cloud as well."""
