from evals.charts import draw_users

LOADS = {"1": {"turns_per_minute": 2.0}, "8": {"turns_per_minute": 6.0}}


def test_each_system_has_a_line_for_new_turns_and_one_for_repeated_ones() -> None:
    systems = {name: {"cold": LOADS, "zipf": LOADS} for name in ("frontdesk", "peer")}
    svg = draw_users(systems, "turns_per_minute", "turns a minute")
    assert svg.startswith("<svg")
    for said in ("frontdesk, cold", "peer, zipf", "customers at once", "turns a minute"):
        assert said in svg
