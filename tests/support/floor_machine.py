"""A floor that Hypothesis plays on: every command, in any order.

A kill of the process makes `floor` anew out of a snapshot and `twin` out of the journal.
"""

from dataclasses import replace
from typing import Any

import floor_worlds as worlds
from floor_oracle import ALWAYS, counts_are_what_they_count, is_away
from floor_pair import FloorPair
from floor_watch import WatchedFloor
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from careline_router.domain import commands as cmd
from careline_router.domain import transfer_orders as orders
from careline_router.domain import work
from careline_router.domain.floor import Floor
from careline_router.domain.specs import FloorSpec, QueueSpec
from careline_router.domain.words import PRIORITIES
from careline_router.runtime.codec import decode, decode_snapshot, encode, pack, snapshot_parts

agents = st.sampled_from([spec.id for spec in worlds.AGENTS])
queues = st.sampled_from([queue.id for queue in worlds.QUEUES])
needs = st.sampled_from(worlds.NEEDS)
priorities = st.sampled_from(PRIORITIES)
persons = st.sampled_from((None, "anna", "boris", "vera"))
offsets = st.sampled_from((0.0, 10_800.0))
PASSED_ON = ("out", "in", "endpoint", "agent", "queue")
ASKING = ("gone", "ringing", "answered", "gone", "complete", "back", "join")
causes = st.sampled_from(("busy", "rejected", "no_answer", "unreachable"))


