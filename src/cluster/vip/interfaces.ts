//! The interfaces that this host has. The kernel tells of each by the first of its names alone;
//! `ip` takes the others (altname) as well.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Whether something is at the other end of the cable; by its first name. */
export type Link = { readonly name: string; readonly isUp: boolean }

const LINK = /^(Deleted )?\d+: ([^:@\s]+)(?:@[^:\s]+)?: <([^>]*)>/

/** Of one line of `ip -o monitor link`, or of the first of `ip link show`. Pure. */
export function linkIn(line: string): Link | undefined {
  const [, deleted, name, flags = ''] = LINK.exec(line) ?? []
  if (name === undefined) return undefined
  const has = new Set(flags.split(','))
  const isUp = has.has('UP') && has.has('LOWER_UP') && !has.has('NO-CARRIER')
  return { name, isUp: deleted === undefined && isUp }
}

/** Up or not, with addresses or without. Undefined where the kernel does not tell. */
export function interfaceNames(): readonly string[] | undefined {
  try {
    const lines = readFileSync('/proc/net/dev', 'utf8').split('\n')
    return lines.flatMap((line) => /^\s*(\S+?):/.exec(line)?.[1] ?? [])
  } catch {
    return undefined // no /proc
  }
}

/** For a command: it waits for `ip`. As given where there is no such interface. */
export function firstNameOf(name: string): string {
  if (interfaceNames()?.includes(name) !== false) return name
  const { stdout } = spawnSync('ip', ['link', 'show', 'dev', name], { encoding: 'utf8' })
  // Without `ip` there is none.
  return linkIn(stdout ?? '')?.name ?? name
}
