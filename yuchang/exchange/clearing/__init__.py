"""The clearing engine: pure, usable from a notebook without Django.

``problem`` says what the postings mean, ``engine.clear`` finds the best voluntary trades and the prices,
``checker.check`` proves them without a solver, ``explain`` gives the reasons.
"""
