//! What nftables is told (nft(8)). All traffic to and from the addresses, and all ARP about them,
//! is dropped unless they are elements of the set `lease`, which forgets them after their timeout.
//! But what its owner says of it comes in: this host is a client like any other.
//! Neighbour discovery of IPv6 needs no rule of its own: what would tell that the address is here
//! is sent from it, and what tells that it is elsewhere is not sent to it. Rules of other programs
//! are not touched. Pure.
//!
//! All that is told at once is one line, and a line is one transaction: a packet meets what was
//! before it or what is after it, and when one statement fails, nothing is done. Deleting what is
//! not there, or has expired, fails: what renews begins with a deletion.

import { familyOf } from '../../base/address.ts'

const TABLE = 'pbx_vip'

type Family = 'ip' | 'arp' | 'ip6'
const SHAPES = {
  ip: { type: 'ipv4_addr', priority: -300, to: 'ip daddr', from: 'ip saddr' },
  arp: { type: 'ipv4_addr', priority: 0, to: 'arp daddr ip', from: 'arp saddr ip' },
  ip6: { type: 'ipv6_addr', priority: -300, to: 'ip6 daddr', from: 'ip6 saddr' },
} as const
/** Gratuitous ARP is about its sender (RFC 5227 §3). */
const isAnnounced = (address: string): string => `arp saddr ip ${address} accept; `

/** Of IPv4, IPv6, or both; at least one. */
export type Addresses = readonly string[]

/** Made anew, closed. In one transaction: meanwhile the gate that was there stays as it was. */
export function rules(addresses: Addresses): string {
  const families = familiesOf(addresses)
  return [none(addresses), ...families.map(([family, own]) => table(family, own))].join('; ')
}

/** Nothing is dropped any more. */
export function none(addresses: Addresses): string {
  return each(addresses, (family) => [
    // `add` before `delete`: it fails neither when the table is there nor when it is not.
    `add table ${family} ${TABLE}`,
    `delete table ${family} ${TABLE}`,
  ])
}

function table(family: Family, addresses: Addresses): string {
  const { type, priority, to, from } = SHAPES[family]
  const chain = (hook: string, field: string, before: readonly string[] = []): string => {
    const drops = addresses.map((address) => `${field} ${address} ${field} != @lease drop; `)
    const head = `type filter hook ${hook} priority ${priority}; policy accept; `
    return `chain ${hook} { ${head}${[...before, ...drops].join('')}}`
  }
  const announced = family === 'arp' ? addresses.map(isAnnounced) : []
  const sets = ['lease', 'pending'].map((name) => `set ${name} { type ${type}; flags timeout; }`)
  const parts = [...sets, chain('input', to, announced), chain('output', from)]
  return `table ${family} ${TABLE} { ${parts.join('; ')}; }`
}

/** From now on, for so long, the gate may be opened. */
export function pend(addresses: Addresses, timeoutMs: number): string {
  return each(addresses, (family, own) => [
    flush(family, 'pending'),
    add(family, 'pending', own, timeoutMs),
  ])
}

/** Fails unless it is pending. */
export function open(addresses: Addresses, timeoutMs: number): string {
  return each(addresses, (family, own) => [
    remove(family, 'pending', own),
    flush(family, 'lease'),
    add(family, 'lease', own, timeoutMs),
  ])
}

/** Fails unless it is open. */
export function renew(addresses: Addresses, timeoutMs: number): string {
  return each(addresses, (family, own) => [
    remove(family, 'lease', own),
    add(family, 'lease', own, timeoutMs),
  ])
}

export function close(addresses: Addresses): string {
  return each(addresses, (family) => [flush(family, 'pending'), flush(family, 'lease')])
}

/** Answered by a table whatever came before it, if the rules are there: the end of an answer. */
export function look(addresses: Addresses): string {
  return `list set ${addresses.some((each) => familyOf(each) === 4) ? 'ip' : 'ip6'} ${TABLE} lease`
}

/** Of an answer to `look`: for how many milliseconds the gate is still open; 0 when it is not. */
export function openFor(answer: string): number {
  const left = /expires ((?:\d+(?:ms|[smhd]))+)/.exec(answer)?.[1]
  if (left === undefined) return answer.includes('elements') ? Number.POSITIVE_INFINITY : 0
  let total = 0
  for (const [, number = '0', unit = ''] of left.matchAll(/(\d+)(ms|[smhd])/g))
    total += Number(number) * (UNITS[unit] ?? 0)
  return total
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

type Set = 'lease' | 'pending'

function familiesOf(addresses: Addresses): readonly (readonly [Family, Addresses])[] {
  const of = (family: 4 | 6): Addresses => addresses.filter((each) => familyOf(each) === family)
  const [four, six] = [of(4), of(6)]
  const all = [['ip', four] as const, ['arp', four] as const, ['ip6', six] as const]
  return all.filter(([, own]) => own.length > 0)
}

function each(
  addresses: Addresses,
  statements: (family: Family, own: Addresses) => readonly string[],
): string {
  return familiesOf(addresses)
    .flatMap(([family, own]) => statements(family, own))
    .join('; ')
}

function add(family: Family, set: Set, addresses: Addresses, timeoutMs: number): string {
  const elements = addresses.map((address) => `${address} timeout ${timeoutMs}ms`)
  return `add element ${family} ${TABLE} ${set} { ${elements.join(', ')} }`
}

function remove(family: Family, set: Set, addresses: Addresses): string {
  return `delete element ${family} ${TABLE} ${set} { ${addresses.join(', ')} }`
}

function flush(family: Family, set: Set): string {
  return `flush set ${family} ${TABLE} ${set}`
}
