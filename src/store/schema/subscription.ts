//! Subscriptions to our event packages (RFC 6665): a successor goes on notifying. Class:
//! recoverable; proposed at once, not awaited.

import type { WallTime } from '../../base/time.ts'
import { text, time } from '../row.ts'
import {
  type Schema,
  type ReadOnlyDatabase,
  type Refusal,
  type WritableDatabase,
} from '../store.ts'

export type SavedSubscription = {
  readonly id: string
  /** AOR of the resource watched. */
  readonly aor: string
  /** Event package, e.g. `dialog`. */
  readonly event: string
  /** Dialog and version, as JSON of the owner's making. */
  readonly snapshot: string
  readonly expiresAt: WallTime
}

export type SubscriptionCommand =
  | { readonly kind: 'subscription.saved'; readonly subscription: SavedSubscription }
  | { readonly kind: 'subscription.ended'; readonly id: string }
  /** All that ran out before `before`. */
  | { readonly kind: 'subscription.purge'; readonly before: WallTime }

const TABLES = `
CREATE TABLE subscriptions (
  id TEXT PRIMARY KEY,
  aor TEXT NOT NULL,
  event TEXT NOT NULL,
  snapshot TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`

export const subscriptionSchema: Schema<SubscriptionCommand> = {
  migrations: [{ version: 1, sql: TABLES }],
  apply,
}

function apply(db: WritableDatabase, command: SubscriptionCommand): Refusal | undefined {
  switch (command.kind) {
    case 'subscription.saved': {
      const { id, aor, event, snapshot, expiresAt } = command.subscription
      const sql = 'INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?, ?, ?)'
      db.run(sql, id, aor, event, snapshot, expiresAt)
      return undefined
    }
    case 'subscription.ended':
      db.run('DELETE FROM subscriptions WHERE id = ?', command.id)
      return undefined
    case 'subscription.purge':
      db.run('DELETE FROM subscriptions WHERE expires_at <= ?', command.before)
      return undefined
  }
}

/** The live ones, for who resumes them. */
export function savedSubscriptions(
  db: ReadOnlyDatabase,
  now: WallTime,
): readonly SavedSubscription[] {
  const rows = db.all('SELECT * FROM subscriptions WHERE expires_at > ? ORDER BY id', now)
  return rows.map((row) => ({
    id: text(row, 'id'),
    aor: text(row, 'aor'),
    event: text(row, 'event'),
    snapshot: text(row, 'snapshot'),
    expiresAt: time(row, 'expires_at'),
  }))
}
