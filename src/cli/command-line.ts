//! The command line: argv → what is asked for. Nothing is done here.

import yargs, { type Argv, type ArgumentsCamelCase } from 'yargs'
import { OPTIONS } from '../config/options.ts'
import { didYouMean } from '../config/suggest.ts'
import type { Command, Invocation, NodeOptions, Password, Target, UserName } from './invocation.ts'

type Given = Readonly<Record<string, unknown>>

const text = { type: 'string', requiresArg: true } as const

/** Options of every command that talks to a running system. */
const TARGET = {
  data: { ...text, describe: 'data directory of the running system', default: 'data' },
  api: { ...text, describe: 'URL of another system, with --token' },
  token: { ...text, describe: 'API token for --api' },
  ca: { ...text, describe: 'certificate to trust for --api (PEM file)' },
  json: { type: 'boolean', describe: 'answer in JSON', default: false },
} as const
const DOMAIN = { ...text, describe: 'SIP domain; the first one when left out' }
const LIMIT = { ...text, describe: 'show at most so many' }
const PASSWORD = {
  password: { ...text, describe: 'the password; one is made up when left out' },
  'password-stdin': { type: 'boolean', describe: 'read the password from stdin' },
} as const

/** Of this host, in a cluster. */
const NODE = {
  address: { ...text, describe: 'IP address that the other nodes reach this host by' },
  interface: { ...text, describe: 'network interface for the virtual address' },
  name: { ...text, describe: "name of this node; the host's when left out" },
  'cluster-port': { ...text, describe: 'TCP port for the other nodes; 7480 when left out' },
} as const

type Spec = {
  readonly usage: string
  readonly describe: string
  readonly options: Readonly<Record<string, object>>
  readonly read: (given: Given) => Command
}

