//! What this process has open, by the name that each file has, or had: Linux says it.

import { readdirSync, readlinkSync } from 'node:fs'

const OWN = '/proc/self/fd'

/** Paths; one that is removed ends with ` (deleted)`. */
export function openFiles(): readonly string[] {
  return readdirSync(OWN).flatMap((fd) => {
    try {
      return [readlinkSync(`${OWN}/${fd}`)]
    } catch {
      return [] // that of the listing itself
    }
  })
}
