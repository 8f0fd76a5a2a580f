//! A change that somebody asked for over HTTP: done, or refused as he understands it.

import { HttpRefusal } from '../http/server.ts'
import type { Command, ProposeFailure, Store } from '../store/store.ts'

export async function commit(store: Store, command: Command): Promise<void> {
  const done = await store.propose(command)
  if (!done.ok) throw refusalOf(done.error)
}

/** A failed proposal as an HTTP answer. */
export function refusalOf(failure: ProposeFailure): HttpRefusal {
  switch (failure.kind) {
    case 'rejected':
      return new HttpRefusal(409, failure.reason)
    case 'overloaded':
      return new HttpRefusal(503, 'the store is overloaded; try again', 5)
    case 'no-leader':
      return new HttpRefusal(503, 'no node leads at the moment; try again', 2)
    case 'closed':
      return new HttpRefusal(503, 'the system is shutting down', 30)
    case 'timeout':
      return new HttpRefusal(504, 'no answer in time: it may or may not have been done')
  }
}
