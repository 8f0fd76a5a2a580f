//! Who has an address before a cluster gets it (RFC 5227 §2.1, RFC 4862 §5.4).

import { setTimeout as sleep } from 'node:timers/promises'
import { loadNative } from '../../native/load.ts'
import { earsOf, othersIn, PATIENCE } from './rivals.ts'

/** RFC 5227 §1.1 (PROBE_NUM), less far apart: somebody waits. */
const PROBES = 3

/** Their Ethernet addresses, within two seconds; or why that cannot be told. */
export async function holdersOf(
  native: string | undefined,
  interfaceName: string,
  address: string,
): Promise<readonly string[] | string> {
  const ears = earsOf(loadNative(native))
  for (let probe = 0; probe < PROBES; probe++) {
    const why = ears.askForClaims(interfaceName, address)
    if (why !== '') return why
    await sleep(PATIENCE)
    const others = othersIn(ears, interfaceName, address)
    if (!others.ok) return others.error
    if (others.value.length > 0) return others.value
  }
  return []
}
