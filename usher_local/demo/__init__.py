"""The demo: MovieLens 100K on the local cloud, from the drop to recommendations.

May import: cloud.
"""