class FloorMachine(FloorPair):
    # -- the floor is told what it is ------------------------------------------------------------

    @initialize(
        spec=worlds.floors(),
        at_work=st.sampled_from((0, 2, 3, 5)),
        calls=st.integers(0, 5),
        data=st.data(),
    )
    def a_day_begins(self, spec: Any, at_work: int, calls: int, data: st.DataObject) -> None:
        """Mostly with agents at work or with calls that wait; else little ever happens."""
        self.send(cmd.ConfigureFloor(floor=spec))
        for _ in range(calls):
            self.call_comes(data.draw(worlds.calls()), data.draw(queues), data.draw(needs))
            self.time_passes(data.draw(st.sampled_from((0.0, 1.0, 15.0, 40.0))))
        for agent in data.draw(st.permutations(worlds.AGENTS))[:at_work]:
            self.comes_to_work(agent.id, None)

    @rule(told=st.one_of(worlds.floors(), worlds.queues()))
    def floor_is_told_anew(self, told: FloorSpec | QueueSpec) -> None:
        if isinstance(told, FloorSpec):
            self.send(cmd.ConfigureFloor(floor=told))
        else:
            self.send(cmd.ConfigureQueues(queues=(told,)))

    @rule(skills=st.sampled_from(worlds.SKILLS), capacity=st.integers(1, 3), data=st.data())
    def learns(self, skills: dict[str, int], capacity: int, data: st.DataObject) -> None:
        """Mostly one who idles: it is for him that there may be a call now."""
        idle = [agent.id for agent in self.floor.agents.values() if agent.state == "ready"]
        agent = data.draw(st.sampled_from([*idle, *idle, *self.floor.agents]))
        spec = replace(self.floor.agents[agent].spec, skills=skills)
        if spec.kind == "bot":
            spec = replace(spec, capacity=capacity)
        self.send(cmd.ConfigureAgents(agents=(spec,)))

    # -- time ------------------------------------------------------------------------------------

    @rule(wait=st.sampled_from((0.0, 0.5, 4.0, 6.0, 9.0, 15.0, 20.0, 30.0, 60.0, 90.0, 400.0)))
    def time_passes(self, wait: float) -> None:
        """Up to then whatever is due happens at its moment, as it does when somebody sends ticks."""
        until = self.now + wait
        while (due := self.floor.next_timer()) is not None and due <= until:
            self.now = max(self.now, due)
            self.tick()
        self.now = max(self.now, until)

    def tick(self) -> None:
        self.send(cmd.Tick())

    @precondition(lambda self: self.floor.calls and not self.floor.waiting_count)
    @rule()
    def an_hour_passes(self) -> None:
        self.time_passes(3700.0)

    @rule()
    def the_clock_goes_back(self) -> None:
        self.now -= 3.0

    # -- calls -----------------------------------------------------------------------------------

    @rule(call=worlds.calls(), queue=queues, skills=needs)
    def call_comes(self, call: dict[str, Any], queue: str, skills: dict[str, int]) -> None:
        name, kind = self.name(), call["kind"]
        rest = {key: value for key, value in call.items() if key not in {"kind", "due_in"}}
        due = None if call["due_in"] is None else self.now + call["due_in"]
        pbx = "q" if self.names % 3 == 0 else "p"
        self.send(cmd.RegisterCall(call_id=name, pbx=pbx, pbx_call_id=name, line="1", kind=kind))
        self.send(cmd.QueueCall(call_id=name, queue=queue, skills=skills, due_at=due, **rest))

    @rule(queue=queues, asked=st.booleans(), data=st.data())
    def ticket_is_begun(self, queue: str, asked: bool, data: st.DataObject) -> None:
        """So that there is something that a call may interrupt, before or after it is taken up."""
        name = self.name()
        self.send(
            cmd.RegisterCall(call_id=name, pbx="p", pbx_call_id=name, line="1", kind="ticket")
        )
        self.send(cmd.QueueCall(call_id=name, queue=queue, skills={}, priority="insured"))
        if asked:
            self.call_comes(data.draw(worlds.calls()), queue, data.draw(needs))
        self.send(cmd.PhoneAnswered(offer_id=f"{name}.1"))

    @rule(queue=queues, skills=needs, priority=priorities, accepted=st.booleans())
    def appeal_is_offered(
        self, queue: str, skills: dict[str, int], priority: Any, accepted: bool
    ) -> None:
        name = self.name()
        self.send(
            work.OfferWork(
                call_id=name, ticket_id=name, number=1, queue=queue, skills=skills, priority=priority
            )
        )  # fmt: skip
        offer = self.floor.offers.get(f"{name}.1")
        if accepted and offer is not None:
            self.send(cmd.AcceptOffer(agent_id=offer.agent, offer_id=offer.id))

    @precondition(lambda self: any(c.control == "desk" for c in self.floor.calls.values()))
    @rule(data=st.data(), by_journal=st.booleans())
    def appeal_is_done(self, data: st.DataObject, by_journal: bool) -> None:
        call = self.floor.calls.get(self.some_call(data))
        agent = None if by_journal or call is None else call.agent
        self.send(work.EndWork(call_id="nobody" if call is None else call.id, agent_id=agent))

    @rule(person=persons, queue=st.sampled_from((None, "q1")), again=st.booleans())
    def line_is_closed(self, person: str | None, queue: str | None, again: bool) -> None:
        name = self.known() if again else self.name()
        self.send(cmd.RegisterCall(call_id=name, pbx="p", pbx_call_id=name, line="1"))
        self.send(
            cmd.CloseCall(call_id=name, outcome="closed", media="m", person=person, queue=queue)
        )

    @rule(
        again=st.booleans(),
        goes_on=st.booleans(),
        queue=queues,
        wait_s=st.sampled_from((5.0, 60.0)),
    )
    def caller_is_asked(self, again: bool, goes_on: bool, queue: str, wait_s: float) -> None:
        """He serves himself, stays at it or goes on to a queue."""
        name = self.known() if again else self.name()
        self.send(cmd.RegisterCall(call_id=name, pbx="p", pbx_call_id=name, line="1"))
        self.send(cmd.AskCaller(call_id=name, node="menu", media=("m",), wait_s=wait_s))
        if goes_on:
            self.send(cmd.QueueCall(call_id=name, queue=queue, skills={}, priority="insured"))

    @precondition(lambda self: self.floor.calls)
    @rule(data=st.data(), by=st.sampled_from(("caller", "agent", "system")), zone=offsets)
    def hangs_up(self, data: st.DataObject, by: Any, zone: float) -> None:
        cause = data.draw(st.sampled_from((None, "dropped")))
        call = self.some_call(data)
        self.send(cmd.HangUp(call_id=call, by=by, cause=cause, utc_offset_s=zone))

    @precondition(lambda self: self.floor.busy)
    @rule(data=st.data(), kind=st.sampled_from(("hold", "bridge")), agent=agents)
    def talk_is_steered(self, data: st.DataObject, kind: str, agent: str) -> None:
        call = self.some_call(data, "connected")
        self.send(cmd.ControlTalk(call_id=call, kind=kind, agent_id=agent))
        self.send(cmd.Digits(call_id=call, digits="12"))

    @precondition(lambda self: self.floor.busy or self.floor.offers)
    @rule(data=st.data(), to=agents, queue=queues, skills=needs, how=st.sampled_from(PASSED_ON))
    def talk_is_passed_on(
        self, data: st.DataObject, to: str, queue: str, skills: dict[str, int], how: str
    ) -> None:
        """At once or after asking, and with whatever may come in between."""
        self.every_phone_is_answered()
        talks = [
            call
            for call in self.floor.calls.values()
            if call.state == "connected" and call.kind == "call" and not call.consultation
        ]
        call = data.draw(st.sampled_from(talks)) if talks else None
        name, agent = ("nobody", "a0") if call is None else (call.id, call.agent)
        mine = {"agent_id": agent, "call_id": name}
        match how:
            case "out":
                self.send(orders.TransferOut(**mine, endpoint="P/out"))
                self.transfer_ends(data, name)
            case "in":
                whom = data.draw(st.sampled_from((None, to)))
                self.send(
                    orders.TransferIn(
                        **mine, queue=queue, skills=skills, to_agent=whom, preferred_for_s=20.0
                    )
                )
            case _:
                whom = {"endpoint": {"endpoint": "P/out"}, "agent": {"to_agent": to}}
                asked_for = whom.get(how, {"skills": skills})
                self.send(orders.Consult(**mine, consult_id=self.name(), **asked_for))
                self.asking(data, data.draw(st.sampled_from(ASKING)))

    @precondition(lambda self: any(call.consultation for call in self.floor.calls.values()))
    @rule(data=st.data(), how=st.sampled_from(ASKING))
    def asking_goes_on(self, data: st.DataObject, how: str) -> None:
        self.asking(data, how)

    @rule(data=st.data())
    def who_is_asked_is_gone(self, data: st.DataObject) -> None:
        """Or was, of a consultation that is over."""
        asking = [each for each in self.floor.calls.values() if each.consultation is not None]
        call = data.draw(st.sampled_from(asking)) if asking else None
        name, asked = "nobody", "nothing"
        if call is not None and call.consultation is not None:
            name, asked = call.id, call.consultation.id
        self.send(orders.ConsultGone(call_id=name, consult_id=asked, cause="busy"))

    def asking(self, data: st.DataObject, how: Any) -> None:
        asking = [call for call in self.floor.calls.values() if call.consultation is not None]
        if not asking or how == "ringing":
            return
        call = data.draw(st.sampled_from(asking))
        assert call.consultation is not None
        its = {"call_id": call.id, "consult_id": call.consultation.id}
        if how == "gone":
            self.send(orders.ConsultGone(**its, cause="busy"))
            return
        self.send(orders.ConsultAnswered(**its))
        if how != "answered":
            self.send(orders.EndConsult(agent_id=call.agent or "", call_id=call.id, how=how))
        self.transfer_ends(data, call.id)

    def transfer_ends(self, data: st.DataObject, call_id: str) -> None:
        """Or its agent goes first, or it is of an earlier one; or nothing is told yet."""
        if data.draw(st.booleans()):
            self.send(cmd.HangUp(call_id=call_id, by="agent"))
        if data.draw(st.booleans()):
            call = self.floor.calls.get(call_id)
            leg = data.draw(st.sampled_from((call.offer if call else None, "another")))
            ends = {"call_id": call_id, "offer_id": leg or "", "consult_id": leg}
            self.send(orders.TransferEnded(**ends, ok=data.draw(st.booleans())))

    @precondition(lambda self: self.floor.waiting_count)
    @rule(data=st.data(), agent=agents, how=st.sampled_from(("assign", "withdraw", "announce")))
    def supervisor_steers(self, data: st.DataObject, agent: str, how: str) -> None:
        call = self.some_call(data, "queued", "offered")
        match how:
            case "assign":
                self.send(cmd.Assign(call_id=call, agent_id=agent, for_s=20.0))
            case "withdraw":
                self.send(cmd.WithdrawOffer(offer_id=self.some_offer(data)[0]))
            case _:
                self.send(cmd.Announce(media="m"))

    @precondition(lambda self: self.floor.waiting_count)
    @rule(data=st.data(), queue=st.sampled_from(("q1", "q2", "q3", "gone")), skills=needs)
    def moved(self, data: st.DataObject, queue: str, skills: dict[str, int]) -> None:
        call = self.some_call(data, "queued", "offered")
        self.send(cmd.Move(call_id=call, queue=queue, skills=skills))

    @precondition(lambda self: self.floor.waiting_count)
    @rule(data=st.data(), priority=priorities)
    def reprioritised(self, data: st.DataObject, priority: Any) -> None:
        call = self.some_call(data, "queued", "offered")
        self.send(cmd.SetPriority(call_id=call, priority=priority))

    @precondition(lambda self: self.floor.waiting_count)
    @rule(data=st.data(), outcome=st.sampled_from(("overflow", "voicemail")))
    def leaves_its_queue(self, data: st.DataObject, outcome: Any) -> None:
        self.send(cmd.LeaveQueue(call_id=self.some_call(data), outcome=outcome))

    @precondition(lambda self: any(call.ways_told for call in self.floor.calls.values()))
    @rule(data=st.data(), key=st.sampled_from(("2", "3")))
    def takes_a_way_out(self, data: st.DataObject, key: str) -> None:
        told = [call.id for call in self.floor.calls.values() if call.ways_told]
        self.send(cmd.TakeWayOut(call_id=data.draw(st.sampled_from([*told, "nobody"])), key=key))

    @precondition(lambda self: any(call.terms.records for call in self.floor.calls.values()))
    @rule(data=st.data())
    def refuses_to_be_recorded(self, data: st.DataObject) -> None:
        self.send(cmd.RefuseRecording(call_id=self.some_call(data)))

    # -- callbacks -------------------------------------------------------------------------------

    @rule(
        queue=queues, skills=needs, person=st.sampled_from(("anna", "gleb")), priority=priorities,
        mode=st.sampled_from(("keep", "defer")), wait=st.sampled_from((None, 60.0)), zone=offsets,
    )  # fmt: skip
    def callback_is_wanted(
        self, queue: str, skills: dict[str, int], person: str, priority: Any, mode: Any,
        wait: float | None, zone: float,
    ) -> None:  # fmt: skip
        self.send(
            cmd.RequestCallback(
                call_id=self.name(), pbx="p", line="1", queue=queue, skills=skills, priority=priority,
                person=person, mode=mode, not_before=None if wait is None else self.now + wait,
                utc_offset_s=zone,
            )
        )  # fmt: skip

    @precondition(lambda self: self.floor.waiting_count and self.floor.spec.callbacks)
    @rule(data=st.data(), zone=offsets, known=st.booleans())
    def callback_is_accepted(self, data: st.DataObject, zone: float, known: bool) -> None:
        offered = [
            call.id
            for call in self.floor.calls.values()
            if call.callback_offered_at is not None and call.state in {"queued", "offered"}
        ]
        call = data.draw(st.sampled_from([*offered, *offered, "c2"]))
        self.send(
            cmd.AcceptCallback(
                call_id=call, callback_id=self.known() if known else self.name(), utc_offset_s=zone
            )
        )

    @precondition(lambda self: self.floor.callback_of)
    @rule(data=st.data())
    def callback_is_cancelled(self, data: st.DataObject) -> None:
        self.send(cmd.CancelCallback(call_id=self.some_call(data, callback=True)))

    @precondition(lambda self: self.floor.busy)
    @rule(data=st.data(), cause=st.sampled_from((None, "no_answer", "busy")))
    def person_is_called(self, data: st.DataObject, cause: Any) -> None:
        call = self.some_call(data, "connected", callback=True)
        reached = cmd.DialReached(call_id=call)
        self.send(reached if cause is None else cmd.DialFailed(call_id=call, cause=cause))

    # -- agents ----------------------------------------------------------------------------------

    @rule(agent=agents, site=st.sampled_from((None, "msk")))
    def comes_to_work(self, agent: str, site: str | None) -> None:
        self.send(cmd.LogIn(agent_id=agent, site=site))
        self.send(cmd.SetReady(agent_id=agent))

    @rule(agent=agents, here=st.booleans(), waits=st.booleans())
    def desk_comes_or_goes(self, agent: str, here: bool, waits: bool) -> None:
        """And mostly it was there before; now and then nothing else happens until it counts as gone."""
        self.send(cmd.SetPresence(came=(agent,)))
        if not here:
            self.send(cmd.SetPresence(left=(agent, "nobody")))
            if waits:
                self.time_passes(self.floor.spec.presence_grace_s)

    @rule(site=st.sampled_from(("msk", "spb")), state=st.sampled_from(("open", "drained", "down")))
    def site_changes(self, site: str, state: Any) -> None:
        """Nobody there is given anything from then on.

        Fails when `_release` does not ask `rest_of`, and when `is_lent` does not look at the site.
        """
        self.send(cmd.SetSite(site=site, state=state))

    @rule(pbx=st.sampled_from(("p", "q", "q")), state=st.sampled_from(("up", "up", "down")))
    def pbx_stops_or_goes_on(self, pbx: str, state: Any) -> None:
        """What it has under way stays; nothing new comes of it, nor to whose phone stands there."""
        talks = {each.id for each in self.floor.calls.values() if each.state == "connected"}
        self.send(cmd.SetPbx(pbx=pbx, state=state))
        assert (pbx in self.floor.pbxs_down) == (state == "down")
        if state == "down":
            assert all(self.floor.calls[each].state == "connected" for each in talks)

    @rule(agent=agents)
    def gets_ready(self, agent: str) -> None:
        self.send(cmd.SetReady(agent_id=agent))

    @rule(agent=agents)
    def rests(self, agent: str) -> None:
        self.send(cmd.SetNotReady(agent_id=agent, reason="lunch"))

    @rule(agent=agents)
    def goes_home(self, agent: str) -> None:
        self.send(cmd.LogOut(agent_id=agent))

    @precondition(lambda self: self.floor.offers)
    @rule(data=st.data())
    def accepts(self, data: st.DataObject) -> None:
        offer, agent = self.some_offer(data)
        self.send(cmd.AcceptOffer(agent_id=agent, offer_id=offer))

    @precondition(lambda self: self.floor.offers)
    @rule(data=st.data())
    def rejects(self, data: st.DataObject) -> None:
        offer, agent = self.some_offer(data)
        self.send(cmd.RejectOffer(agent_id=agent, offer_id=offer))

    @precondition(lambda self: self.floor.offers)
    @rule(data=st.data())
    def phone_is_answered(self, data: st.DataObject) -> None:
        self.send(cmd.PhoneAnswered(offer_id=self.some_offer(data)[0]))

    @precondition(lambda self: self.floor.offers)
    @rule()
    def every_phone_is_answered(self) -> None:
        """As it mostly is; else hardly anybody ever talks."""
        for offer in list(self.floor.offers):
            self.send(cmd.PhoneAnswered(offer_id=offer))

    @precondition(lambda self: self.floor.offers)
    @rule(data=st.data(), cause=causes)
    def phone_fails(self, data: st.DataObject, cause: Any) -> None:
        self.send(cmd.OfferFailed(offer_id=self.some_offer(data)[0], cause=cause))

    @precondition(lambda self: self.floor.offers)
    @rule(data=st.data())
    def leg_is_lost(self, data: st.DataObject) -> None:
        """Nobody is blamed for it: he may have the call again, and rests only if he, or his site, wished so before.

        Fails when `_lose` excludes him, makes him not ready, or leaves the call to nobody.
        """
        offer_id, agent_id = data.draw(
            st.sampled_from([(offer.id, offer.agent) for offer in self.floor.offers.values()])
        )
        agent, call = (
            self.floor.agents[agent_id],
            self.floor.calls[self.floor.offers[offer_id].call],
        )
        excluded, rests = set(call.excluded), agent.rests_after
        away = self.floor.sites.get(agent.site or "") is not None or is_away(self.floor, agent)
        self.send(cmd.OfferFailed(offer_id=offer_id, cause="lost"))
        assert offer_id not in self.floor.offers
        assert call.state in {"queued", "offered"}
        assert call.excluded == excluded
        assert (agent.state == "not_ready") == (rests is not None or away)

    @rule(data=st.data(), agent=agents, seconds=st.sampled_from((None, 5.0, 400.0, -1.0)))
    def wraps_up(self, data: st.DataObject, agent: str, seconds: float | None) -> None:
        if seconds is not None:
            self.send(cmd.ExtendWrapUp(agent_id=agent, seconds=seconds))
            return
        call = self.some_call(data, "ended")
        self.send(cmd.CompleteWrapUp(agent_id=agent, call_id=call))

    # -- what holds ------------------------------------------------------------------------------

    @rule()
    def the_process_is_killed(self) -> None:
        """A floor out of the journal, or out of a snapshot, is the floor that was lost; and from then
        on both do the same.

        Fails when `load` forgets the exclusions, and when it forgets the load (`Demand()`).
        """
        replayed = Floor()
        for event in self.journal:
            replayed.apply(decode(*encode(event)))
        packed = b"".join(pack(snapshot_parts(self.floor.snapshot())))
        restored = WatchedFloor.restore(decode_snapshot(packed))
        assert restored.equals(self.floor)
        assert replayed.equals(self.floor)
        counts_are_what_they_count(replayed)
        self.now = max(self.now, self.floor.now)
        self.floor, self.twin = restored, replayed
        self.tick()

    @invariant()
    def what_must_hold_holds(self) -> None:
        for check in ALWAYS:
            check(self.floor)

    @invariant()
    def no_call_is_lost_and_none_ends_twice(self) -> None:
        """Fails when `_offer_closed` does not put the call back, and when `_hang_up` ends an ended call."""
        assert all(count == 1 for count in (self.begun | self.ended).values())
        here = {call.id for call in self.floor.calls.values() if call.state != "ended"}
        assert here == set(self.begun) - set(self.ended)
