//! The interfaces that this host has.

import { readFileSync } from 'node:fs'

/** Up or not, with addresses or without. Undefined where the kernel does not tell. */
export function interfaceNames(): readonly string[] | undefined {
  try {
    const lines = readFileSync('/proc/net/dev', 'utf8').split('\n')
    return lines.flatMap((line) => /^\s*(\S+?):/.exec(line)?.[1] ?? [])
  } catch {
    return undefined // no /proc
  }
}
