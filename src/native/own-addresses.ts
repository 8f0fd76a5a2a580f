//! The addresses of this host, as the kernel tells them. It may not, while a process may open no
//! more files, for one: whoever asks has to do without.

import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { err, ok, type Result } from '../base/result.ts'

export function ownAddresses(): Result<readonly NetworkInterfaceInfo[], string> {
  try {
    return ok(Object.values(networkInterfaces()).flatMap((each) => each ?? []))
  } catch (error) {
    return err(String(error))
  }
}
