//! A real store that answers some proposals otherwise than it would.

import { err, type Result } from '../../src/base/result.ts'
import type { Command, LogIndex, ProposeFailure, Store } from '../../src/store/store.ts'

export type Answer = 'overloaded' | 'no-leader' | 'timeout'

/** Commands of that kind take their answers from `answers`; a `timeout` has been carried out. */
export function answering(store: Store, kind: Command['kind'], answers: Answer[]): Store {
  return {
    read: (query) => store.read(query),
    readLinearizable: (query) => store.readLinearizable(query),
    applied: store.applied,
    close: () => store.close(),
    async propose(command, key): Promise<Result<LogIndex, ProposeFailure>> {
      const answer = command.kind === kind ? answers.shift() : undefined
      if (answer === undefined) return store.propose(command, key)
      if (answer === 'timeout') await store.propose(command, key)
      return err({ kind: answer })
    },
  }
}
