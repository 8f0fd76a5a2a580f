import { join } from 'node:path'
import { check } from '../../scripts/tidy/check.ts'
import { walk } from '../harness/datadriven.ts'

walk(join(import.meta.dirname, 'testdata'), () => (command) => {
  const repeat = Number(command.arg('repeat') ?? '1')
  const body = command.body.flatMap((line) =>
    line.startsWith('...') ? Array.from({ length: repeat }, () => line.slice(3)) : [line],
  )
  const { problems } = check(command.words[0] ?? '', `${body.join('\n')}\n`)
  return problems.map(({ line, message }) => `${line}: ${message}`).join('\n') || 'clean'
})
