//! The addresses of this host, as the kernel tells them. It may not, while a process may open no
//! more files, for one: whoever asks has to do without.

import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { err, ok, type Result } from '../base/result.ts'

export function ownAddresses(): Result<readonly NetworkInterfaceInfo[], string> {
  const all = ownInterfaces()
  return all.ok ? ok(Object.values(all.value).flatMap((each) => each ?? [])) : all
}

/** By the name of the interface. */
export function ownInterfaces(): Result<ReturnType<typeof networkInterfaces>, string> {
  try {
    return ok(networkInterfaces())
  } catch (error) {
    return err(String(error))
  }
}
