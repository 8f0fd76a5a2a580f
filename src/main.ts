//! The program: what the command line asks for is carried out here, by a running server or by
//! becoming one.

import { setFlagsFromString } from 'node:v8'
import { parseCommandLine } from './cli/command-line.ts'
import { runCommand } from './cli/run-command.ts'
import { processTerminal } from './cli/terminal.ts'
import { productVersion } from './config/installation.ts'
import { loadConfig } from './config/load.ts'

/** Of the pinned release; others lack what is used here, or crash. */
const NODE_MAJOR = 26

/**
 * How far the heap may outgrow what is alive before it is collected. V8's own choice, up to four
 * times, takes 300 MB more with 100,000 bindings; at 30 % collecting costs more than serving.
 */
const HEAP_GROWTH = '--heap-growing-percent=100'

async function main(): Promise<void> {
  const asked = parseCommandLine(process.argv.slice(2), productVersion())
  switch (asked.kind) {
    case 'print':
      process.stdout.write(`${asked.text}\n`)
      return
    case 'refused':
      return refuse(asked.reasons)
    case 'command':
      process.exitCode = await runCommand(asked, processTerminal())
      return
    case 'run': {
      const config = loadConfig(asked.options, asked.config)
      if (!config.ok) return refuse(config.error)
      setFlagsFromString(HEAP_GROWTH)
      lookForSystemPrograms()
      // A command needs none of what the server is made of, and loading it takes a while.
      const { runServer } = await import('./main/server.ts')
      return runServer(config.value)
    }
  }
}

/** nft(8) and ip(8) are in directories that `su` leaves out of the path. */
function lookForSystemPrograms(): void {
  const known = (process.env['PATH'] ?? '').split(':')
  const added = ['/usr/sbin', '/sbin'].filter((each) => !known.includes(each))
  process.env['PATH'] = [...known, ...added].join(':')
}

/** Nothing was started: what is wrong, and how to mend it. */
function refuse(reasons: readonly string[]): void {
  for (const reason of reasons) process.stderr.write(`pbx: ${reason}\n`)
  process.exitCode = 2
}

if (Number(process.versions.node.split('.')[0]) === NODE_MAJOR) void main()
else refuse([`this is Node ${process.versions.node}; start with npm start, which brings its own`])
