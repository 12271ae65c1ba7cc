"""The clearing engine: pure, usable from a notebook without Django.

``problem`` says what the postings mean, ``engine.clear`` finds the best voluntary trades and the prices,
``checker.check`` proves them without a solver, ``explain`` and ``changes`` give the reasons. Around it:
``floor_engine`` and ``floor_checker`` (floors for the poorest), ``swap_engine`` and ``swap_checker`` (goods
for goods), ``lots`` (minimum lots), ``problem.Ties`` (partners that stay together or apart).
"""
