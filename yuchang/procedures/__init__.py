"""Official procedures as dated data: steps, actors, evidence, working-day limits, due lists."""
