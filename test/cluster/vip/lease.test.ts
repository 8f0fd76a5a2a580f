//! Golden scripts of the lease: times in milliseconds, a lease of 200.
//!
//!     at 120          round 3        confirmed 3|none        done ok|refused
//!     holds           whether nobody else can have the address at that time

import { millis } from '../../../src/base/time.ts'
import { Lease, type LeaseInput, type LeaseOutput } from '../../../src/cluster/vip/lease.ts'
import { type Command, walk } from '../../harness/datadriven.ts'

walk(`${import.meta.dirname}/testdata`, () => {
  const lease = new Lease(millis(200))
  let now = millis(0)
  return (command) => {
    const [word = ''] = command.words
    if (command.name === 'at') {
      now = millis(Number(word))
      return ''
    }
    if (command.name === 'holds') return lease.holdsAt(now) ? 'yes' : 'no'
    const outputs = lease.step(inputOf(command, word), now)
    return outputs.map(show).join('\n') || 'nothing'
  }
})

function inputOf({ name }: Command, word: string): LeaseInput {
  switch (name) {
    case 'round':
      return { kind: 'round-begins', round: Number(word) }
    case 'confirmed':
      return { kind: 'confirmed', round: word === 'none' ? undefined : Number(word) }
    case 'done':
      return { kind: 'done', ok: word === 'ok' }
    default:
      throw new Error(`unknown command ${name}`)
  }
}

function show(output: LeaseOutput): string {
  return 'timeout' in output ? `${output.kind} for ${output.timeout}` : output.kind
}
