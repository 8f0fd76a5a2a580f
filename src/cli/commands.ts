//! Every command but the server itself: how it is typed, and what it asks for.

import type { Command, NodeOptions, Password, UserName } from './invocation.ts'

export type Given = Readonly<Record<string, unknown>>

export const text = { type: 'string', requiresArg: true } as const

const DOMAIN = { ...text, describe: 'SIP domain; the first one when left out' }
const LIMIT = { ...text, describe: 'show at most so many' }
const PASSWORD = {
  password: { ...text, describe: 'the password; one is made up when left out' },
  'password-stdin': { type: 'boolean', describe: 'read the password from stdin' },
} as const

const PASSPHRASE = {
  'passphrase-stdin': { type: 'boolean', describe: 'encrypted with a passphrase, read from stdin' },
} as const

/** Of this host, in a cluster. */
const PLACE = {
  address: { ...text, describe: 'IP address that the other nodes reach this host by' },
  interface: { ...text, describe: 'network interface for the virtual address' },
  'cluster-port': { ...text, describe: 'TCP port for the other nodes; 7480 when never given' },
} as const
const NODE = {
  ...PLACE,
  name: { ...text, describe: "name of this node; the host's when left out" },
} as const

export type Spec = {
  readonly usage: string
  readonly describe: string
  readonly options: Readonly<Record<string, object>>
  readonly read: (given: Given) => Command
}

