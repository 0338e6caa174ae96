from evals.charts import draw_users

LOADS = {"1": {"turns_per_minute": 2.0}, "8": {"turns_per_minute": 6.0}}


def test_each_system_has_a_line_for_new_turns_and_one_for_repeated_ones() -> None:
    systems = {name: {"cold": LOADS, "zipf": LOADS} for name in ("frontdesk", "peer")}
    svg = draw_users(systems, "turns_per_minute", "turns a minute")
    assert svg.startswith("<svg")
    for said in ("frontdesk, cold", "peer, zipf", "customers at once", "turns a minute"):
        assert said in svg


def test_all_points_lie_within_the_axes() -> None:
    svg = draw_users({"frontdesk": {"cold": LOADS, "zipf": LOADS}}, "turns_per_minute", "turns")
    customers, turns = ">8</text>", ">6</text>"
    assert customers in svg
    assert turns in svg
