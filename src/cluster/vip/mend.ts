//! What is missing on a host that cannot have the virtual address, and how it is mended. Pure.

import type { Result } from '../../base/result.ts'
import { ABSENT, NO_INTERFACE } from './ip.ts'
import type { Fault } from './resident.ts'

const MAY_NOT = /not permitted/i
const CAPABILITIES = '(config/systemd/cluster.conf)'

/** Of `ip`, told to take the address from there: why it could not put it there either. */
export function whyNoAddress(fault: Fault, interfaceName: string): string | undefined {
  const { kind, why } = fault
  if (kind === 'refused' && ABSENT.test(why)) return undefined
  if (MAY_NOT.test(why))
    return `it may not move the address: give pbx CAP_NET_ADMIN ${CAPABILITIES} and restart it`
  if (NO_INTERFACE.test(why)) return noInterface(interfaceName)
  if (isMissing(fault)) return 'ip is missing there: install iproute2'
  return `ip says: ${why}`
}

export function noInterface(name: string): string {
  const mend = 'stop it, and name another with pbx cluster change --interface'
  return `its host has no interface ${name}: ${mend}`
}

/** Of `nft`, told the rules: why the kernel does not guard the address. */
export function whyNoGate(fault: Fault): string {
  if (MAY_NOT.test(fault.why)) return `give pbx CAP_NET_ADMIN ${CAPABILITIES} and restart it`
  if (isMissing(fault)) return 'install nftables and restart pbx'
  return `nft says: ${fault.why}`
}

/** Of a process that has this add-on, and these capabilities (`CapEff` of proc(5)). */
export function whyNoAnnouncing(
  addOn: Result<unknown, string>,
  processStatus: string,
): string | undefined {
  const cannot = 'it cannot tell its neighbours where the address is: give pbx'
  if (!addOn.ok) return `${cannot} its native add-on and restart it (${firstLine(addOn.error)})`
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(processStatus)?.[1]
  if (capabilities === undefined || (BigInt(`0x${capabilities}`) & CAP_NET_RAW) !== 0n)
    return undefined
  return `${cannot} CAP_NET_RAW ${CAPABILITIES} and restart it`
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? ''
}

const CAP_NET_RAW = 1n << 13n

function isMissing({ kind, why }: Fault): boolean {
  return kind === 'gone' && why.endsWith('not found')
}