/** Every command but the server itself. */
export const COMMANDS: readonly Spec[] = [
  {
    usage: 'status',
    describe: 'how the system is',
    options: {},
    read: () => ({ command: 'status' }),
  },
  {
    usage: 'extension add <extension>',
    describe: 'make an extension: 1001, or 1001@example.com',
    options: { domain: DOMAIN, name: { ...text, describe: 'display name' }, ...PASSWORD },
    read: (given) => ({
      command: 'extension add',
      user: userOf(given),
      displayName: optional(given, 'name'),
      password: passwordOf(given),
    }),
  },
  {
    usage: 'extension list',
    describe: 'list extensions',
    options: { domain: DOMAIN, limit: LIMIT },
    read: (given) => ({ command: 'extension list', ...pageOf(given) }),
  },
  {
    usage: 'extension remove <extension>',
    describe: 'remove an extension',
    options: { domain: DOMAIN },
    read: (given) => ({ command: 'extension remove', user: userOf(given) }),
  },
  {
    usage: 'extension passwd <extension>',
    describe: "set an extension's password",
    options: { domain: DOMAIN, ...PASSWORD },
    read: (given) => ({
      command: 'extension passwd',
      user: userOf(given),
      password: passwordOf(given),
    }),
  },
  {
    usage: 'import <file>',
    describe: 'import extensions: domain,extension,password,display_name by the line',
    options: {},
    read: (given) => ({ command: 'import', file: required(given, 'file') }),
  },
  {
    usage: 'registrations',
    describe: 'who is registered, and where',
    options: { domain: DOMAIN, limit: LIMIT },
    read: (given) => ({ command: 'registrations', ...pageOf(given) }),
  },
  {
    usage: 'calls',
    describe: 'the calls that are up',
    options: {},
    read: () => ({ command: 'calls' }),
  },
  {
    usage: 'cluster init',
    describe: 'make this system, which must be stopped, the first node of a cluster',
    options: {
      ...NODE,
      vip: {
        ...text,
        describe:
          'virtual address with its length, 192.168.1.130/24; with a comma, one of IPv6 too',
      },
      timing: { ...text, describe: 'default, or fast where hosts are never held up' },
    },
    read: (given) => ({
      command: 'cluster init',
      node: nodeOf(given),
      vip: optional(given, 'vip'),
    }),
  },
  {
    usage: 'cluster join <join-token>',
    describe: 'make this host, which has no system yet, a node; - reads the token from stdin',
    options: NODE,
    read: (given) => ({
      command: 'cluster join',
      node: nodeOf(given),
      joinToken: required(given, 'join-token'),
    }),
  },
  {
    usage: 'cluster rejoin',
    describe: 'give up the state of this node, which must be stopped, and join anew in its place',
    options: {
      at: { ...text, describe: 'ADDRESS of any other node; those that are known when left out' },
    },
    read: (given) => ({ command: 'cluster rejoin', at: optional(given, 'at') }),
  },
  {
    usage: 'cluster change',
    describe: 'of this node, which must be stopped: its address, its port, or its interface',
    options: PLACE,
    read: (given) => ({ command: 'cluster change', node: nodeOf(given) }),
  },
  {
    usage: 'cluster token',
    describe: 'the command for one more host, and its token; good for a day, and once',
    options: {},
    read: () => ({ command: 'cluster token' }),
  },
  {
    usage: 'cluster remove <node>',
    describe: 'take a node out of the cluster for good, by its name or id',
    options: {},
    read: (given) => ({ command: 'cluster remove', node: required(given, 'node') }),
  },
  {
    usage: 'server add <server>',
    describe: 'register a server on a host of its own; prints what to run there',
    options: {
      role: { ...text, describe: 'what it does: media', demandOption: true },
      address: { ...text, describe: 'IP address of its host', demandOption: true },
    },
    read: (given) => ({
      command: 'server add',
      name: required(given, 'server'),
      role: required(given, 'role'),
      address: required(given, 'address'),
    }),
  },
  {
    usage: 'server list',
    describe: 'servers on hosts of their own, and how they are',
    options: {},
    read: () => ({ command: 'server list' }),
  },
  {
    usage: 'server token <server>',
    describe: 'what to run on its host, with a new token; good for a day, and once',
    options: {},
    read: (given) => ({ command: 'server token', name: required(given, 'server') }),
  },
  {
    usage: 'server remove <server>',
    describe: 'part with a server for good',
    options: {},
    read: (given) => ({ command: 'server remove', name: required(given, 'server') }),
  },
  {
    usage: 'transfer-leadership',
    describe: 'let another node serve',
    options: { to: { ...text, describe: 'name or id of that node; the best one when left out' } },
    read: (given) => ({ command: 'transfer-leadership', to: optional(given, 'to') }),
  },
  {
    usage: 'logs',
    describe: 'what the nodes have logged while they served, oldest first',
    options: {
      node: { ...text, describe: 'of the server of that name only' },
      files: { ...text, describe: 'the newest so many files, of some minutes each; 20' },
    },
    read: (given) => ({
      command: 'logs',
      node: optional(given, 'node'),
      files: optional(given, 'files'),
    }),
  },
  {
    usage: 'backup <file>',
    describe: 'write settings, users, records and the key to a file; - is stdout',
    options: {
      force: { type: 'boolean', describe: 'write over a file that is there' },
      ...PASSPHRASE,
    },
    read: (given) => ({
      command: 'backup',
      file: required(given, 'file').replace(/^\/dev\/stdin$/, '-'),
      force: given['force'] === true,
      sealed: given['passphrase-stdin'] === true,
    }),
  },
  {
    usage: 'restore <file>',
    describe: 'put a backup in the place of what there is; calls go on',
    options: {
      yes: { type: 'boolean', describe: 'do not ask' },
      key: { ...text, describe: 'secret.key of a bare database, as litestream restores one' },
      ...PASSPHRASE,
    },
    read: (given) => ({
      command: 'restore',
      file: required(given, 'file'),
      yes: given['yes'] === true,
      key: optional(given, 'key'),
      sealed: given['passphrase-stdin'] === true,
    }),
  },
  {
    usage: 'drain',
    describe: 'before maintenance of this host: others serve, or the calls here may end',
    options: { force: { type: 'boolean', describe: 'also when no other node could take over' } },
    read: (given) => ({ command: 'drain', isForced: given['force'] === true }),
  },
  {
    usage: 'undrain',
    describe: 'after it: this host takes calls again',
    options: {},
    read: () => ({ command: 'undrain' }),
  },
  {
    usage: 'hangup <call>',
    describe: 'end a call',
    options: {},
    read: (given) => ({ command: 'hangup', call: required(given, 'call') }),
  },
  {
    usage: 'trace <call>',
    describe: "a call's SIP ladder, by call id or SIP Call-ID",
    options: { messages: { type: 'boolean', describe: 'whole messages instead of the ladder' } },
    read: (given) => ({
      command: 'trace',
      call: required(given, 'call'),
      messages: given['messages'] === true,
    }),
  },
  {
    usage: 'cdrs',
    describe: 'call detail records, newest first',
    options: { domain: DOMAIN, limit: LIMIT },
    read: (given) => ({ command: 'cdrs', ...pageOf(given) }),
  },
]

function userOf(given: Given): UserName {
  const [user = '', ...domain] = required(given, 'extension').split('@')
  const named = domain.length > 0 ? domain.join('@') : optional(given, 'domain')
  return { user, domain: named }
}

function nodeOf(given: Given): NodeOptions {
  return {
    address: optional(given, 'address'),
    name: optional(given, 'name'),
    port: optional(given, 'cluster-port'),
    interface: optional(given, 'interface'),
    timing: optional(given, 'timing'),
  }
}

function passwordOf(given: Given): Password {
  if (given['password-stdin'] === true) return { kind: 'stdin' }
  const password = optional(given, 'password')
  return password === undefined ? { kind: 'generated' } : { kind: 'given', password }
}

function pageOf(given: Given): { domain: string | undefined; limit: number | undefined } {
  const limit = optional(given, 'limit')
  return {
    domain: optional(given, 'domain'),
    limit: limit === undefined ? undefined : Number(limit),
  }
}

export function optional(given: Given, name: string): string | undefined {
  const value = given[name]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

export function required(given: Given, name: string): string {
  return optional(given, name) ?? ''
}
