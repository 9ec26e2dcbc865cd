"""The common ground of the local cloud: moto's backends, patches of private names, work at an interval.

May import: nothing.
"""
