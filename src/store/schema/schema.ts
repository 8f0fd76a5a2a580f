//! All parts of the state together: which tables there are, and which part a command is for.

import type { WriteConnection } from '../database.ts'
import { StoreFault } from '../errors.ts'
import type { Command, Migration, Refusal, WritableDatabase } from '../store.ts'
import { accountSchema } from './account.ts'
import { bindingSchema } from './binding.ts'
import { callSchema } from './call.ts'
import { extensionSchema } from './extension.ts'
import { fileSchema } from './file.ts'
import { messageWaitingSchema } from './message-waiting.ts'
import { nodeSchema } from './node.ts'
import { raftSchema } from './raft.ts'
import { replicaSchema } from './replica.ts'
import { restoreSchema } from './restore.ts'
import { serverSchema } from './server.ts'
import { settingSchema } from './setting.ts'
import { subscriptionSchema } from './subscription.ts'
import { tenantSchema } from './tenant.ts'
import { migrateTo, newestOf, openSchema, schemaVersion, type Release } from './version.ts'

const PARTS: readonly { readonly migrations: readonly Migration[] }[] = [
  replicaSchema,
  raftSchema,
  tenantSchema,
  extensionSchema,
  bindingSchema,
  callSchema,
  accountSchema,
  messageWaitingSchema,
  subscriptionSchema,
  settingSchema,
  nodeSchema,
  restoreSchema,
  fileSchema,
  serverSchema,
]

/** This one. */
export const RELEASE: Release = {
  migrations: PARTS.flatMap(({ migrations }) => migrations).toSorted(
    (a, b) => a.version - b.version,
  ),
  apply,
}

/** The newest version this release knows. */
export const SCHEMA_VERSION = newestOf(RELEASE)

/** What the schema in force makes of it. */
export function apply(db: WritableDatabase, command: Command): Refusal | undefined {
  switch (command.kind) {
    case 'binding.bind':
    case 'binding.refresh':
    case 'binding.purge':
      return bindingSchema.apply(db, command)
    case 'call.saved':
    case 'call.ended':
      return callSchema.apply(db, command)
    case 'subscription.saved':
    case 'subscription.ended':
    case 'subscription.purge':
      return subscriptionSchema.apply(db, command)
    case 'tenant.put':
    case 'tenant.remove':
    case 'domain.add':
    case 'domain.remove':
      return tenantSchema.apply(db, command)
    case 'extension.put':
    case 'extension.passwd':
    case 'extension.remove':
    case 'extension.import':
      return extensionSchema.apply(db, command)
    case 'message-waiting.put':
      return messageWaitingSchema.apply(db, command)
    case 'setting.put':
    case 'setting.remove':
      return settingSchema.apply(db, command)
    case 'node.joined':
    case 'node.left':
      return nodeSchema.apply(db, command)
    case 'file.put':
    case 'file.remove':
      return fileSchema.apply(db, command)
    case 'restore.begun':
    case 'restore.staged':
    case 'restore.finished':
    case 'restore.added':
    case 'restore.dropped':
      return restoreSchema.apply(db, command)
    case 'server.added':
    case 'server.joined':
    case 'server.removed':
      return serverSchema.apply(db, command)
    case 'claim.issued':
    case 'account.claimed':
    case 'account.put':
    case 'account.passwd':
    case 'account.remove':
    case 'api-token.put':
    case 'api-token.remove':
      return accountSchema.apply(db, command)
    default:
      return unknown(command)
  }
}

/** A node of a newer release leads: whoever passed over what it says would have another state. */
function unknown(command: never): never {
  const { kind } = command as { readonly kind: string }
  const mend = 'start the release of the other nodes here'
  throw new StoreFault('newer-schema', `the log has ${kind}, which this release lacks: ${mend}`)
}

/** A database that is nobody's state, an image say, brought to `version`. */
export function migrate(db: WriteConnection, version = SCHEMA_VERSION): void {
  openSchema(db, RELEASE)
  if (schemaVersion(db) < version) db.transaction(() => migrateTo(db, RELEASE, version))
}
