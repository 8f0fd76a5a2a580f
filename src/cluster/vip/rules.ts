//! What nftables is told (nft(8)). All traffic to and from the address, and all ARP about it, is
//! dropped unless the address is an element of the set `lease`, which forgets it after its timeout.
//! Rules of other programs are not touched. Pure.
//!
//! A line is one transaction, and nothing goes over lines: when one statement of it fails, nothing
//! is done. Deleting what is not there, or has expired, fails: what renews begins with a deletion.

const FAMILIES = ['ip', 'arp'] as const
const TABLE = 'pbx_vip'

/** `address`: the virtual one, IPv4. Made anew, closed. */
export function rules(address: string): string {
  return [
    // `add` before `delete`: it fails neither when the table is there nor when it is not.
    ...FAMILIES.map((family) => `add table ${family} ${TABLE}; delete table ${family} ${TABLE}`),
    table('ip', -300, ['ip daddr', 'ip saddr'], address),
    table('arp', 0, ['arp daddr ip', 'arp saddr ip'], address),
  ].join('\n')
}

type Fields = readonly [to: string, from: string]

function table(family: string, priority: number, [to, from]: Fields, address: string): string {
  const chain = (hook: string, field: string): string =>
    `chain ${hook} { type filter hook ${hook} priority ${priority}; policy accept; ` +
    `${field} ${address} ${field} != @lease drop; }`
  const sets = ['lease', 'pending'].map((name) => `set ${name} { type ipv4_addr; flags timeout; }`)
  const parts = [...sets, chain('input', to), chain('output', from)]
  return `table ${family} ${TABLE} { ${parts.join('; ')}; }`
}

/** From now on, for so long, the gate may be opened. */
export function pend(address: string, timeoutMs: number): string {
  return each((family) => [flush(family, 'pending'), add(family, 'pending', address, timeoutMs)])
}

/** Fails unless it is pending. */
export function open(address: string, timeoutMs: number): string {
  return each((family) => [
    remove(family, 'pending', address),
    flush(family, 'lease'),
    add(family, 'lease', address, timeoutMs),
  ])
}

/** Fails unless it is open. */
export function renew(address: string, timeoutMs: number): string {
  return each((family) => [
    remove(family, 'lease', address),
    add(family, 'lease', address, timeoutMs),
  ])
}

export function close(): string {
  return each((family) => [flush(family, 'pending'), flush(family, 'lease')])
}

/** Answered by a table whatever came before it: the end of an answer. */
export const LOOK = `list set ip ${TABLE} lease`

/** Of an answer to `LOOK`: for how many milliseconds the gate is still open; 0 when it is not. */
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

function each(statements: (family: string) => readonly string[]): string {
  return FAMILIES.flatMap(statements).join('; ')
}

function add(family: string, set: Set, address: string, timeoutMs: number): string {
  return `add element ${family} ${TABLE} ${set} { ${address} timeout ${timeoutMs}ms }`
}

function remove(family: string, set: Set, address: string): string {
  return `delete element ${family} ${TABLE} ${set} { ${address} }`
}

function flush(family: string, set: Set): string {
  return `flush set ${family} ${TABLE} ${set}`
}
