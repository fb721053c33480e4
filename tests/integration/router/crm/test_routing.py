"""The CRM in the router itself: where a call goes, and what its record says."""

from typing import Any

import pytest

from careline_router.ports import Arrival

pytestmark = pytest.mark.integration

ANNA = "+79161234567"
LINE = "+74950000001"


async def test_a_cash_patient_goes_another_way_and_a_crm_that_is_off_stops_nobody(
    world: Any, router: Any
) -> None:
    async def arrives(name: str, caller: str | None = ANNA) -> Any:
        arrival = Arrival(pbx_call_id=name, caller=caller, line=LINE)
        return (await router.service.call_arrived("pbx1", arrival)).call

    call = await arrives("c0")
    assert (call.crm["status"], call.crm["reason"]) == ("unknown", "not_configured")
    await router.store.apply({"crm": world.entry(cache_s=0)})
    call = await arrives("c1")
    assert (call.queue, call.priority, call.payer) == ("vip", "cash", "cash")
    assert (call.crm["status"], call.crm["reason"], call.crm["vip"]) == ("found", None, True)
    assert router.parts.contacts.of(call.id).name == "Anna O'Neill"
    call = await arrives("c1a", "89161234567")  # as a trunk in the line's country tells it
    assert (call.crm["status"], call.crm["vip"]) == ("found", True)
    world.desk.always = world.fails()
    call = await arrives("c2")
    assert (call.queue, call.payer) == ("adult", "unknown")
    assert (call.crm["status"], call.crm["reason"]) == ("failed", "server_error")
    call = await arrives("c3", "anonymous")
    assert (call.crm["status"], call.crm["reason"]) == ("unknown", "no_number")
    count = router.metrics.value
    assert count("crm_lookups_total", status="failed", reason="server_error") == 1
    assert count("crm_lookups_total", status="found", reason="none") == 2
    assert count("crm_requests_total", ending="server_error") == 1


async def test_a_new_configuration_forgets_whom_the_old_one_knew(world: Any, router: Any) -> None:
    async def arrives(name: str) -> Any:
        arrival = Arrival(pbx_call_id=name, caller=ANNA, line=LINE)
        return (await router.service.call_arrived("pbx1", arrival)).call

    await router.store.apply({"crm": world.entry()})
    await arrives("c1")
    assert (await arrives("c2")).crm["cached"]
    await router.store.apply({"crm": world.entry(cache_s=60)})
    assert not (await arrives("c3")).crm["cached"]
    assert len(world.desk.asked) == 2
