//! A command of the CLI as if it were typed, but in this process.

import { Readable } from 'node:stream'
import { parseCommandLine } from '../../src/cli/command-line.ts'
import { runCommand } from '../../src/cli/run-command.ts'
import type { Terminal } from '../../src/cli/terminal.ts'

export type Ran = { readonly code: number; readonly out: string; readonly error: string }

export async function run(
  words: readonly string[],
  stdin = '',
  terminal: Partial<Terminal> = {},
): Promise<Ran> {
  const asked = parseCommandLine(words, '1.2.3')
  if (asked.kind !== 'command') throw new Error(JSON.stringify(asked))
  const ran = { out: '', error: '' }
  const code = await runCommand(asked, {
    out: (text) => void (ran.out += text),
    error: (text) => void (ran.error += text),
    watched: true,
    stdin: Readable.from([stdin]),
    answers: false,
    bytes: undefined,
    ...terminal,
  })
  return { code, ...ran }
}
