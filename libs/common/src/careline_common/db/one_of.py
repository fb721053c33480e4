"""Whether a column is one of some texts, of any number, by one statement."""

from sqlalchemy import ARRAY, ColumnElement, Text, any_, bindparam


def one_of(column: ColumnElement[str], texts: str) -> ColumnElement[bool]:
    """`column = ANY(:texts)`, for a statement that is made once; `texts` names the parameter, a list.

    `column.in_(…)` is another statement to the driver for each length of the list, and each `in_` leaves a circle of ten
    objects behind, which only the collector of cycles finds: a process that makes hundreds a second grows by megabytes
    until it looks.
    """
    return column == any_(bindparam(texts, type_=ARRAY(Text)))
