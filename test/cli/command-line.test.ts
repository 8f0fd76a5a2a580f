import { join } from 'node:path'
import { parseCommandLine } from '../../src/cli/command-line.ts'
import { walk } from '../harness/datadriven.ts'

walk(join(import.meta.dirname, 'testdata'), () => (command) => {
  const asked = parseCommandLine(command.words, '1.2.3')
  if (asked.kind === 'print') return asked.text.replaceAll('\n\n', '\n.\n')
  if (asked.kind === 'refused') return asked.reasons.join('\n')
  const { kind: _, ...rest } = asked
  return Object.entries(rest)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
    .join('\n')
})
