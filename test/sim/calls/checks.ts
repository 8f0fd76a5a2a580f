//! What phones and the store must agree on: while all is quiet, and when everybody has hung up.

import { assert } from '../../../src/base/assert.ts'
import type { Cdr } from '../../../src/store/schema/call.ts'
import { savedCalls } from '../../../src/store/schema/call.ts'
import { cdrsOf } from '../../../src/store/schema/cdr.ts'
import { bindingsOf } from '../../../src/store/schema/binding.ts'
import { TENANT } from '../../harness/sim-pbx.ts'
import type { PhoneCall } from '../../harness/phone-call.ts'
import { sessionsOf } from './media-servers.ts'
import type { CallOffice } from './office.ts'
import type { Serving } from './serving.ts'

const MANY = 10_000

/**
 * Everybody is quiet: what a phone thinks is up is a call here, and the other way round. Returns
 * how many phones were hung up by a process that died before they had heard it: nobody is left who
 * knows of them, and they learn it when they next say something.
 */
export function assertAgreement(office: CallOffice): number {
  const { role } = serving(office)
  const calls = role.calls()
  const known = new Set(calls.flatMap(({ sipCallIds }) => sipCallIds))
  const up = new Set<string>()
  let unheard = 0
  for (const { calls: own, options } of office.phones)
    for (const call of own.filter(({ state }) => state === 'up')) {
      up.add(call.id)
      if (known.has(call.id)) continue
      assert(office.hungUp.has(call.id), `${options.name} is up alone, in ${call.id}`)
      unheard++
    }
  for (const { state, sipCallIds } of calls) {
    const name = sipCallIds.join(' with ')
    assert(state === 'up' || state === 'held', `${name} is ${state} for ever`)
    const isSomebodys = sipCallIds.some((id) => up.has(id))
    assert(isSomebodys || state === 'held', `${name} is a call of nobody`)
  }
  return unheard
}

/** Everybody has hung up: nothing is left, and every call has its one record. */
export async function assertOver(office: CallOffice): Promise<readonly Cdr[]> {
  const { node, role, stack, own } = serving(office)
  const { store } = node
  assert(store !== undefined, 'who serves has a store')
  const { calls, cdrsWaiting } = role.counters()
  const { clients, servers, attempts } = stack.size
  const saved = store.read(savedCalls).length
  const media = (await sessionsOf(own)) + (await office.media.sessions())
  const left = { calls, cdrsWaiting, saved, media, clients, servers, attempts }
  for (const [what, number] of Object.entries(left))
    assert(number === 0, `${number} ${what} are left: ${JSON.stringify(role.calls())}`)
  for (const { stack: each, role: its } of office.served) {
    assert(its.counters().call.bugs === 0, 'a call met a bug')
    assert(each.counters.bugs === 0, 'the stack met a bug')
  }
  for (const { calls: own, options } of office.phones)
    for (const call of own)
      assert(call.state === 'ended', `${options.name} is ${call.state} for ever, in ${call.id}`)
  const cdrs = store.read((db) => cdrsOf(db, TENANT, undefined, MANY))
  assertRecords(office, cdrs)
  assertWanted(office, cdrs)
  assertRegistered(office)
  return cdrs
}

/** Whose call was confirmed has one record that says so. */
function assertRecords(office: CallOffice, cdrs: readonly Cdr[]): void {
  for (const { calls, options } of office.phones)
    for (const call of calls) {
      if (call.way !== 'outgoing' || !call.wasUp) continue
      const own = cdrs.filter(({ callerSipCallId }) => callerSipCallId === call.id)
      const answered = own.filter(({ answeredAt }) => answeredAt !== undefined)
      const found = `${answered.length} records of ${own.length} say so`
      assert(answered.length === 1, `${options.name} was answered in ${call.id}, ${found}`)
    }
}

/** Nobody is hung up on because somebody could not be reached for a moment. */
function assertWanted({ phones, forgotten }: CallOffice, cdrs: readonly Cdr[]): void {
  const calls = phones.flatMap((phone) => phone.calls)
  for (const cdr of cdrs) {
    if (cdr.answeredAt === undefined || cdr.endedBy !== 'system') continue
    // A record names the last call that somebody came over from, and there may be more.
    const others = calls.filter(({ id }) =>
      forgotten.some(({ call, sipCallId }) => call === cdr.call && sipCallId === id),
    )
    const own = [...new Set([...dialogsOf(cdr, cdrs, calls), ...others])]
    const names = own.map(({ id }) => id).join(' with ')
    const isWanted = own.length < 2 || own.some(({ reason }) => reason === undefined)
    assert(isWanted, `${names} was ended for nobody: ${cdr.cause}`)
  }
}

/** Of all who talked in it: its tags name a call, and who comes over from another keeps its tag. */
function dialogsOf(cdr: Cdr, cdrs: readonly Cdr[], calls: readonly PhoneCall[]): PhoneCall[] {
  const own = calls.filter(({ id, dialog, wasUp }) => {
    const isNamed = dialog?.remote.tag.startsWith(`${cdr.call}-`) === true
    return id === cdr.callerSipCallId || (wasUp && isNamed)
  })
  const before = cdrs.find(({ call }) => call === cdr.transferredFrom)
  return before === undefined ? own : [...own, ...dialogsOf(before, cdrs, calls)]
}

/** A registration that was acknowledged is there. */
function assertRegistered(office: CallOffice): void {
  const { store } = serving(office).node
  for (const phone of office.phones) {
    const bindings = store?.read((db) => bindingsOf(db, phone.aor)) ?? []
    const uri = phone.registered.slice(1, -1)
    assert(
      bindings.some(({ contact }) => contact.includes(uri)),
      `${phone.options.name} was registered, and is not`,
    )
  }
}

function serving(office: CallOffice): Serving {
  const found = office.serving
  assert(found !== undefined, 'with everything mended nobody serves')
  return found
}
