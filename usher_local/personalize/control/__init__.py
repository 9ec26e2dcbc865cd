"""The control plane: the table of kinds, the checks of requests, automatic training, and the saved state.

May import: core, data, filters, jobs, modelling.
"""
