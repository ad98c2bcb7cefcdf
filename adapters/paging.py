"""The request that continues a page, for the ways of paging that many providers share. Nothing here follows a link to another host."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from adapters.base import Page, Request
from adapters.errors import PayloadChanged


def linked(page: Page, base_url: str, *fields: str) -> Request | None:
    """Follows an absolute link to the same address with another query; `fields` lead to it. No link, null or "": the last page.

    Raises PayloadChanged where it leads elsewhere, or to its own page.
    """
    link: Any = page.body
    for field in fields:
        link = link.get(field) if isinstance(link, dict) else None
    if link is None or link == "":
        return None
    name = ".".join(fields)
    target = urlsplit(link) if isinstance(link, str) else None
    if target is None or f"{target.scheme}://{target.netloc}{target.path}" != base_url + page.request.path:
        raise PayloadChanged(f"{name} leads away from {page.request.name}", name)
    return continued(page, name, dict(parse_qsl(target.query, keep_blank_values=True)))


def cursor(page: Page, parameter: str, *fields: str) -> Request | None:
    """Repeats the request with the answer's cursor as a parameter; `fields` lead to it. No cursor, null or "": the last page."""
    value: Any = page.body
    for field in fields:
        value = value.get(field) if isinstance(value, dict) else None
    if value is None or value == "":
        return None
    name = ".".join(fields)
    if not isinstance(value, str):
        raise PayloadChanged(f"{name} is no text", name)
    return continued(page, name, {**page.request.query, parameter: value})


def numbered(page: Page, total_field: str = "pages", parameter: str = "page") -> Request | None:
    """The next number, up to the total of pages that the answer states. Raises PayloadChanged where it states none."""
    total = page.body.get(total_field) if isinstance(page.body, dict) else None
    if not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise PayloadChanged(f"{total_field} is no number of pages", total_field)
    number = page.request.page + 1
    return continued(page, total_field, {**page.request.query, parameter: str(number)}) if number <= total else None


def counted(page: Page, size: int, total_field: str, parameter: str = "page") -> Request | None:
    """The next number, while pages of `size` have not reached the total of rows that the answer states."""
    total = page.body.get(total_field) if isinstance(page.body, dict) else None
    if not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise PayloadChanged(f"{total_field} is no number of rows", total_field)
    number = page.request.page + 1
    return continued(page, total_field, {**page.request.query, parameter: str(number)}) if (number - 1) * size < total else None


def continued(page: Page, name: str, query: dict[str, str]) -> Request:
    """The page's request with another query, as its next page; `name` says what leads there. Raises PayloadChanged for the same query."""
    if query == dict(page.request.query):
        raise PayloadChanged(f"{name} leads to its own page", name)
    return msgspec.structs.replace(page.request, query=query, page=page.request.page + 1)
