"""Earlier answers: kept where they can be asked for conditionally, and within bounds."""

from adapters.fetch.earlier import EarlierAnswers


def kept(answers: EarlierAnswers, *addresses: str) -> list[bool]:
    return [answers.of(address) is not None for address in addresses]


def test_only_an_answer_with_a_validator_is_kept() -> None:
    answers = EarlierAnswers()
    answers.keep("a", {"etag": '"1"', "last-modified": "then"}, b"one")
    answers.keep("b", {"content-type": "text/html"}, b"two")
    assert kept(answers, "a", "b") == [True, False]
    earlier = answers.of("a")
    assert earlier is not None
    assert (earlier.conditions, earlier.raw) == ({"if-none-match": '"1"', "if-modified-since": "then"}, b"one")


def test_an_answer_without_validator_takes_the_earlier_one_away() -> None:
    answers = EarlierAnswers()
    answers.keep("a", {"etag": '"1"'}, b"one")
    answers.keep("a", {}, b"two")
    assert kept(answers, "a") == [False]


def test_the_oldest_go_where_there_is_no_room() -> None:
    answers = EarlierAnswers(most_bytes=10)
    for address in ("a", "b", "c"):
        answers.keep(address, {"etag": '"1"'}, b"1234")
    assert kept(answers, "a", "b", "c") == [False, True, True]
    answers.keep("b", {"etag": '"2"'}, b"12")
    answers.keep("d", {"etag": '"1"'}, b"1234")
    assert kept(answers, "b", "c", "d") == [True, True, True]
    answers.keep("e", {"etag": '"1"'}, b"12345678901")
    assert kept(answers, "b", "c", "d", "e") == [False] * 4


def test_forgotten_answers_take_no_room() -> None:
    answers = EarlierAnswers(most_bytes=10)
    answers.keep("a", {"etag": '"1"'}, b"1234567890")
    answers.forget()
    answers.keep("b", {"etag": '"1"'}, b"1234567890")
    assert kept(answers, "a", "b") == [False, True]
