//! Takes passwords out of commands: before one is logged it is sealed, before one is told to
//! listeners it is blanked.

import { sealPassword } from '../credentials.ts'
import type { ExtensionCommand, ImportRow, Secret } from '../schema/extension.ts'
import type { Command } from '../store.ts'
import type { Vault } from '../vault.ts'

export function sealed(command: Command, vault: Vault): Command {
  if (command.kind === 'extension.import') return sealRows(command, vault)
  if (command.kind !== 'extension.put' && command.kind !== 'extension.passwd') return command
  return command.secret === undefined ? command : sealOne(command, command.secret, vault)
}

type Import = Extract<ExtensionCommand, { kind: 'extension.import' }>

function sealRows(command: Import, vault: Vault): Command {
  const { tenant, realm } = command
  const rows = command.rows.map((row): ImportRow => {
    const [user, displayName, secret] = row
    if (typeof secret !== 'string') return row
    return [user, displayName, sealPassword(vault, { tenant, user }, realm, secret)]
  })
  return { ...command, rows }
}

type WithSecret = Extract<ExtensionCommand, { kind: 'extension.put' | 'extension.passwd' }>

function sealOne(command: WithSecret, secret: Secret, vault: Vault): Command {
  if (secret.kind === 'sealed') return command
  const { realm, password } = secret
  const box = sealPassword(vault, command, realm, password)
  return { ...command, secret: { kind: 'sealed', realm, sealed: box } }
}

const BLANK: Uint8Array = new Uint8Array(0)

/** The same command, telling nothing of a secret. */
export function blanked(command: Command): Command {
  const { kind } = command
  if (kind === 'extension.put') return { ...command, secret: undefined }
  if (kind === 'extension.passwd')
    return { ...command, secret: { kind: 'sealed', realm: command.secret.realm, sealed: BLANK } }
  if (kind === 'extension.import')
    return { ...command, rows: command.rows.map(([user, name]) => [user, name, BLANK] as const) }
  return command
}
