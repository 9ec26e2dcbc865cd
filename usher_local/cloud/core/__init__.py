"""What every part of the local cloud uses: moto's backends, patches of private names, work at an interval.

May import: nothing.
"""
