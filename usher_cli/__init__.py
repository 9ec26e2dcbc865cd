"""The `usher` command: inspect and control a deployed stack. Works on the local cloud as well."""
