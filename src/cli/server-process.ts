//! The server as a process: how it ends, by signal, by fault or by bug, and what it tells systemd.

import { spawn } from 'node:child_process'
import type { Log } from '../base/host.ts'

export type ServerProcess = {
  readonly log: Log
  /** Writes out what the log holds back. */
  readonly flush: () => void
  /** Drains, then stops everything, in the reverse order of its start. */
  readonly close: () => Promise<void>
  /** False holds back the sign of life that a supervisor waits for. */
  readonly healthy: () => Promise<boolean>
}

/** npm and a terminal each pass on one Ctrl-C: two signals this close are one. */
const SAME_SIGNAL_MS = 500

/** Everything works: says so to systemd, and from now on obeys signals. */
export function superviseServer(server: ServerProcess): void {
  const { log, flush } = server
  let toldAt: number | undefined
  const stop = (signal: NodeJS.Signals): void => {
    if (toldAt === undefined) {
      toldAt = performance.now()
      log('info', 'server.stopping', { signal })
      notifySystemd(log, '--stopping')
      server.close().then(() => end(flush, 0), die(log, flush))
    } else if (performance.now() - toldAt > SAME_SIGNAL_MS) {
      log('warn', 'server.forced', { signal })
      end(flush, 130)
    }
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  notifySystemd(log, '--ready')
  feedWatchdog(server)
}

/** Until `superviseServer`, and for ever: a bug is told and ends the process. */
export function dieOfBugs(log: Log, flush: () => void): void {
  process.on('uncaughtException', die(log, flush))
  process.on('unhandledRejection', die(log, flush))
}

/** Tells it and ends with 1. */
function die(log: Log, flush: () => void): (error: unknown) => void {
  return (error) => {
    log('error', 'server.failed', { error: error instanceof Error ? error.stack : String(error) })
    end(flush, 1)
  }
}

export function end(flush: () => void, code: number): never {
  flush()
  process.exit(code)
}

function feedWatchdog({ healthy, log }: ServerProcess): void {
  const micros = Number(process.env['WATCHDOG_USEC'] ?? '0')
  if (!(micros > 0)) return
  const feed = async (): Promise<void> => {
    if (await healthy()) notifySystemd(log, 'WATCHDOG=1')
    else log('warn', 'server.unhealthy', { effect: 'the watchdog is not fed' })
  }
  setInterval(() => void feed(), micros / 3000).unref()
}

/** Node has no datagram sockets of the Unix kind, so systemd's own tool speaks for us. */
function notifySystemd(log: Log, what: string): void {
  if (process.env['NOTIFY_SOCKET'] === undefined) return
  const child = spawn('systemd-notify', [what], { stdio: 'ignore' })
  child.on('error', (error) => log('warn', 'systemd.unreachable', { what, error: error.message }))
}
