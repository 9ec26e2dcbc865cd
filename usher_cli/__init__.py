"""The `usher` command: look at a deployed stack and tell it what to do. Works on the local cloud as well."""
