"""What the functions of Usher are made of.

Each package has one duty. Its docstring names the packages that it may import; each may import the modules that stand
beside this one. tests/unit/usher/test_layers.py holds the code to it.
"""
