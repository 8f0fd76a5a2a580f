//! Looks now and then whether this host has the address by which the other nodes know it. Not in
//! the thread that keeps the lease: what the kernel is asked waits for whoever changes interfaces.

import type { Cancel, Host } from '../base/host.ts'
import type { Result } from '../base/result.ts'
import { after, seconds } from '../base/time.ts'
import { ownAddresses } from '../native/own-addresses.ts'
import { Whereabouts } from './whereabouts.ts'

const EVERY = seconds(5)

export type OwnAddressParts = {
  readonly host: Pick<Host, 'now' | 'wake' | 'log'>
  readonly address: string
  /** Why it is not found, or that it is; when that has changed. */
  readonly onChanged: (why: string | undefined) => void
  /** All that the host has. */
  readonly addresses?: () => Result<readonly { readonly address: string }[], string>
}

export function watchOwnAddress(parts: OwnAddressParts): Cancel {
  const { host, address, onChanged, addresses = ownAddresses } = parts
  const whereabouts = new Whereabouts(address)
  let told: string | undefined
  let isSaid = false
  const look = (): void => {
    const own = addresses()
    if (own.ok) {
      const all = own.value.map((each) => each.address)
      const why = whereabouts.look(all, host.now())
      if (why !== told) onChanged((told = why))
      return
    }
    // What was known will do until the kernel tells again.
    if (!isSaid) host.log('warn', 'node.address-unknown', { address, why: own.error })
    isSaid = true
  }
  let next: Cancel
  const again = (): void => {
    look()
    next = host.wake(after(host.now(), EVERY), again)
  }
  again()
  return () => next()
}
