//! DATA/run.json, written when the ports are open.

import type { Host } from '../base/host.ts'
import { writeRunFile } from '../config/run-file.ts'

/** The CLI does not find a process that cannot say so; phones do. */
export function sayRunning(host: Host, data: string, api: string): void {
  try {
    writeRunFile(data, { pid: process.pid, api })
  } catch (error) {
    const mend = `make room in ${data} and start it again: until then no command finds it`
    host.log('error', 'run-file.not-written', { why: String(error), mend })
  }
}
