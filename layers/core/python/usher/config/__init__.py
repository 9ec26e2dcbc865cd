"""A group's settings: `usher.yaml`, or the AWS Solution's `config.json`.

May import: datasets, filters, formats, storage.
"""