/** Every command but the server itself. */
const COMMANDS: readonly Spec[] = [
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
    describe: 'make this host, which has no system yet, a node of a cluster',
    options: NODE,
    read: (given) => ({
      command: 'cluster join',
      node: nodeOf(given),
      joinToken: required(given, 'join-token'),
    }),
  },
  {
    usage: 'cluster token',
    describe: 'the command for one more host; good for a day',
    options: {},
    read: () => ({ command: 'cluster token' }),
  },
  {
    usage: 'cluster remove <node>',
    describe: 'take a node out of the cluster for good, by its id',
    options: {},
    read: (given) => ({ command: 'cluster remove', node: required(given, 'node') }),
  },
  {
    usage: 'transfer-leadership',
    describe: 'let another node serve',
    options: { to: { ...text, describe: 'id of that node; the best one when left out' } },
    read: (given) => ({ command: 'transfer-leadership', to: optional(given, 'to') }),
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

export function parseCommandLine(args: readonly string[], version: string): Invocation {
  let found: Invocation | undefined
  const parser = parserOf(version, (invocation) => {
    found = invocation
  })
  let printed = ''
  let failure = ''
  parser.fail((message: string | null, error: Error | undefined) => {
    failure ||= message ?? error?.message ?? 'not understood'
  })
  // yargs takes a lone dash for an option.
  const words = args.map((word) => (word === '-' ? '/dev/stdin' : word))
  void parser.parse(words, {}, (_error, _given, output) => {
    printed = output
  })
  if (failure !== '') return { kind: 'refused', reasons: [inOurWords(failure, args)] }
  if (found !== undefined) return found
  return { kind: 'print', text: printed }
}

/** What yargs says, said so that one sees what to type. */
function inOurWords(failure: string, args: readonly string[]): string {
  const [, option] = /^Not enough arguments following: (\S+)/.exec(failure) ?? []
  if (option !== undefined) return `--${option} needs a value`
  if (!failure.startsWith('Not enough non-option arguments')) return failure
  // What stands behind the command's own words may be the value of an option.
  const typed = args.filter((word) => !word.startsWith('-')).join(' ')
  const spec = COMMANDS.find(({ usage }) => `${typed} `.startsWith(`${usage.replace(/ <.*/, '')} `))
  return spec === undefined ? `pbx ${typed} needs more; see --help` : `needed: pbx ${spec.usage}`
}

function parserOf(version: string, onFound: (invocation: Invocation) => void): Argv {
  const parser = yargs()
    .scriptName('pbx')
    .locale('en')
    .exitProcess(false)
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'duplicate-arguments-array': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .usage('pbx [options]      runs the server\npbx COMMAND        talks to a running one')
    .wrap(100)
    .version(version)
    .help()
    .command('$0', false, withOptions(serverOptions()), (given) => onFound(serverOf(given)))
  for (const group of new Set(COMMANDS.map(({ usage }) => usage.split(' ')[0] ?? '')))
    addCommand(parser, group, onFound)
  return parser
}

function addCommand(parser: Argv, group: string, onFound: (invocation: Invocation) => void): void {
  const specs = COMMANDS.filter(({ usage }) => usage.split(' ')[0] === group)
  const [only] = specs
  const add = (to: Argv, spec: Spec, usage: string): void => {
    const options = { ...TARGET, ...spec.options }
    to.command(usage, spec.describe, withOptions(options), (given) =>
      onFound(commandOf(spec, given, options)),
    )
  }
  if (only !== undefined && only.usage.split(' ')[1]?.startsWith('<') !== false)
    return add(parser, only, only.usage)
  const describe = specs.map(({ usage }) => usage.split(' ')[1]).join(', ')
  const titled = `${group}s: ${describe}`
  const build = (inner: Argv): Argv => {
    for (const spec of specs) add(inner, spec, spec.usage.slice(group.length + 1))
    return inner.demandCommand(1, `pbx ${group} needs one of: ${describe}`)
  }
  parser.command(group, titled, build, (given) => {
    const word = String(given._[1] ?? '')
    const words = specs.map(({ usage }) => usage.split(' ')[1] ?? '')
    const reason = `pbx ${group} ${word} is not known${didYouMean(word, words)}`
    onFound({ kind: 'refused', reasons: [`${reason} (there are ${describe})`] })
  })
}

function withOptions(options: Readonly<Record<string, object>>): (inner: Argv) => Argv {
  return (inner) => inner.options({ ...options })
}

/** The settings, and --config; their values are decoded elsewhere, so all are text here. */
function serverOptions(): Readonly<Record<string, object>> {
  const config = { ...text, describe: 'settings file (TOML), same names' }
  const settings = Object.entries(OPTIONS).map(([name, { describe, shown }]) => [
    name,
    { ...text, describe, defaultDescription: shown },
  ])
  return { config, ...Object.fromEntries(settings) }
}

function serverOf(given: ArgumentsCamelCase): Invocation {
  const [word] = given._
  if (word !== undefined) return { kind: 'refused', reasons: [unknownCommand(String(word))] }
  const reasons = unknownOptions(given, serverOptions())
  if (reasons.length > 0) return { kind: 'refused', reasons }
  const values = Object.entries(given).filter(([name]) => name in OPTIONS)
  const options = Object.fromEntries(values.map(([name, value]) => [name, String(value)]))
  return { kind: 'run', options, config: optional(given, 'config') }
}

function commandOf(
  spec: Spec,
  given: ArgumentsCamelCase,
  options: Readonly<Record<string, object>>,
): Invocation {
  const reasons = unknownOptions(given, options)
  const extra = given._.slice(spec.usage.split(' ').filter((word) => !word.startsWith('<')).length)
  if (extra.length > 0) reasons.push(`${extra.join(' ')} is too much: pbx ${spec.usage}`)
  const limit = optional(given, 'limit')
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit))
    reasons.push(`--limit "${limit}" must be a whole number above 0`)
  const target: Target = {
    data: required(given, 'data'),
    api: optional(given, 'api'),
    token: optional(given, 'token'),
    ca: optional(given, 'ca'),
  }
  if ((target.api === undefined) !== (target.token === undefined))
    reasons.push('--api and --token must be given together')
  if (reasons.length > 0) return { kind: 'refused', reasons }
  return { kind: 'command', target, json: given['json'] === true, ...spec.read(given) }
}

function unknownCommand(word: string): string {
  const words = COMMANDS.map(({ usage }) => usage.split(' ')[0] ?? '')
  const meant = didYouMean(word, words)
  return `${word} is no command${meant === '' ? '; pbx --help lists them' : meant}`
}

function unknownOptions(given: Given, known: Readonly<Record<string, object>>): string[] {
  const names = [...Object.keys(known), 'help', 'version']
  const ours = new Set([...names, '_', '$0', 'extension', 'file', 'call', 'node', 'join-token'])
  return Object.keys(given)
    .filter((name) => !ours.has(name))
    .map((name) => {
      const meant = didYouMean(name, names).replace('mean ', 'mean --')
      return `--${name} is not known${meant === '' ? '; --help lists all options' : meant}`
    })
}

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

function optional(given: Given, name: string): string | undefined {
  const value = given[name]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

function required(given: Given, name: string): string {
  return optional(given, name) ?? ''
}
