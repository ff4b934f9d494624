"""Functions of one number in 60-digit decimals: what difference quotients are held to."""

from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from functools import cache

Function = Callable[[Decimal], Decimal]

DIGITS = 60
ONE = Decimal(1)
SMALLEST = Decimal(10) ** -(DIGITS + 10)


def sigmoid(x: Decimal) -> Decimal:
    return ONE / (ONE + (-x).exp())


def tanh(x: Decimal) -> Decimal:
    return 2 * sigmoid(2 * x) - ONE


def softplus(x: Decimal) -> Decimal:
    return (ONE + x.exp()).ln() if x < 0 else x + (ONE + (-x).exp()).ln()


def series(first: Decimal, ratio: Callable[[int], Decimal]) -> Decimal:
    """Return the sum of terms of which each is the one before times ``ratio(number)``."""
    total, term, number = first, first, 0
    while abs(term) > SMALLEST:
        number += 1
        term *= ratio(number)
        total += term
    return total


def arctan_of_inverse(number: int) -> Decimal:
    """Return arctan(1 / number)."""
    total, power, turn = Decimal(0), ONE / number, 0
    while power > SMALLEST:
        total += power / (2 * turn + 1) * (-1) ** turn
        power, turn = power / number**2, turn + 1
    return total


@cache
def pi() -> Decimal:
    """Return pi by Machin's formula."""
    with localcontext() as context:
        context.prec = 2 * DIGITS
        return 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))


def turned(x: Decimal) -> Decimal:
    """Return x less the whole turns in it, between -pi and pi."""
    return x - 2 * pi() * (x / (2 * pi())).to_integral_value()


def sin(x: Decimal) -> Decimal:
    x = turned(x)
    return series(x, lambda n: -x * x / (2 * n * (2 * n + 1)))


def cos(x: Decimal) -> Decimal:
    x = turned(x)
    return series(ONE, lambda n: -x * x / ((2 * n - 1) * 2 * n))


def erf(x: Decimal) -> Decimal:
    if abs(x) > 12:  # 1 but for 1e-64
        return ONE.copy_sign(x)
    rest = series(x, lambda n: 2 * x * x / (2 * n + 1))
    return 2 / pi().sqrt() * (-x * x).exp() * rest


def quotient(function: Function, x: float, x0: float) -> Decimal:
    """Return (f(x) - f(x0)) / (x - x0), and for equal values the derivative, right to 1e-20."""
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 2 * DIGITS, MAX_EMAX, MIN_EMIN
        wide, wide0 = Decimal(x), Decimal(x0)
        if wide == wide0:
            step = Decimal(10) ** -25 * max(abs(wide), Decimal("1e-9"))
            wide, wide0 = wide + step, wide - step
        return (function(wide) - function(wide0)) / (wide - wide0)
