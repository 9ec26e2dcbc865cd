"""What moto's services lack, for services that need no package of their own.

May import: core.
"""
