//! The store as the rest of the house sees it: replicated state, changed by commands and by
//! nothing else, read by queries. `open.ts` makes one.

import type { Brand } from '../base/brand.ts'
import type { Subscribe } from '../base/host.ts'
import type { Result } from '../base/result.ts'
import type { AccountCommand } from './schema/account.ts'
import type { BindingCommand } from './schema/binding.ts'
import type { CallCommand } from './schema/call.ts'
import type { ExtensionCommand } from './schema/extension.ts'
import type { FileCommand } from './schema/file.ts'
import type { MessageWaitingCommand } from './schema/message-waiting.ts'
import type { NodeCommand } from './schema/node.ts'
import type { RestoreCommand } from './schema/restore.ts'
import type { ServerCommand } from './schema/server.ts'
import type { SettingCommand } from './schema/setting.ts'
import type { SubscriptionCommand } from './schema/subscription.ts'
import type { TenantCommand } from './schema/tenant.ts'

export type LogIndex = Brand<number, 'LogIndex'>

/** Names one intent: the same key proposed again, after a timeout say, is applied once. */
export type IdempotencyKey = Brand<string, 'IdempotencyKey'>

/** Time, ids and random values are in the command: apply is deterministic. */
export type Command =
  | TenantCommand
  | ExtensionCommand
  | BindingCommand
  | CallCommand
  | AccountCommand
  | MessageWaitingCommand
  | SubscriptionCommand
  | SettingCommand
  | NodeCommand
  | RestoreCommand
  | FileCommand
  | ServerCommand

export type ProposeFailure =
  /** Applied, and refused by the state it met: the same on every node. Nothing was changed. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /** Too much is waiting for the disk already. Nothing was changed; try again later. */
  | { readonly kind: 'overloaded' }
  /** Outcome unknown: propose again with the same idempotency key. */
  | { readonly kind: 'timeout' }
  /** No leader can be reached now. Nothing was changed. */
  | { readonly kind: 'no-leader' }
  /** The store is closing, or its disk has failed and the process is about to end. */
  | { readonly kind: 'closed' }

export type Applied = { readonly index: LogIndex; readonly command: Command }

export interface Store {
  /** Local read on this thread's own read-only connection; sees all that is committed here. */
  read<T>(query: (db: ReadOnlyDatabase) => T): T
  /** Reads what every proposal acknowledged before this call has done, on whatever node. */
  readLinearizable<T>(query: (db: ReadOnlyDatabase) => T): Promise<Result<T, ProposeFailure>>
  /** Resolves when the command is on disk and applied on this node. */
  propose(command: Command, key?: IdempotencyKey): Promise<Result<LogIndex, ProposeFailure>>
  /**
   * Every applied command in log order, before its proposer's promise resolves. A password it
   * carried is left out: no `secret`, or an empty one in rows of an import.
   */
  readonly applied: Subscribe<Applied>
  /** Refuses new proposals, finishes the old ones, lets go of the files. */
  close(): Promise<void>
}

export type SqlValue = string | number | bigint | Uint8Array | null
export type Row = Readonly<Record<string, SqlValue>>

/** Statements are prepared once for each text: keep texts constant, values in parameters. */
export interface ReadOnlyDatabase {
  get(sql: string, ...values: readonly SqlValue[]): Row | undefined
  all(sql: string, ...values: readonly SqlValue[]): readonly Row[]
  /** Row by row, for what may be long. Nothing else may be asked before it is through. */
  each(sql: string, ...values: readonly SqlValue[]): IterableIterator<Row>
}

export interface WritableDatabase extends ReadOnlyDatabase {
  /** How many rows it changed. */
  run(sql: string, ...values: readonly SqlValue[]): number
}

/**
 * Deterministic by contract: same commands, same order, byte-identical tables on every node.
 * A reason means refused, and then nothing has been written.
 */
type Apply<C> = (db: WritableDatabase, command: C) => Refusal | undefined
export type Refusal = Brand<string, 'Refusal'>
export const refuse = (reason: string): Refusal => reason as Refusal

/** One part of the state: its tables, and what its commands do. */
export type Schema<C> = { readonly migrations: readonly Migration[]; readonly apply: Apply<C> }

/** Taken when the database's `user_version` is below `version`; never changed once released. */
export type Migration = { readonly version: number; readonly sql: string }
