//! DATA/run.json, written when the ports are open.

import type { Host } from '../base/host.ts'
import { writeRunFile } from '../config/run-file.ts'

/** Where its API is. The CLI does not find a process that cannot say so; phones do. */
export function sayRunning(host: Host, data: string, address: string, port: number): void {
  const at = address.includes(':') ? `[${address}]` : address
  try {
    writeRunFile(data, { pid: process.pid, api: `http://${at}:${port}` })
  } catch (error) {
    const mend = `make room in ${data} and start it again: until then no command finds it`
    host.log('error', 'run-file.not-written', { why: String(error), mend })
  }
}
