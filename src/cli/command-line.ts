//! The command line: argv → what is asked for. Nothing is done here.

import yargs, { type Argv, type ArgumentsCamelCase } from 'yargs'
import { OPTIONS } from '../config/options.ts'
import { didYouMean } from '../config/suggest.ts'
import { COMMANDS, optional, required, text, type Given, type Spec } from './commands.ts'
import type { Invocation, Target } from './invocation.ts'
import { wordsOf } from './words.ts'

/** Options of every command that talks to a running system. */
const TARGET = {
  data: { ...text, describe: 'data directory of the running system', default: 'data' },
  api: { ...text, describe: 'URL of another system, with --token' },
  token: { ...text, describe: 'API token for --api' },
  ca: { ...text, describe: 'certificate to trust for --api (PEM file)' },
  json: { type: 'boolean', describe: 'answer in JSON', default: false },
} as const
const HELP = '--help lists all options'

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
  const understood = wordsOf(args, isText)
  if (understood.kind === 'unknown')
    return { kind: 'refused', reasons: [`${understood.word} is not known; ${HELP}`] }
  void parser.parse(understood.words, {}, (_error, _given, output) => {
    printed = output
  })
  if (failure !== '') return { kind: 'refused', reasons: [inOurWords(failure, args)] }
  if (found !== undefined) return found
  return { kind: 'print', text: printed }
}

/** What yargs says, said so that one sees what to type. */
function inOurWords(failure: string, args: readonly string[]): string {
  const [, option] = /^Not enough arguments following: (\S+)/.exec(failure) ?? []
  if (option !== undefined) {
    const next = args[args.indexOf(`--${option}`) + 1] ?? ''
    const hint = ` (one that begins with -- is typed --${option}=VALUE)`
    return `--${option} needs a value${next.startsWith('--') ? hint : ''}`
  }
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

/** Whether the option of this name takes a value, with whatever command it goes. */
function isText(name: string): boolean {
  const all = [TARGET, serverOptions(), ...COMMANDS.map(({ options }) => options)]
  return all.some((options) => {
    const option = Object.entries(options).find(([known]) => known === name)?.[1]
    return option !== undefined && 'type' in option && option.type === 'string'
  })
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
  const ours = new Set([
    ...names,
    '_',
    '$0',
    'extension',
    'file',
    'call',
    'node',
    'server',
    'join-token',
  ])
  return Object.keys(given)
    .filter((name) => !ours.has(name))
    .map((name) => {
      const meant = didYouMean(name, names).replace('mean ', 'mean --')
      return `--${name} is not known${meant === '' ? `; ${HELP}` : meant}`
    })
}
