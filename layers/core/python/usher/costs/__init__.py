"""What a plan costs, and what it may cost.

May import: config, resources, storage.
"""
