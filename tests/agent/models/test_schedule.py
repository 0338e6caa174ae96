from agent.lanes import Lane
from agent.models.schedule import LONE, STARVED_S, Step, Work, plan_step


def make(arrival: int, pending: int = 0, lane: Lane = Lane.CHAT, served_at: float = 100.0) -> Work:
    return Work(lane, arrival, pending, served_at)


def plan(*works: Work, budget: int = 128, now: float = 100.0) -> Step:
    return plan_step(works, now, budget)


def test_nothing_to_do_is_an_empty_step() -> None:
    assert plan() == Step()


def test_whoever_writes_has_a_token_in_each_step_beside_a_long_prompt() -> None:
    assert plan(make(0, 1000), make(1), make(2)) == Step((1, 2), 0, 128)


def test_the_first_prompt_is_finished_before_the_next_is_begun() -> None:
    assert plan(make(1, 500), make(0, 100), make(2)) == Step((2,), 1, 100)


def test_a_customer_s_prompt_that_nobody_waits_for_has_larger_steps() -> None:
    assert plan(make(0, 1000)) == Step((), 0, 128 * LONE)
    assert plan(make(0, 1000, Lane.BATCH)) == Step((), 0, 128)


def test_while_a_customer_s_prompt_is_read_other_lanes_rest() -> None:
    works = (make(0, lane=Lane.BATCH), make(1, 80, Lane.DESK), make(2, 50), make(3))
    assert plan(*works) == Step((3,), 2, 50)


def test_a_customer_who_reads_along_does_not_stop_other_lanes() -> None:
    assert plan(make(0), make(1, 500, Lane.BATCH)) == Step((0,), 1, 128)


def test_the_desk_comes_before_batch_work() -> None:
    assert plan(make(0, 500, Lane.BATCH), make(1, 200, Lane.DESK)) == Step((), 1, 128)


def test_what_rested_for_long_goes_first_once() -> None:
    rested = make(0, 500, Lane.BATCH, served_at=100 - STARVED_S)
    assert plan(make(1, 500), rested) == Step((), 1, 128 // LONE)
    assert plan(make(1, 500), make(0, 500, Lane.BATCH)) == Step((), 0, 500)


def test_a_writer_who_rested_for_long_writes_beside_a_customer_s_prompt() -> None:
    rested = make(0, lane=Lane.BATCH, served_at=100 - STARVED_S)
    assert plan(make(1, 500), rested) == Step((1,), 0, 128)


def test_prompts_of_one_lane_do_not_take_turns_however_long_they_wait() -> None:
    waited = make(1, 500, served_at=0.0)
    assert plan(make(0, 500), waited, make(2)) == Step((2,), 0, 128)
