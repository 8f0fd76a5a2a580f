//! One `nft -i` that stays: starting it costs 20 ms, once 300. It is started again when it ends,
//! and when it does not answer.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'

const PATIENCE_MS = 2_000

export type NftFault = { readonly kind: 'no-nft' | 'refused' | 'silent'; readonly why: string }

type Waiting = {
  readonly settle: (answer: string | NftFault) => void
  /** What it says last, whatever the rules are: that there is no such table. */
  readonly end: string
  readonly timer: NodeJS.Timeout
}

export class Nft {
  #child: ChildProcessWithoutNullStreams | undefined
  #heard = ''
  #waiting: Waiting[] = []
  #asked = 0
  #isStopped = false

  /** What it answers to lines of nft(8); a fault when it refuses one of them. */
  async tell(lines: string): Promise<string | NftFault> {
    if (this.#isStopped) return { kind: 'no-nft', why: 'this node is closing' }
    const answer = await this.#ask(lines)
    if (typeof answer !== 'string') return answer
    const error = /^Error: (.*)$/m.exec(answer)?.[1]
    return error === undefined ? answer : { kind: 'refused', why: error }
  }

  /** It ends once it has done what it was told. */
  stop(): void {
    this.#isStopped = true
    this.#child?.stdin.end()
  }

  #ask(lines: string): Promise<string | NftFault> {
    const child = (this.#child ??= this.#start())
    return new Promise((settle) => {
      const end = `list table ip pbx_asked_${++this.#asked}`
      const timer = setTimeout(() => this.#end(child, this.#silence()), PATIENCE_MS)
      this.#waiting.push({ settle, end, timer })
      child.stdin.write(`${lines}\n${end}\n`)
    })
  }

  /** What it said last may tell: that it may not, for example. */
  #silence(): NftFault {
    const said = this.#heard.trim().split('\n').at(-1) ?? ''
    const why = `nft did not answer within ${PATIENCE_MS} ms`
    return { kind: 'silent', why: said === '' ? why : `${why}; it says ${said}` }
  }

  #start(): ChildProcessWithoutNullStreams {
    // Errors among the answers, in their order.
    const child = spawn('sh', ['-c', 'exec nft -i 2>&1'], { stdio: 'pipe' })
    const hear = (text: string): void => {
      if (this.#child === child) this.#hear(text)
    }
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear)
    child.on('error', ({ message }) => this.#end(child, { kind: 'no-nft', why: message }))
    // What it said last is heard before.
    child.on('close', (code) => {
      const said = this.#heard.trim().split('\n').at(-1) ?? ''
      this.#end(child, { kind: 'no-nft', why: said || `nft ended with ${code}` })
    })
    // A write after its end: the exit says the rest.
    child.stdin.on('error', () => {})
    return child
  }

  /** What it may still do of what it was told comes too late to be allowed: see `rules.ts`. */
  #end(child: ChildProcessWithoutNullStreams, fault: NftFault): void {
    if (this.#child !== child) return
    this.#child = undefined
    this.#heard = ''
    child.kill('SIGKILL')
    for (const { settle, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer)
      settle(fault)
    }
  }

  #hear(text: string): void {
    this.#heard += text
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const [whole, answer = ''] = endOf(first.end).exec(this.#heard) ?? []
      if (whole === undefined) return
      this.#heard = this.#heard.slice(whole.length)
      this.#waiting.shift()
      clearTimeout(first.timer)
      first.settle(answer)
    }
  }
}

/** The error, the line that it is about, and the mark under its end. */
function endOf(line: string): RegExp {
  return new RegExp(`^([^]*?)Error: [^\\n]*\\n${line}\\n *\\^+\\n`)
}
