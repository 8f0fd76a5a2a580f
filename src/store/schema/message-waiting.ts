//! How many messages wait in each mailbox (RFC 3842). Class: durable.

import type { TenantId } from '../../control/ids.ts'
import { integer } from '../row.ts'
import {
  type Schema,
  type ReadOnlyDatabase,
  type Refusal,
  type WritableDatabase,
} from '../store.ts'

export type MessageCounts = {
  readonly unheard: number
  readonly heard: number
  /** Of the unheard and heard ones, how many are urgent. */
  readonly urgentUnheard: number
  readonly urgentHeard: number
}

export type MessageWaitingCommand = {
  readonly kind: 'message-waiting.put'
  readonly tenant: TenantId
  readonly user: string
  readonly counts: MessageCounts
}

const TABLES = `
CREATE TABLE message_waiting (
  tenant TEXT NOT NULL,
  user TEXT NOT NULL,
  unheard INTEGER NOT NULL,
  heard INTEGER NOT NULL,
  urgent_unheard INTEGER NOT NULL,
  urgent_heard INTEGER NOT NULL,
  PRIMARY KEY (tenant, user)
) STRICT, WITHOUT ROWID;
`

export const messageWaitingSchema: Schema<MessageWaitingCommand> = {
  migrations: [{ version: 1, sql: TABLES }],
  apply,
}

function apply(db: WritableDatabase, command: MessageWaitingCommand): Refusal | undefined {
  const { tenant, user, counts } = command
  db.run(
    'INSERT OR REPLACE INTO message_waiting VALUES (?, ?, ?, ?, ?, ?)',
    tenant,
    user,
    counts.unheard,
    counts.heard,
    counts.urgentUnheard,
    counts.urgentHeard,
  )
  return undefined
}

/** All zero for a mailbox nobody has reported. */
export function messageCounts(db: ReadOnlyDatabase, tenant: TenantId, user: string): MessageCounts {
  const row = db.get('SELECT * FROM message_waiting WHERE tenant = ? AND user = ?', tenant, user)
  if (row === undefined) return EMPTY
  return {
    unheard: integer(row, 'unheard'),
    heard: integer(row, 'heard'),
    urgentUnheard: integer(row, 'urgent_unheard'),
    urgentHeard: integer(row, 'urgent_heard'),
  }
}

const EMPTY: MessageCounts = { unheard: 0, heard: 0, urgentUnheard: 0, urgentHeard: 0 }
