// An SMSC on the npm package smpp, with the commands on stdin and the record of the shipped fake.
'use strict';
const fs = require('fs');
const readline = require('readline');
const smpp = require(process.env.SMPP_MODULE);

const [port, recordPath] = [Number(process.argv[2]), process.argv[3]];
const STATUS = { throttle: smpp.ESME_RTHROTTLED, refuse: smpp.ESME_RINVDSTADR };
const STATES = { ENROUTE: 1, DELIVRD: 2, EXPIRED: 3, UNDELIV: 5, REJECTD: 8 };
const settings = {
  response_ids: 'hex', receipt_ids: 'hex', receipts: 'after', stat: 'DELIVRD', tlvs: true, echo_reference: false,
};
const script = [];
const waiting = [];
let bound = [];
let last = Date.now();

const note = (event, values) => fs.appendFileSync(recordPath, JSON.stringify({ event, ...values }) + '\n');
const written = (number, form) => ({
  hex: number.toString(16), HEX: number.toString(16).toUpperCase(), decimal: String(number),
}[form] || String(number).padStart(20, '0'));

function send(delivery, done) {
  const session = bound.find((each) => each.mode !== 'transmitter');
  if (!session) { waiting.push([delivery, done]); return; }
  session.deliver_sm(delivery, (answer) => {
    note('delivered', { to: delivery.source_addr, status: answer.command_status });
    if (answer.command_status !== 0) setTimeout(() => send(delivery, done), 300);
    else if (done) done();
  });
}

function receipt(pdu, number) {
  const id = written(number, settings.receipt_ids);
  const found = {
    source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4,
    short_message: Buffer.from(`id:${id} sub:001 dlvrd:001 submit date:2611240800 done date:2611240801 stat:${settings.stat} err:000 text:`),
  };
  if (settings.tlvs) { found.receipted_message_id = id; found.message_state = STATES[settings.stat]; }
  if (settings.echo_reference) found.user_message_reference = pdu.user_message_reference;
  return found;
}

function place(pdu) {
  const udh = pdu.short_message.udh && pdu.short_message.udh[0];
  if (udh && udh[0] === 8) return [udh.readUInt16BE(2), udh[4], udh[5]];
  if (udh && udh[0] === 0) return [udh[2], udh[3], udh[4]];
  return pdu.sar_total_segments ? [pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum] : null;
}

function submitted(session, pdu) {
  const fault = script.shift() || 'ok';
  const number = ++last;
  const payload = pdu.message_payload && (pdu.message_payload.message || pdu.message_payload);
  const entry = {
    message_id: written(number, settings.response_ids), from: pdu.source_addr, to: pdu.destination_addr,
    data_coding: pdu.data_coding, text: String(pdu.short_message.message || payload || ''), part: place(pdu), fault,
  };
  if (STATUS[fault]) {
    note('refused', entry);
    session.send(pdu.response({ command_status: STATUS[fault] }));
    return;
  }
  note('submit_sm', entry);
  const answer = () => { if (fault === 'ok') session.send(pdu.response({ message_id: entry.message_id })); };
  if (settings.receipts === 'before') { send(receipt(pdu, number), answer); return; }
  answer();
  if (settings.receipts === 'after') setTimeout(() => send(receipt(pdu, number)), 20);
}

const server = smpp.createServer({}, (session) => {
  session.on('error', () => {});
  for (const mode of ['transceiver', 'transmitter', 'receiver']) {
    session.on(`bind_${mode}`, (pdu) => {
      if (pdu.system_id !== 'careline' || pdu.password !== 'secret') {
        session.send(pdu.response({ command_status: smpp.ESME_RBINDFAIL }));
        return;
      }
      session.mode = mode;
      session.send(pdu.response({ system_id: 'NODE' }));
      bound.push(session);
      note('bound', { mode });
      for (const [delivery, done] of waiting.splice(0)) send(delivery, done);
    });
  }
  session.on('submit_sm', (pdu) => submitted(session, pdu));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  session.on('close', () => { bound = bound.filter((each) => each !== session); note('unbound', {}); });
});

function raw(values) {
  const found = {
    source_addr: values.from, destination_addr: values.to, data_coding: values.data_coding || 0,
    esm_class: values.esm_class || 0, short_message: Buffer.from(values.hex || '', 'hex'),
  };
  for (const [tag, value] of Object.entries(values.tlvs || {})) {
    const known = smpp.tlvsById[parseInt(tag, 16)];
    found[known.tag] = known.type === smpp.types.tlv.int8 || known.type === smpp.types.tlv.int16
      ? parseInt(value, 16) : Buffer.from(value, 'hex');
  }
  return found;
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line);
  if (command.next) script.push(...command.next);
  if (command.set) Object.assign(settings, command.set);
  if (command.deliver) send(raw(command.deliver));
});
server.listen(port, '127.0.0.1', () => process.stdout.write(`ready 127.0.0.1:${port}\n`));
