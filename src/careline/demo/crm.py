"""The demo's customer database: a small HTTP server's worth of made-up patients."""

import random

from fastapi import APIRouter, HTTPException

NAMES = ("A. Ivanova", "P. Petrov", "S. Smirnova", "R. Karimi", "Wang Li", "J. Brown")

router = APIRouter()


@router.get("/demo/crm/{phone}", include_in_schema=False)
async def customer(phone: str) -> dict[str, object]:
    """Always the same answer for the same number; one number in ten is nobody's."""
    chance = random.Random(phone)  # noqa: S311 - made-up people
    if chance.random() < 0.1:
        raise HTTPException(404)
    cash = chance.random() < 0.35
    return {
        "payer": "cash" if cash else "insured",
        "insurance": None if cash else chance.choice(["voluntary", "compulsory"]),
        "name": chance.choice(NAMES),
        "vip": chance.random() < 0.03,
        "language": chance.choices(["ru", "fa", "en"], [8, 1, 1])[0],
    }
