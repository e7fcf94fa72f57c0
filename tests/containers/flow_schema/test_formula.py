import pytest

from containers.flow_schema.formula import FormulaError, check_types, parse

TYPES = {"a": "number", "b": "integer", "t": "string", "u": "string", "w": "timestamp", "a b": "number"}

REFUSED = [
    ("__import__('os').system('true')", "is not arithmetic over columns"),
    ("a.real", "'a.real' is not arithmetic"),
    ("a[0]", "is not arithmetic"),
    ("lambda: 1", "is not arithmetic"),
    ("[x for x in a]", "is not arithmetic"),
    ("f'{a}'", "is not arithmetic"),
    ("(a := 1)", "is not arithmetic"),
    ("a if b else 1", "write where(condition, then, otherwise)"),
    ("a < b < 1", "compare two things at a time"),
    ("a is b", "compare two things at a time"),
    ("a @ b", "is not arithmetic"),
    ("a & b", "is not arithmetic"),
    ("~a", "is not arithmetic"),
    ("True", "'True' is no number; write 1 or 0"),
    ("1j", "is no number"),
    ("None", "is not arithmetic"),
    ("eval('1')", "unknown function 'eval'"),
    ("sqr(a)", "Did you mean 'sqrt'?"),
    ("log(a, b)", "log takes 1 argument(s), got 2"),
    ("min(a)", "min takes at least 2 argument(s), got 1"),
    ("min(*a, b)", "is not arithmetic"),
    ("round(a, b)", "round takes the number of digits"),
    ("log(a=1)", "is not arithmetic"),
    ("col(a)", "col takes one column name in quotes"),
    ("a +", "cannot read 'a +'"),
    ("", "cannot read ''"),
    ("a\0b", "cannot read"),
    ("(" * 400 + "a" + ")" * 400, "cannot read"),
    ("a" * 2000, "2000 characters; at most 1000"),
]


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_is_not_of_the_language_is_refused_by_name(text, said):
    """Nothing but arithmetic, comparisons and the listed functions gets through."""
    with pytest.raises(FormulaError) as refused:
        parse(text)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a / max(b, 1)", ["a", "b"]),
        ("-a ** 2 // 3 % b", ["a", "b"]),
        ('col("a b") + a', ["a b", "a"]),
        ("where(t == u, 1, 0)", ["t", "u"]),
        ("not (a > 1 and b <= 2) or t != 'x'", ["a", "b", "t"]),
        ("is_missing(t)", ["t"]),
        ("round(a, 2)", ["a"]),
    ],
)
def test_a_formula_knows_the_columns_that_it_reads(text, columns):
    """In the order in which they appear."""
    formula = parse(text)
    check_types(formula, TYPES)

    assert list(formula.columns) == columns


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("t", "yields text"),
        ("t + 1", "calculates with text"),
        ("t < u", "calculates with text"),
        ("t == a", "compares text with a number"),
        ("log(t)", "calculates with text"),
        ("where(a, t, u)", "calculates with text"),
        ("w - 1", "'w' is a timestamp"),
    ],
)
def test_text_and_numbers_are_told_apart(text, said):
    """Text can be compared for equality and for being missing; everything else is for numbers."""
    with pytest.raises(FormulaError, match=said.replace("(", r"\(")):
        check_types(parse(text), TYPES)
