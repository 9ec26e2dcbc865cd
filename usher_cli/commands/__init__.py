"""The commands of `usher`: each module has its functions, their arguments, and the table COMMANDS.

May import: actions, doctor, stack_views, ui.
"""
