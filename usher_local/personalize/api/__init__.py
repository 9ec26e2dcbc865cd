"""The operations of the runtime and events APIs, and the validation that all three APIs share.

May import: core, data, filters, jobs, modelling.
"""
