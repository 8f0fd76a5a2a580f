//! Opens the store of this process: starts the replica's thread, reads through a connection of
//! its own.

import { join } from 'node:path'
import { type MessagePort, Worker } from 'node:worker_threads'
import type { Host } from '../base/host.ts'
import { ok, type Result } from '../base/result.ts'
import { ReadConnection } from './database.ts'
import { faultOf, StoreFault } from './errors.ts'
import { dispatch, ReplicaClient } from './replica/client.ts'
import { DATABASE } from './replica/open-replica.ts'
import type { FromReplica, ReplicaSettings, ToReplica } from './replica/protocol.ts'
import type { ProposeFailure, ReadOnlyDatabase, Store } from './store.ts'

export type StoreOptions = {
  readonly host: Host
  /** Must exist. Holds the database, the lock and `secret.key`. */
  readonly directory: string
  /**
   * The disk failed, or the replica died: nothing can be acknowledged any more. The process says
   * `fault.message` and ends with `fault.exitCode`.
   */
  readonly onFault: (fault: StoreFault) => void
  /** The replica's program, where it is not beside this file (single executable). */
  readonly worker?: URL | string
  /** What another program than the one beside this file is given besides its settings. */
  readonly given?: { readonly data: object; readonly transfer: readonly MessagePort[] }
  /** better-sqlite3's native add-on, where the package cannot find it (single executable). */
  readonly addon?: string
}

/** Rejects with a `StoreFault` when the files cannot be used. */
export function openStore(options: StoreOptions): Promise<Store> {
  const { host, directory, addon, onFault } = options
  const settings: ReplicaSettings = { directory, addon }
  const program = options.worker ?? new URL('./replica/worker.ts', import.meta.url)
  const { data = {}, transfer = [] } = options.given ?? {}
  const worker = new Worker(program, {
    workerData: { ...settings, ...data },
    transferList: [...transfer],
    name: 'store',
  })
  const client = new ReplicaClient(host, (message: ToReplica) => worker.postMessage(message))

  return new Promise((resolve, reject) => {
    let state: 'opening' | 'open' | 'ended' = 'opening'
    let reader: ReadConnection | undefined
    const closed = Promise.withResolvers<void>()

    const fail = (fault: StoreFault): void => {
      const before = state
      if (before === 'ended') return
      state = 'ended'
      client.abandon()
      closed.resolve()
      if (before === 'opening') reject(fault)
      else onFault(fault)
    }
    const opened = (): void => {
      try {
        reader = ReadConnection.open(join(directory, DATABASE), { addon })
      } catch (error) {
        return fail(faultOf(error, directory))
      }
      state = 'open'
      resolve(storeOf(client, reader, close))
    }
    const close = async (): Promise<void> => {
      await client.finish()
      // The last connection to close merges the write-ahead log: let that be the replica's.
      reader?.close()
      if (state === 'open') worker.postMessage({ kind: 'close' } satisfies ToReplica)
      await closed.promise
    }
    const end = (): void => {
      state = 'ended'
      client.abandon()
    }
    const onOutcomes = client.onOutcomes.bind(client)
    const news = { onOpened: opened, onOutcomes, onFault: fail, onClosed: end }
    worker.on('message', (message: FromReplica) => dispatch(message, news))
    worker.on('error', (error) => fail(faultOf(error, directory)))
    worker.on('exit', (code) => {
      fail(new StoreFault('bug', `the store's thread ended by itself, code ${code}`))
      closed.resolve()
    })
  })
}

/** The store of a thread that proposes by `client` and reads through `reader`. */
export function storeOf(
  client: ReplicaClient,
  reader: ReadConnection,
  close: () => Promise<void>,
): Store {
  return {
    read: (query) => query(reader),
    async readLinearizable<T>(
      query: (db: ReadOnlyDatabase) => T,
    ): Promise<Result<T, ProposeFailure>> {
      const reached = await client.propose(undefined, undefined)
      return reached.ok ? ok(query(reader)) : reached
    },
    propose: (command, key) => client.propose(command, key),
    applied: client.applied,
    close,
  }
}
