//! What this process has open, by the name that each file has, or had: Linux says it. And a process
//! that may open nothing more.

import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs'

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

/** All that this process may still open, until what is returned is called. */
export function takeAllFiles(): () => void {
  const taken: number[] = []
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch {
    return () => taken.forEach((each) => closeSync(each))
  }
}
