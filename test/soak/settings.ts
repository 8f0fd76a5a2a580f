//! What a soak is asked to do: by flags, the time by SOAK_MINUTES too.

import { parseArgs } from 'node:util'

export type Settings = {
  readonly minutes: number
  /** A second. */
  readonly calls: number
  /** A second. */
  readonly registrations: number
  /** Phones that only register. */
  readonly phones: number
  readonly seed: number
  /** Other work runs on this machine: being turned away by overload control is no failure. */
  readonly shared: boolean
  readonly executable: string | undefined
  /** Of the product: ports, data directory. */
  readonly args: readonly string[]
  readonly data: string | undefined
}

const HELP = `npm run soak -- [--minutes 60] [--calls 200] [--registrations 1000] [--phones 20000]
  [--seed N] [--shared] [--data DIR] [-- options of pbx, such as --rtp-ports 50000-54000]
--shared: other work runs on this machine, so calls may be turned away by overload control.
SOAK_MINUTES sets the minutes too; PBX_BIN names an executable to try instead of the sources.`

export function readSettings(argv: readonly string[], env: NodeJS.ProcessEnv): Settings {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      minutes: { type: 'string', default: env['SOAK_MINUTES'] ?? '60' },
      calls: { type: 'string', default: '200' },
      registrations: { type: 'string', default: '1000' },
      phones: { type: 'string', default: '20000' },
      seed: { type: 'string', default: '1' },
      data: { type: 'string' },
      shared: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    process.exit(0)
  }
  return {
    minutes: positive('minutes', values.minutes),
    calls: positive('calls', values.calls),
    registrations: positive('registrations', values.registrations),
    phones: positive('phones', values.phones),
    seed: positive('seed', values.seed),
    data: values.data,
    shared: values.shared,
    executable: env['PBX_BIN'],
    args: positionals,
  }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new Error(`--${name} ${text} must be a number above 0`)
}
