"""Repairs of moto's services that need no package of their own.

May import: core.
"""
