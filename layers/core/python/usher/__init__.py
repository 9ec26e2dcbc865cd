"""The logic of Usher's functions.

Each package has one duty. Its docstring names the packages that it may import; each may import the modules beside this
one. tests/unit/usher/test_layers.py checks this.
"""
