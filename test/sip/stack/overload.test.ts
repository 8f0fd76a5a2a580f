//! Overload control by golden script.
//!
//!     samples N late=MS waited=MS busy=SHARE messages=N    N samples, 100 ms apart
//!     offer N                                             N new requests

import { after, millis, type Millis } from '../../../src/base/time.ts'
import { Overload } from '../../../src/sip/stack/overload.ts'
import { walk } from '../../harness/datadriven.ts'

walk(new URL('./testdata/overload', import.meta.url).pathname, () => {
  const overload = new Overload()
  let now: Millis = millis(0)
  return (command) => {
    const count = Number(command.words[0])
    const number = (key: string): number => Number(command.arg(key) ?? 0)
    if (command.name === 'offer') {
      let refused = 0
      for (let index = 0; index < count; index++) if (overload.refuses()) refused++
      return `refused ${refused} of ${count}`
    }
    const lines: string[] = []
    for (let index = 0; index < count; index++) {
      now = after(now, millis(100))
      const late = millis(number('late'))
      const waited = command.arg('waited') === undefined ? undefined : millis(number('waited'))
      overload.sample({ late, waited, busy: number('busy'), messages: number('messages') }, now)
      lines.push(`${now}ms refusing ${(overload.share * 100).toFixed(0)} %`)
    }
    return lines.join('\n')
  }
})
