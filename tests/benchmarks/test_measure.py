"""Turns, medians and ratios."""

from benchmarks.measure import Series, in_turns


def test_median():
    """One bad measurement does not move the figure."""
    assert Series((1.0, 100.0, 2.0)).median == 2.0


def test_ratio():
    """A slow minute slows both sides of one turn, so they are divided turn by turn."""
    slow_at_last = Series((1.0, 1.1, 9.0)).over(Series((2.0, 2.2, 18.0)))

    assert slow_at_last == Series((0.5, 0.5, 0.5))


def test_scaled():
    """Seconds are shown as milliseconds where they are few."""
    assert Series((0.02, 0.03)).scaled(1000) == Series((20.0, 30.0))


def test_turns():
    """Sides take turns, back and forth, so that none always follows the same one; each is announced."""
    order: list[str] = []
    announced: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return len(order)

    found = in_turns({"a": lambda: side("a"), "b": lambda: side("b")}, 3, announced.append)

    assert order == announced == ["a", "b", "b", "a", "a", "b"]
    assert found == {"a": Series((1.0, 4.0, 5.0)), "b": Series((2.0, 3.0, 6.0))}
