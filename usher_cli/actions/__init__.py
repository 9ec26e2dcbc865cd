"""What a person can have a stack do: each action tells its plan, and does nothing before it is carried out.

The command and the page act through these.
"""
