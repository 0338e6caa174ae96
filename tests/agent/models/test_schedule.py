from agent.lanes import Lane
from agent.models.schedule import LONE, STARVED_S, Share, Work, plan_step


def make(arrival: int, pending: int = 0, lane: Lane = Lane.CHAT, served_at: float = 100.0) -> Work:
    return Work(lane, arrival, pending, served_at)


def plan(*works: Work, budget: int = 128, now: float = 100.0) -> list[Share]:
    return plan_step(works, now, budget)


def test_nothing_to_do_is_no_share() -> None:
    assert plan() == []


def test_whoever_writes_has_a_token_in_each_step_beside_a_long_prompt() -> None:
    assert plan(make(0, 1000), make(1), make(2)) == [Share(1, 1), Share(2, 1), Share(0, 126)]


def test_the_first_prompt_is_finished_first_and_the_next_has_what_is_left() -> None:
    assert plan(make(1, 500), make(0, 100), make(2)) == [
        Share(2, 1),
        Share(1, 100),
        Share(0, 27),
    ]


def test_a_customer_s_prompt_that_nobody_waits_for_has_larger_steps() -> None:
    assert plan(make(0, 1000)) == [Share(0, 128 * LONE)]
    assert plan(make(0, 1000, Lane.BATCH)) == [Share(0, 128)]


def test_while_a_customer_s_prompt_is_read_other_lanes_rest() -> None:
    works = (make(0, lane=Lane.BATCH), make(1, 80, Lane.DESK), make(2, 50), make(3))
    assert plan(*works) == [Share(3, 1), Share(2, 50)]


def test_a_customer_who_reads_along_does_not_stop_other_lanes() -> None:
    assert plan(make(0), make(1, 500, Lane.BATCH)) == [Share(0, 1), Share(1, 127)]


def test_the_desk_comes_before_batch_work() -> None:
    assert plan(make(0, 500, Lane.BATCH), make(1, 200, Lane.DESK)) == [Share(1, 128)]


def test_what_rested_for_long_goes_first_once() -> None:
    rested = make(0, 500, Lane.BATCH, served_at=100 - STARVED_S)
    assert plan(make(1, 500), rested) == [Share(1, 128)]
    assert plan(make(1, 500), make(0, 500, Lane.BATCH)) == [Share(0, 500)]


def test_prompts_of_one_lane_do_not_take_turns_however_long_they_wait() -> None:
    waited = make(1, 500, served_at=0.0)
    assert plan(make(0, 500), waited, make(2)) == [Share(2, 1), Share(0, 127)]


def test_there_are_never_more_tokens_than_the_step_holds() -> None:
    shares = plan(*(make(place) for place in range(200)), make(200, 300))
    assert sum(share.tokens for share in shares) == 128
