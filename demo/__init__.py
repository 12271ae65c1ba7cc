"""The simulator: a county whose truth is known, built through the doors that a real county would use.

Nothing in here is the product: no module of ``yuchang`` may import it.
"""
